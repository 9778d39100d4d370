// Jobs of kind "embed": a file of rows to vectors, by the server's models and queue, behind everything that is asked.
//
// In the job's folder: input.* as it was sent, vectors-NNNNN.npy with their rows files and the manifest that
// pipeline/embed_job.hpp writes, so that a job that was stopped or killed goes on behind its last complete shard.
// Thread-safety: pure functions over the folder; a JobResult belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "dataset/byte_source.hpp"
#include "server/http_message.hpp"
#include "server/job_board.hpp"
#include "server/served_embedder.hpp"
#include "weights/npy.hpp"

namespace asterism::server {

// Rows of one job.
inline constexpr std::uint64_t kJobRowCountMax = 10'000'000;

// What a client asks: {"kind": "embed", "model", "inputs": [texts], "prompt_name", "dimensions"}, or a file of rows as
// the body and the rest in the query. Pictures come as an archive (application/x-tar).
struct EmbedJobAsked {
  Json parameters = Json::object();   // as they are kept
  std::unique_ptr<ByteSource> input;  // the file, which may arrive yet
};
// Whether a job's body is such a file, which is taken while it arrives.
bool streams_embed_job(const HttpRequest& head);
// Does not read the file. kInvalidArgument, kUsage, kUnsupported or kLimitExceeded name the field. `cancel` is borrowed
// by the input.
Result<EmbedJobAsked> read_embed_job(const HttpRequest& request, const CancelFlag& cancel, ServedEmbedder& embedder);
// Writes the file into the job's folder as it comes, and counts its rows into `parameters`. An input that cannot be
// read as such is an error now, a row of it is one of the result.
Result<void> keep_embed_input(ByteSource& input, const std::filesystem::path& folder, const CancelFlag& cancel,
                              Json& parameters);

// The function of the kind; borrows `embedder`.
JobFunction embed_job_function(ServedEmbedder& embedder);

// What an embed job has made, piece by piece. Cost: one shard is mapped at a time.
class JobResult {
 public:
  enum class Form : std::uint8_t { kJsonl, kNpy };
  static Result<JobResult> open(const std::filesystem::path& folder, Form form);
  // The next piece; nothing at the end.
  Result<std::optional<std::string>> next();

 private:
  struct Shard {
    std::filesystem::path vectors;
    std::filesystem::path rows;
    std::uint64_t row_first = 0;
    std::uint64_t row_count = 0;
  };

  Result<void> open_shard();
  Result<std::string> next_lines();

  std::string folder_;
  Form form_ = Form::kJsonl;
  std::size_t dim_ = 0;
  std::vector<Shard> shards_;
  std::string head_;  // of .npy, until it was given
  std::size_t shard_ = 0;
  std::optional<Tensor> vectors_;  // of shards_[shard_], once opened
  std::string rows_;               // its rows file
  std::size_t rows_at_ = 0;
  std::uint64_t row_ = 0;  // of the shard
};

}  // namespace asterism::server
