// The streaming job behind `asterism embed`: rows in, vectors out, in order, in flat memory, resumable.
//
//   reader thread -> bounded queue -> encode (the caller's thread) -> bounded queue -> writer thread
//
// Output is written to temporary names and renamed when complete. With OUT = "vectors.npy" there are vectors.npy and
// vectors.npy.rows.jsonl (src/dataset/rows_writer.hpp); with `shard_row_count` vectors-00000.npy and its
// vectors-00000.npy.rows.jsonl and so on, each shard complete on its own and listed in vectors.npy.manifest.json
// (manifest.hpp). A second run with the same inputs and settings makes only the shards that are missing or damaged.
// vectors.npy.lock stands there while a job runs: a second one on the same OUT is refused at once.
//
// Thread-safety: one job is one call; jobs with different outputs may run at once. Cost: memory for a handful of
// windows, whatever the number of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "base/log.hpp"
#include "dataset/row_source.hpp"
#include "dataset/vector_writer.hpp"

namespace asterism {

enum class OnRowError : std::uint8_t { kStop, kSkip };

// How several outputs (layers) are written: as one array, or each as its own: a .npy file OUT-stem.LAYER.npy, a tensor
// of the one .safetensors file, or a member of the jsonl object.
enum class OutputsAs : std::uint8_t { kConcatenated, kSeparate };

// A window is the rows that the encoder gets at once; it ends at whichever comes first, and at the end of a shard. The
// bytes bound the work of one window of texts, and with it how long a cancel takes; of images they bound the memory.
inline constexpr std::size_t kWindowRowCountDefault = 1024;
inline constexpr std::size_t kWindowTextSizeBytesMax = std::size_t{128} << 10;
inline constexpr std::size_t kWindowImageCountDefault = 64;
inline constexpr std::size_t kWindowImageSizeBytesMax = std::size_t{64} << 20;
// The manifest is written anew after each shard, so their number is bounded.
inline constexpr std::uint64_t kShardCountMax = 10'000;
// Failing rows that are logged one by one; all of them are in the rows file.
inline constexpr std::uint64_t kFailedRowsLoggedMax = 10;

struct EmbedJobProgress {
  PayloadKind kind = PayloadKind::kText;
  std::uint64_t row_count = 0;    // of this run
  std::uint64_t token_count = 0;  // of this run
  double seconds = 0.0;
  double fraction = 0.0;  // of what this run has to read; 0 when unknown (stdin)
};

// Whatever shapes the vectors beside the inputs: name and value ("precision", "bf16"). Kept in the manifest; a run with
// other settings does not add to the shards of an earlier one.
using JobSettings = std::vector<std::pair<std::string, std::string>>;

struct EmbedJobOptions {
  RowSourceOptions input;                     // `interrupted` is set by the job
  std::string output;                         // path, or "-" for jsonl on stdout
  VectorFormat format = VectorFormat::kAuto;  // by extension
  std::uint64_t shard_row_count = 0;          // 0 = one file
  OnRowError on_row_error = OnRowError::kSkip;
  OutputsAs outputs_as = OutputsAs::kConcatenated;
  std::size_t window_row_count = 0;                          // 0 = the default of the kind of rows
  JobSettings settings;                                      // beside what the encoder's info says; see job_settings()
  const CancelFlag* cancel = nullptr;                        // borrowed; may be null
  std::function<void(const EmbedJobProgress&)> on_progress;  // on the caller's thread, at most ~10 times a second
  LogSink log;  // kWarning: failed rows, damaged shards; kInfo: truncated rows, what was kept
};

struct EmbedJobResult {
  PayloadKind kind = PayloadKind::kText;
  std::uint64_t row_count = 0;          // written in this run and before
  std::uint64_t row_count_resumed = 0;  // of those, found complete from an earlier run
  std::uint64_t failed_row_count = 0;
  std::uint64_t truncated_row_count = 0;
  std::uint64_t token_count = 0;
  std::uint64_t token_count_resumed = 0;  // of those, in rows found complete
  std::uint64_t ignored_file_count = 0;   // in folders and archives of this run: no images
  IllFormedTexts ill_formed_texts;        // read in this run
  std::size_t dim = 0;
  Shape row_shape;  // of one array; empty when the outputs are written apart
  double seconds = 0.0;
  std::vector<std::string> files;       // vector files written or kept
  std::vector<std::string> rows_files;  // one beside each; none for stdout
  std::string manifest;                 // of a sharded job; else empty
};

// What the job needs of an encoder.
struct JobEncoder {
  // One vector a payload; RowReport::error is a row that has none.
  std::function<Result<Embeddings>(std::span<const Payload> payloads)> encode;
  std::size_t dim = 0;
  // Parts of a row of values, one after the other; empty = one of shape [dim].
  std::vector<EmbeddingOutput> outputs = {};
  JobSettings settings = {};
};

// Runs to the end, to the first failing row (kStop: that row's error), or to a cancel (kCancelled: the window at hand
// is finished, complete shards stay). Rows that failed and were skipped are counted in the result, not an error.
// kMismatch: there are shards of another job, other settings or other inputs under that name.
Result<EmbedJobResult> run_embed_job(const JobEncoder& encoder, const EmbedJobOptions& options);
// The second form adds what the encoder's info says to the settings, and for shards a digest of the model's files: that
// reads the model folder once more. kUnsupported when the encoder takes no rows of this kind.
Result<EmbedJobResult> run_embed_job(const Encoder& encoder, const EmbedJobOptions& options);

// The settings that EncoderInfo does not tell: prompt, layers, size of images, batch invariance.
JobSettings job_settings(const EncoderOptions& options);

}  // namespace asterism
