// The streaming job behind `asterism embed`: rows in, vectors out, in order, in flat memory, resumable.
//
//   reader thread -> bounded queue -> encoder (windows) -> bounded queue -> writer thread
//
// Output is written to temporary names and renamed when complete. With `shard_row_count`, each shard is complete on its
// own and listed in OUT.manifest.json; a second run with the same inputs and settings makes only the missing shards.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "base/log.hpp"
#include "dataset/text_reader.hpp"

namespace asterism {

enum class OnRowError : std::uint8_t { kStop, kSkip };
enum class VectorFormat : std::uint8_t { kAuto, kNpy, kJsonl, kSafetensors };

struct EmbedJobProgress {
  std::uint64_t row_count = 0;
  std::uint64_t token_count = 0;
  double seconds = 0.0;
  double fraction = 0.0;  // of the input's bytes; 0 when unknown
};

struct EmbedJobOptions {
  TextReaderOptions input;
  std::string output;                              // path, or "-" for jsonl on stdout
  VectorFormat format = VectorFormat::kAuto;       // by extension
  std::uint64_t shard_row_count = 0;               // 0 = one file
  OnRowError on_row_error = OnRowError::kSkip;
  std::size_t window_row_count = 0;                // rows sorted by length together; 0 = default
  const CancelFlag* cancel = nullptr;              // borrowed; may be null
  std::function<void(const EmbedJobProgress&)> on_progress;  // called from one thread, at most ~10 times a second
  LogSink log;
};

struct EmbedJobResult {
  std::uint64_t row_count = 0;           // written in this run and before
  std::uint64_t row_count_resumed = 0;   // of those, found complete from an earlier run
  std::uint64_t failed_row_count = 0;
  std::uint64_t truncated_row_count = 0;
  std::uint64_t token_count = 0;
  std::size_t dim = 0;
  double seconds = 0.0;
  std::vector<std::string> files;        // vector files written or kept
  std::string rows_file;                 // OUT.rows.jsonl; empty for stdout
};

// Runs to the end, to the first failing row (kStop), or to a cancel (kCancelled: complete shards stay).
Result<EmbedJobResult> run_embed_job(const Encoder& encoder, const EmbedJobOptions& options);

}  // namespace asterism
