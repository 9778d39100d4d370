#include <fmt/format.h>

#include "index/vector_rows.hpp"
#include "store/item_table.hpp"

namespace asterism {

std::vector<std::byte> vector_blob(std::span<const float> vector, VectorType type) {
  std::vector<std::byte> blob(vector_size_bytes(type, vector.size()));
  // Items were checked: their values are finite, and nothing else can fail.
  if (!quantise_row(type, vector, blob)) {
    blob.clear();
  }
  return blob;
}

Result<std::vector<float>> vector_of_blob(std::span<const std::byte> blob, std::size_t dim, VectorType type) {
  if (blob.size() != vector_size_bytes(type, dim)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("vector: expected {} bytes, found {}", vector_size_bytes(type, dim), blob.size()),
                "`asterism collection verify` finds all that are damaged");
  }
  std::vector<float> vector(dim);
  dequantise_row(type, blob, vector);
  return vector;
}

}  // namespace asterism
