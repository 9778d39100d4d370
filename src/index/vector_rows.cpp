#include "index/vector_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/kept_rows.hpp"
#include "tensor/dtype.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRowAlignmentBytes = 16;

std::size_t component_size_bytes(VectorType type) noexcept {
  switch (type) {
    case VectorType::kF32:
      return 4;
    case VectorType::kF16:
    case VectorType::kBF16:
      return 2;
    case VectorType::kI8:
      return 1;
  }
  return 0;
}

template <typename Narrow>
void narrow_components(std::span<const float> vector, std::byte* row, Narrow narrow) noexcept {
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const std::uint16_t bits = narrow(vector[i]);
    std::memcpy(row + 2 * i, &bits, sizeof bits);
  }
}

template <typename Widen>
void widen_components(const std::byte* row, std::span<float> vector, Widen widen) noexcept {
  for (std::size_t i = 0; i < vector.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, row + 2 * i, sizeof bits);
    vector[i] = widen(bits);
  }
}

void quantise_i8(std::span<const float> vector, std::byte* row) noexcept {
  float largest = 0.0F;
  for (const float value : vector) {
    largest = std::max(largest, std::abs(value));
  }
  // The division may end in a denormal or zero scale: then the vector is as good as zero.
  const float scale = largest / 127.0F;
  const float inverse = scale > 0.0F ? 1.0F / scale : 0.0F;
  const bool usable = std::isfinite(inverse);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const float code = usable ? std::nearbyint(vector[i] * inverse) : 0.0F;
    row[i] = static_cast<std::byte>(static_cast<std::int8_t>(std::clamp(code, -127.0F, 127.0F)));
  }
  const std::size_t offset = kept_scale_offset(vector.size());
  std::fill(row + vector.size(), row + offset, std::byte{0});
  const float kept_scale = usable ? scale : 0.0F;
  std::memcpy(row + offset, &kept_scale, sizeof kept_scale);
}

}  // namespace

std::size_t vector_size_bytes(VectorType type, std::size_t dim) noexcept {
  return type == VectorType::kI8 ? kept_scale_offset(dim) + sizeof(float) : dim * component_size_bytes(type);
}

std::size_t vector_stride_bytes(VectorType type, std::size_t dim) noexcept {
  return (vector_size_bytes(type, dim) + kRowAlignmentBytes - 1) / kRowAlignmentBytes * kRowAlignmentBytes;
}

VectorRows float_rows(std::span<const float> values, std::size_t dim) noexcept {
  return {.data = std::as_bytes(values),
          .row_count = dim == 0 ? 0 : values.size() / dim,
          .dim = dim,
          .type = VectorType::kF32,
          .stride_bytes = dim * sizeof(float),
          .verifier = nullptr};
}

Result<void> check_rows(const VectorRows& rows) {
  const std::size_t size_bytes = vector_size_bytes(rows.type, rows.dim);
  if (rows.dim > kVectorDimMax || rows.row_count > kRowCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("rows of vectors: expected at most {} rows of {} values, found {} of {}", kRowCountMax,
                            kVectorDimMax, rows.row_count, rows.dim));
  }
  const bool fits =
      rows.row_count == 0 ||
      (rows.data.size() >= size_bytes && (rows.row_count == 1 || rows.stride_bytes == 0 ||
                                          (rows.data.size() - size_bytes) / rows.stride_bytes >= rows.row_count - 1));
  if (rows.stride_bytes < size_bytes || !fits) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("rows of vectors: expected {} rows of {} {} values, {} bytes apart, found {} bytes", rows.row_count,
                    rows.dim, vector_type_name(rows.type), rows.stride_bytes, rows.data.size()));
  }
  return {};
}

Result<void> verify_rows(const VectorRows& rows, std::size_t begin, std::size_t end) {
  return rows.verifier == nullptr ? Result<void>{} : rows.verifier->verify_rows(begin, end);
}

Result<void> quantise_row(VectorType type, std::span<const float> vector, std::span<std::byte> row) {
  if (row.size() != vector_size_bytes(type, vector.size())) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a vector of {} values as {}: expected room for {} bytes, found {}", vector.size(),
                            vector_type_name(type), vector_size_bytes(type, vector.size()), row.size()));
  }
  const auto wrong = std::ranges::find_if_not(vector, [](float value) { return std::isfinite(value); });
  if (wrong != vector.end()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("vector: expected finite values, found {} at component {}",
                                                         *wrong, wrong - vector.begin()));
  }
  switch (type) {
    case VectorType::kF32:
      std::ranges::copy(std::as_bytes(vector), row.begin());
      break;
    case VectorType::kF16:
      narrow_components(vector, row.data(), f32_to_f16);
      break;
    case VectorType::kBF16:
      narrow_components(vector, row.data(), f32_to_bf16);
      break;
    case VectorType::kI8:
      quantise_i8(vector, row.data());
      break;
  }
  return {};
}

void dequantise_row(VectorType type, std::span<const std::byte> row, std::span<float> vector) noexcept {
  switch (type) {
    case VectorType::kF32:
      std::ranges::copy(row.first(vector.size_bytes()), std::as_writable_bytes(vector).begin());
      break;
    case VectorType::kF16:
      widen_components(row.data(), vector, f16_to_f32);
      break;
    case VectorType::kBF16:
      widen_components(row.data(), vector, bf16_to_f32);
      break;
    case VectorType::kI8: {
      float scale = 0.0F;
      std::memcpy(&scale, row.data() + kept_scale_offset(vector.size()), sizeof scale);
      for (std::size_t i = 0; i < vector.size(); ++i) {
        vector[i] = scale * static_cast<float>(static_cast<std::int8_t>(row[i]));
      }
      break;
    }
  }
}

}  // namespace asterism
