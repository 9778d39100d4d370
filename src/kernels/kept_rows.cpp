#include "kernels/kept_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/code_dots.hpp"
#include "tensor/dtype.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/kept_rows.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;

// How components of a type become floats: a vector of them, or one.
struct F32 {
  static constexpr std::size_t kSizeBytes = 4;
  static Vector load(Tag d, const std::byte* p) { return hn::LoadU(d, reinterpret_cast<const float*>(p)); }
  static float one(const std::byte* p) {
    float value = 0.0F;
    std::memcpy(&value, p, sizeof value);
    return value;
  }
};

struct F16 {
  static constexpr std::size_t kSizeBytes = 2;
  static Vector load(Tag d, const std::byte* p) {
    const hn::Rebind<hwy::float16_t, Tag> half;
    return hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(p)));
  }
  static float one(const std::byte* p) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, p, sizeof bits);
    return f16_to_f32(bits);
  }
};

struct BF16 {
  static constexpr std::size_t kSizeBytes = 2;
  static Vector load(Tag d, const std::byte* p) {
    const hn::Rebind<std::uint16_t, Tag> half;
    const hn::RebindToUnsigned<Tag> wide;
    const auto bits = hn::PromoteTo(wide, hn::LoadU(half, reinterpret_cast<const std::uint16_t*>(p)));
    return hn::BitCast(d, hn::ShiftLeft<16>(bits));
  }
  static float one(const std::byte* p) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, p, sizeof bits);
    return bf16_to_f32(bits);
  }
};

struct I8 {
  static constexpr std::size_t kSizeBytes = 1;
  static Vector load(Tag d, const std::byte* p) {
    const hn::Rebind<std::int8_t, Tag> quarter;
    const hn::RebindToSigned<Tag> wide;
    return hn::ConvertTo(d, hn::PromoteTo(wide, hn::LoadU(quarter, reinterpret_cast<const std::int8_t*>(p))));
  }
  static float one(const std::byte* p) { return static_cast<float>(static_cast<std::int8_t>(*p)); }
};

// Sums term(row, query) over a row; four chains hide the latency of the multiply-add.
template <typename Type, typename VectorTerm, typename Term>
float sum_terms(const std::byte* row, const float* query, std::size_t dim, VectorTerm vector_term, Term term) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  const auto at = [&](std::size_t i) { return Type::load(d, row + i * Type::kSizeBytes); };
  auto sum0 = hn::Zero(d);
  auto sum1 = hn::Zero(d);
  auto sum2 = hn::Zero(d);
  auto sum3 = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 4 * lanes <= dim; i += 4 * lanes) {
    sum0 = vector_term(at(i), hn::LoadU(d, query + i), sum0);
    sum1 = vector_term(at(i + lanes), hn::LoadU(d, query + i + lanes), sum1);
    sum2 = vector_term(at(i + 2 * lanes), hn::LoadU(d, query + i + 2 * lanes), sum2);
    sum3 = vector_term(at(i + 3 * lanes), hn::LoadU(d, query + i + 3 * lanes), sum3);
  }
  for (; i + lanes <= dim; i += lanes) {
    sum0 = vector_term(at(i), hn::LoadU(d, query + i), sum0);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
  for (; i < dim; ++i) {
    sum += term(Type::one(row + i * Type::kSizeBytes), query[i]);
  }
  return sum;
}

struct DotAndSquare {
  float dot;
  float square;
};

// Both sums of one row in one pass, as sum_terms.
template <typename Type>
DotAndSquare dot_and_square(const std::byte* row, const float* query, std::size_t dim) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  auto dot0 = hn::Zero(d);
  auto dot1 = hn::Zero(d);
  auto square0 = hn::Zero(d);
  auto square1 = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 2 * lanes <= dim; i += 2 * lanes) {
    const auto a = Type::load(d, row + i * Type::kSizeBytes);
    const auto b = Type::load(d, row + (i + lanes) * Type::kSizeBytes);
    dot0 = hn::MulAdd(a, hn::LoadU(d, query + i), dot0);
    dot1 = hn::MulAdd(b, hn::LoadU(d, query + i + lanes), dot1);
    square0 = hn::MulAdd(a, a, square0);
    square1 = hn::MulAdd(b, b, square1);
  }
  DotAndSquare sums{hn::GetLane(hn::SumOfLanes(d, hn::Add(dot0, dot1))),
                    hn::GetLane(hn::SumOfLanes(d, hn::Add(square0, square1)))};
  for (; i < dim; ++i) {
    const float value = Type::one(row + i * Type::kSizeBytes);
    sums.dot += value * query[i];
    sums.square += value * value;
  }
  return sums;
}

// The scale of an i8 row; 1 for others.
template <typename Type>
float scale_of(const std::byte* row, std::size_t dim) {
  return Type::kSizeBytes == 1 ? F32::one(row + kept_scale_offset(dim)) : 1.0F;
}

// Rows that are fetched ahead: the processor's own fetching begins anew at every page. None beyond the last row, so
// that single rows cost nothing more.
class RowFetcher {
 public:
  RowFetcher(const KeptRows& rows, std::size_t row_count)
      : rows_(rows),
        row_count_(row_count),
        rows_ahead_(kFetchedAheadBytes / std::max(kLineBytes, rows.stride_bytes) + 1) {}

  void fetch_for(std::size_t row) const {
    if (row + rows_ahead_ < row_count_) {
      const std::byte* ahead = rows_.data + (row + rows_ahead_) * rows_.stride_bytes;
      for (std::size_t offset = 0; offset < rows_.stride_bytes; offset += kLineBytes) {
        __builtin_prefetch(ahead + offset);
      }
    }
  }

 private:
  static constexpr std::size_t kFetchedAheadBytes = 4096;
  static constexpr std::size_t kLineBytes = 64;

  const KeptRows& rows_;
  std::size_t row_count_;
  std::size_t rows_ahead_;
};

template <typename Type>
void dots_of(const KeptRows& rows, const float* query, std::span<float> dots, std::span<float> squares) {
  const RowFetcher fetcher(rows, dots.size());
  const std::byte* row = rows.data;
  for (std::size_t r = 0; r < dots.size(); ++r, row += rows.stride_bytes) {
    fetcher.fetch_for(r);
    const float scale = scale_of<Type>(row, rows.dim);
    if (squares.empty()) {
      dots[r] = scale * sum_terms<Type>(
                            row, query, rows.dim, [](auto a, auto b, auto sum) { return hn::MulAdd(a, b, sum); },
                            [](float a, float b) { return a * b; });
    } else {
      const DotAndSquare sums = dot_and_square<Type>(row, query, rows.dim);
      dots[r] = scale * sums.dot;
      squares[r] = scale * scale * sums.square;
    }
  }
}

template <typename Type>
void squared_distances_of(const KeptRows& rows, const float* query, std::span<float> out) {
  const Tag d;
  const RowFetcher fetcher(rows, out.size());
  const std::byte* row = rows.data;
  for (std::size_t r = 0; r < out.size(); ++r, row += rows.stride_bytes) {
    fetcher.fetch_for(r);
    const float scale = scale_of<Type>(row, rows.dim);
    const auto scales = hn::Set(d, scale);
    out[r] = sum_terms<Type>(
        row, query, rows.dim,
        [&](auto a, auto b, auto sum) {
          const auto difference = hn::NegMulAdd(a, scales, b);
          return hn::MulAdd(difference, difference, sum);
        },
        [&](float a, float b) { return (b - a * scale) * (b - a * scale); });
  }
}

void kept_dots_simd(const KeptRows& rows, const float* query, std::span<float> dots, std::span<float> squares) {
  switch (rows.type) {
    case VectorType::kF32:
      return dots_of<F32>(rows, query, dots, squares);
    case VectorType::kF16:
      return dots_of<F16>(rows, query, dots, squares);
    case VectorType::kBF16:
      return dots_of<BF16>(rows, query, dots, squares);
    case VectorType::kI8:
      return dots_of<I8>(rows, query, dots, squares);
  }
}

void kept_squared_distances_simd(const KeptRows& rows, const float* query, std::span<float> out) {
  switch (rows.type) {
    case VectorType::kF32:
      return squared_distances_of<F32>(rows, query, out);
    case VectorType::kF16:
      return squared_distances_of<F16>(rows, query, out);
    case VectorType::kBF16:
      return squared_distances_of<BF16>(rows, query, out);
    case VectorType::kI8:
      return squared_distances_of<I8>(rows, query, out);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {
namespace {

HWY_EXPORT(kept_dots_simd);
HWY_EXPORT(kept_squared_distances_simd);

double kept_component(const KeptRows& rows, std::size_t row, std::size_t i) {
  const std::byte* p = rows.data + row * rows.stride_bytes;
  std::uint16_t half = 0;
  float value = 0.0F;
  switch (rows.type) {
    case VectorType::kF32:
      std::memcpy(&value, p + i * 4, sizeof value);
      return static_cast<double>(value);
    case VectorType::kF16:
      std::memcpy(&half, p + i * 2, sizeof half);
      return static_cast<double>(f16_to_f32(half));
    case VectorType::kBF16:
      std::memcpy(&half, p + i * 2, sizeof half);
      return static_cast<double>(bf16_to_f32(half));
    case VectorType::kI8:
      std::memcpy(&value, p + kept_scale_offset(rows.dim), sizeof value);
      return static_cast<double>(value) * static_cast<double>(static_cast<std::int8_t>(p[i]));
  }
  return 0.0;
}

}  // namespace

void kept_dots(const KeptRows& rows, std::span<const float> query, std::span<float> dots,
               std::span<float> squares) noexcept {
  if (rows.type != VectorType::kI8 || squares.empty()) {
    HWY_DYNAMIC_DISPATCH(kept_dots_simd)(rows, query.data(), dots, squares);
    return;
  }
  // Squares of integers need no floats: half the time.
  HWY_DYNAMIC_DISPATCH(kept_dots_simd)(rows, query.data(), dots, {});
  const CodeDots& integers = i8_code_dots().front();
  for (std::size_t r = 0; r < squares.size(); ++r) {
    const std::byte* row = rows.data + r * rows.stride_bytes;
    float scale = 0.0F;
    std::memcpy(&scale, row + kept_scale_offset(rows.dim), sizeof scale);
    squares[r] = scale * scale * integers.product(row, row, rows.dim);
  }
}

void kept_squared_distances(const KeptRows& rows, std::span<const float> query, std::span<float> out) noexcept {
  HWY_DYNAMIC_DISPATCH(kept_squared_distances_simd)(rows, query.data(), out);
}

void kept_dots_scalar(const KeptRows& rows, std::span<const float> query, std::span<float> dots,
                      std::span<float> squares) noexcept {
  for (std::size_t r = 0; r < dots.size(); ++r) {
    double dot = 0.0;
    double square = 0.0;
    for (std::size_t i = 0; i < rows.dim; ++i) {
      const double value = kept_component(rows, r, i);
      dot += value * static_cast<double>(query[i]);
      square += value * value;
    }
    dots[r] = static_cast<float>(dot);
    if (!squares.empty()) {
      squares[r] = static_cast<float>(square);
    }
  }
}

void kept_squared_distances_scalar(const KeptRows& rows, std::span<const float> query, std::span<float> out) noexcept {
  for (std::size_t r = 0; r < out.size(); ++r) {
    double sum = 0.0;
    for (std::size_t i = 0; i < rows.dim; ++i) {
      const double difference = static_cast<double>(query[i]) - kept_component(rows, r, i);
      sum += difference * difference;
    }
    out[r] = static_cast<float>(sum);
  }
}

}  // namespace asterism
#endif
