// NumPy .npy files (format 1.0 to 3.0): a reader, and a writer for matrices whose row count is known only at the end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "asterism/error.hpp"
#include "base/file.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// C-ordered little-endian arrays of the dtypes in DType; anything else is kUnsupported and named. Shares the mapping.
Result<Tensor> read_npy(const std::filesystem::path& path);

// Appends rows of float32 and patches the row count into the header at commit().
class NpyMatrixWriter {
 public:
  static Result<NpyMatrixWriter> create(const std::filesystem::path& path, std::int64_t dim);
  // `rows` holds whole rows: [n, dim].
  Result<void> append(std::span<const float> rows);
  Result<void> commit();
  std::int64_t row_count() const noexcept { return row_count_; }

 private:
  NpyMatrixWriter(AtomicFile file, std::int64_t dim) : file_(std::move(file)), dim_(dim) {}
  AtomicFile file_;
  std::int64_t dim_ = 0;
  std::int64_t row_count_ = 0;
};

}  // namespace asterism
