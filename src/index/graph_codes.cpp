#include "index/graph_codes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numbers>
#include <utility>

#include "tensor/dtype.hpp"

namespace asterism {
namespace {

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) noexcept {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

GraphCodes::GraphCodes(Metric metric, std::size_t dim, GraphCode code, CodeReference reference)
    : metric_(metric),
      code_(code),
      dim_(dim),
      reference_(std::move(reference)),
      dots_(code == GraphCode::kI8 ? i8_code_dots().front() : bf16_code_dots().front()),
      trailer_offset_(round_up(code == GraphCode::kI8 ? dim : 2 * dim, alignof(Trailer))),
      stride_bytes_(round_up(trailer_offset_ + sizeof(Trailer), kCacheLineBytes)) {}

Result<void> GraphCodes::reserve(std::size_t row_count) {
  if (row_count <= row_capacity_) {
    return {};
  }
  if (!owned_.grow(row_count * stride_bytes_, {rows_, row_capacity_ * stride_bytes_})) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("graph index: expected memory for {} codes of {} bytes, found too "
                            "little",
                            row_count, stride_bytes_));
  }
  rows_ = owned_.data();
  row_capacity_ = row_count;
  return {};
}

void GraphCodes::borrow(std::span<const std::byte> rows) noexcept {
  owned_ = {};
  rows_ = rows.data();
  row_capacity_ = rows.size() / stride_bytes_;
}

float GraphCodes::encode_components(std::span<const float> vector, std::byte* code) const noexcept {
  float largest = 0.0F;
  for (const float value : vector) {
    largest = std::max(largest, std::abs(value));
  }
  const bool is_i8 = code_ == GraphCode::kI8;
  // bf16 needs a scale for cosine alone, where squares of large components must not become infinite.
  const float scale = is_i8 ? largest / 127.0F : metric_ == Metric::kCosine ? largest : 1.0F;
  const float inverse = scale > 0.0F ? 1.0F / scale : 0.0F;
  if (!std::isfinite(inverse)) {
    return 0.0F;  // as good as a zero vector
  }
  for (std::size_t i = 0; i < dim_; ++i) {
    if (is_i8) {
      const float component = std::clamp(std::nearbyint(vector[i] * inverse), -127.0F, 127.0F);
      code[i] = static_cast<std::byte>(static_cast<std::int8_t>(component));
    } else {
      const std::uint16_t bits = f32_to_bf16(vector[i] * inverse);
      std::memcpy(code + 2 * i, &bits, sizeof bits);
    }
  }
  return scale;
}

void GraphCodes::encode(std::span<const float> vector, std::byte* code, bool is_query) const {
  std::fill(code, code + stride_bytes_, std::byte{0});
  std::vector<float> centred;
  if (!reference_.centre.empty()) {
    centred.resize(dim_);
    std::ranges::transform(vector, reference_.centre, centred.begin(), std::minus<>{});
    vector = centred;
  }
  const float scale = encode_components(vector, code);
  // Of what was kept, not of what was given, so that the distance of a code to itself is zero.
  const float product = dots_.product(code, code, dim_);
  const float square = scale * scale * product;
  Trailer trailer{.factor = 0.0F, .offset = 0.0F, .pole = 0.0F};
  switch (metric_) {
    case Metric::kCosine:
      trailer = {.factor = product > 0.0F ? 1.0F / std::sqrt(product) : 0.0F, .offset = 0.5F, .pole = 0.0F};
      break;
    case Metric::kDot:
      trailer = {.factor = scale,
                 .offset = 0.0F,
                 .pole = is_query ? 0.0F : std::sqrt(std::max(0.0F, reference_.largest_square - square))};
      break;
    case Metric::kEuclidean:
      trailer = {.factor = std::numbers::sqrt2_v<float> * scale, .offset = square, .pole = 0.0F};
      break;
  }
  std::memcpy(code + trailer_offset_, &trailer, sizeof trailer);
}

void GraphCodes::factored(const std::byte* code, std::span<float> components) const noexcept {
  const float factor = trailer(code).factor;
  for (std::size_t i = 0; i < dim_; ++i) {
    if (code_ == GraphCode::kI8) {
      components[i] = factor * static_cast<float>(static_cast<std::int8_t>(code[i]));
    } else {
      std::uint16_t bits = 0;
      std::memcpy(&bits, code + 2 * i, sizeof bits);
      components[i] = factor * bf16_to_f32(bits);
    }
  }
}

float GraphCodes::value_of(float distance) const noexcept {
  switch (metric_) {
    case Metric::kCosine:
      return 1.0F - distance;
    case Metric::kDot:
      return -distance;
    case Metric::kEuclidean:
      return std::sqrt(std::max(0.0F, distance));
  }
  return distance;
}

}  // namespace asterism
