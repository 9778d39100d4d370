// NumPy .npy files (format 1.0 to 3.0): a reader, and a writer for arrays whose row count is known only at the end.
//
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. Ownership: tensors share the mapping;
// a writer owns its file, and without commit() nothing appears. Thread-safety: reads from many threads, writers from
// one. Cost: reading touches the header only; writing keeps one buffer, whatever the number of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "asterism/error.hpp"
#include "base/file.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// Longest header accepted; NumPy itself refuses longer ones unless told otherwise.
inline constexpr std::size_t kNpyHeaderSizeBytesMax = 10'000;

// Little-endian arrays of the dtypes in DType, by rows; one of two axes by columns (Fortran order) is turned, which
// copies it. Anything else (big-endian, more axes in Fortran order, objects, records) is kUnsupported and named. A file
// with fewer or more bytes than its shape takes is kCorrupt.
Result<Tensor> read_npy(const std::filesystem::path& path);

// The same on bytes in memory: the tensor points into `bytes` and keeps `owner` alive. `source` names them in errors.
Result<Tensor> parse_npy(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                         std::string_view source);

// Appends rows of float32 and patches the row count into the header at commit(). The file is byte for byte what
// numpy.save writes for the same array.
class NpyRowsWriter {
 public:
  // The array is [rows, row_shape...]; a row has at least one value.
  static Result<NpyRowsWriter> create(const std::filesystem::path& path, Shape row_shape);
  // `rows` holds whole rows.
  Result<void> append(std::span<const float> rows);
  Result<void> commit();
  std::int64_t row_count() const noexcept { return row_count_; }

 private:
  NpyRowsWriter(AtomicFile file, Shape row_shape, std::size_t row_size)
      : file_(std::move(file)), row_shape_(std::move(row_shape)), row_size_(row_size) {}
  AtomicFile file_;
  Shape row_shape_;
  std::size_t row_size_ = 0;  // values in a row
  std::int64_t row_count_ = 0;
};

}  // namespace asterism
