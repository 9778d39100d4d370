// Vectors kept row after row in one block of memory, as f32, f16, bf16 or i8.
//
// A row is `dim` components of its type; i8 rows are followed, at the next multiple of four bytes, by the float scale
// that a component is multiplied with. Rows lie `stride_bytes` apart. All numbers are little-endian.
// Ownership: VectorRows borrows; whoever made it keeps the memory. Thread-safety: reading from any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "asterism/error.hpp"
#include "asterism/metric.hpp"

namespace asterism {

// Most components a vector may have.
inline constexpr std::size_t kVectorDimMax = 65536;
// Most rows of one VectorRows: positions are 32 bits wide, the last one means "none".
inline constexpr std::size_t kRowCountMax = 0xFFFF'FFFE;

// Bytes of one kept vector: what quantise_row() writes.
std::size_t vector_size_bytes(VectorType type, std::size_t dim) noexcept;
// Distance between rows that keeps each aligned to 16 bytes.
std::size_t vector_stride_bytes(VectorType type, std::size_t dim) noexcept;

// Asked before rows are read: files check their blocks on first use (vector_file.hpp). Any thread may call.
class RowVerifier {
 public:
  virtual ~RowVerifier() = default;
  // Whether rows [begin, end) are as they were written; what is wrong otherwise (kCorrupt).
  virtual Result<void> verify_rows(std::size_t begin, std::size_t end) const = 0;
};

// [row_count, dim]; `data` holds row_count * stride_bytes bytes (the last row may lack its padding).
struct VectorRows {
  std::span<const std::byte> data;
  std::size_t row_count = 0;
  std::size_t dim = 0;
  VectorType type = VectorType::kF32;
  std::size_t stride_bytes = 0;
  const RowVerifier* verifier = nullptr;  // borrowed; null: the rows are known to be whole

  const std::byte* row(std::size_t position) const noexcept { return data.data() + position * stride_bytes; }
};

// Rows of floats, one after the other: values [row_count, dim].
VectorRows float_rows(std::span<const float> values, std::size_t dim) noexcept;

// Whether the view holds what it says: kInvalidArgument names what does not fit. What takes VectorRows calls it.
Result<void> check_rows(const VectorRows& rows);
Result<void> verify_rows(const VectorRows& rows, std::size_t begin, std::size_t end);

// Writes `vector` in `type` to `row` [vector_size_bytes]. Narrowing rounds to nearest even; f16 and bf16 beyond their
// range become infinite. i8: scale = largest magnitude / 127, component = round(value / scale); a zero vector has
// scale 0. kInvalidArgument where a value is not finite, naming it. Cost: two passes.
Result<void> quantise_row(VectorType type, std::span<const float> vector, std::span<std::byte> row);
// The floats that a kept vector stands for: `row` [vector_size_bytes] to `vector` [dim].
void dequantise_row(VectorType type, std::span<const std::byte> row, std::span<float> vector) noexcept;

}  // namespace asterism
