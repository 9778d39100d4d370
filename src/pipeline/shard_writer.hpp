// The last stage of a job: encoded windows to files, shard by shard, and the manifest after each.
//
// Ownership: borrows the manifest, which it keeps up to date. Thread-safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/rows_writer.hpp"
#include "dataset/vector_writer.hpp"
#include "pipeline/job_files.hpp"
#include "pipeline/manifest.hpp"
#include "pipeline/row_windows.hpp"

namespace asterism {

struct EncodedWindow {
  std::uint64_t shard = 0;
  std::uint64_t row_first = 0;
  std::vector<RowOutcome> rows;
  std::vector<float> values;  // [rows, dim]; NaN where a row failed
  std::optional<ShardSpan> shard_end;
};

class WindowSink {
 public:
  virtual ~WindowSink() = default;
  virtual Result<void> append(const EncodedWindow& window) = 0;
};

// Files: vectors (one, or one an output where `files` has parts) and rows, a shard. For a job without shards `manifest`
// is used for its one entry and not written. `outputs`: what is written of a row, see VectorWriterOptions.
std::unique_ptr<WindowSink> make_shard_writer(const JobFiles& files, Manifest& manifest,
                                              std::vector<EmbeddingOutput> outputs);

// jsonl on `descriptor`; `manifest` gets one entry with the counts.
std::unique_ptr<WindowSink> make_stream_sink(int descriptor, Manifest& manifest, std::vector<EmbeddingOutput> outputs);

}  // namespace asterism
