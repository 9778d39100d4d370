// A safetensors file with one float32 matrix whose row count is known only at the end.
//
// The header is written with spaces in reserve (the format allows them behind the JSON) and patched at commit(), so
// rows go straight to the file. Ownership: the writer owns its file; without commit() nothing appears. Thread-safety:
// one thread. Cost: memory is one write buffer, whatever the number of rows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "base/file.hpp"

namespace asterism {

// Name of the one tensor in the file.
inline constexpr std::string_view kEmbeddingsTensorName = "embeddings";

class SafetensorsMatrixWriter {
 public:
  // `dim` is at least 1. `metadata` goes into the header as it is.
  static Result<SafetensorsMatrixWriter> create(const std::filesystem::path& path, std::int64_t dim,
                                                const std::map<std::string, std::string>& metadata = {});
  // `rows` holds whole rows: [n, dim].
  Result<void> append(std::span<const float> rows);
  Result<void> commit();
  std::int64_t row_count() const noexcept { return row_count_; }

 private:
  SafetensorsMatrixWriter(AtomicFile file, std::int64_t dim, std::map<std::string, std::string> metadata,
                          std::size_t header_size_bytes)
      : file_(std::move(file)), dim_(dim), metadata_(std::move(metadata)), header_size_bytes_(header_size_bytes) {}

  AtomicFile file_;
  std::int64_t dim_ = 0;
  std::map<std::string, std::string> metadata_;
  std::size_t header_size_bytes_ = 0;
  std::int64_t row_count_ = 0;
};

}  // namespace asterism
