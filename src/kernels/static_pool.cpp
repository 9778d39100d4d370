#include "kernels/static_pool.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/static_pool.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace asterism::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// int8 sums are kept in int16 for this many rows: 256 * 128 would overflow, 255 * 128 does not.
constexpr std::size_t kRowsPerInt16Sum = 255;
// Vectors of sums held in registers while all rows pass by.
constexpr std::size_t kSumVectors = 8;

float widen(float value) {
  return value;
}
float widen(std::int8_t value) {
  return static_cast<float>(value);
}
float widen(hwy::float16_t value) {
  std::uint16_t bits = 0;
  hwy::CopySameSize(&value, &bits);
  return f16_to_f32(bits);
}
float widen(hwy::bfloat16_t value) {
  std::uint16_t bits = 0;
  hwy::CopySameSize(&value, &bits);
  return bf16_to_f32(bits);
}

template <class D, typename T>
hn::Vec<D> load_f32(D d, const T* from) {
  if constexpr (std::is_same_v<T, float>) {
    return hn::LoadU(d, from);
  } else if constexpr (std::is_same_v<T, std::int8_t>) {
    const hn::Rebind<std::int8_t, D> d8;
    const hn::Rebind<std::int32_t, D> d32;
    return hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, from)));
  } else {
    const hn::Rebind<T, D> narrow;
    return hn::PromoteTo(d, hn::LoadU(narrow, from));
  }
}

// Columns [begin, out.size()) one by one.
template <typename T>
void sum_columns_scalar(const T* table, std::size_t dim, std::span<const std::uint32_t> rows,
                        std::span<const float> weights, std::span<float> out, std::size_t begin) {
  for (std::size_t column = begin; column < out.size(); ++column) {
    float sum = 0.0F;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const float value = widen(table[rows[i] * dim + column]);
      sum += weights.empty() ? value : value * weights[i];
    }
    out[column] = sum;
  }
}

// kVectors vectors of columns from `column` on.
template <std::size_t kVectors, typename T>
void sum_block_f32(const T* table, std::size_t dim, std::span<const std::uint32_t> rows, std::span<const float> weights,
                   float* out, std::size_t column) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sums[kVectors];
  for (auto& sum : sums) {
    sum = hn::Zero(d);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const T* row = table + rows[i] * dim + column;
    if (weights.empty()) {
      for (std::size_t v = 0; v < kVectors; ++v) {
        sums[v] = hn::Add(sums[v], load_f32(d, row + v * lanes));
      }
    } else {
      const auto weight = hn::Set(d, weights[i]);
      for (std::size_t v = 0; v < kVectors; ++v) {
        sums[v] = hn::MulAdd(load_f32(d, row + v * lanes), weight, sums[v]);
      }
    }
  }
  for (std::size_t v = 0; v < kVectors; ++v) {
    hn::StoreU(sums[v], d, out + column + v * lanes);
  }
}

template <typename T>
void sum_rows_f32(const T* table, std::size_t dim, std::span<const std::uint32_t> rows, std::span<const float> weights,
                  std::span<float> out) {
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<float>());
  std::size_t column = 0;
  for (; column + kSumVectors * lanes <= out.size(); column += kSumVectors * lanes) {
    sum_block_f32<kSumVectors>(table, dim, rows, weights, out.data(), column);
  }
  for (; column + lanes <= out.size(); column += lanes) {
    sum_block_f32<1>(table, dim, rows, weights, out.data(), column);
  }
  sum_columns_scalar(table, dim, rows, weights, out, column);
}

#if HWY_TARGET == HWY_SCALAR
void sum_rows_i8(const std::int8_t* table, std::size_t dim, std::span<const std::uint32_t> rows, std::span<float> out) {
  sum_columns_scalar(table, dim, rows, {}, out, 0);
}
#else
// Adds at most kRowsPerInt16Sum rows to `out`, as integers.
template <std::size_t kVectors>
void add_block_i8(const std::int8_t* table, std::size_t dim, std::span<const std::uint32_t> rows, float* out,
                  std::size_t column) {
  const hn::ScalableTag<std::int16_t> d16;
  const hn::Rebind<std::int8_t, decltype(d16)> d8;
  const hn::RepartitionToWide<decltype(d16)> d32;
  const hn::Rebind<float, decltype(d32)> df;
  const hn::Half<decltype(d16)> d16_half;
  const std::size_t lanes = hn::Lanes(d16);
  hn::Vec<decltype(d16)> sums[kVectors];
  for (auto& sum : sums) {
    sum = hn::Zero(d16);
  }
  for (const std::uint32_t index : rows) {
    const std::int8_t* row = table + index * dim + column;
    for (std::size_t v = 0; v < kVectors; ++v) {
      sums[v] = hn::Add(sums[v], hn::PromoteTo(d16, hn::LoadU(d8, row + v * lanes)));
    }
  }
  for (std::size_t v = 0; v < kVectors; ++v) {
    float* to = out + column + v * lanes;
    const auto low = hn::ConvertTo(df, hn::PromoteTo(d32, hn::LowerHalf(d16_half, sums[v])));
    const auto high = hn::ConvertTo(df, hn::PromoteTo(d32, hn::UpperHalf(d16_half, sums[v])));
    hn::StoreU(hn::Add(hn::LoadU(df, to), low), df, to);
    hn::StoreU(hn::Add(hn::LoadU(df, to + lanes / 2), high), df, to + lanes / 2);
  }
}

void sum_rows_i8(const std::int8_t* table, std::size_t dim, std::span<const std::uint32_t> rows, std::span<float> out) {
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<std::int16_t>());
  std::ranges::fill(out, 0.0F);
  std::size_t column = 0;
  for (std::size_t begin = 0; begin < rows.size(); begin += kRowsPerInt16Sum) {
    const auto some = rows.subspan(begin, std::min(kRowsPerInt16Sum, rows.size() - begin));
    for (column = 0; column + kSumVectors * lanes <= out.size(); column += kSumVectors * lanes) {
      add_block_i8<kSumVectors>(table, dim, some, out.data(), column);
    }
    for (; column + lanes <= out.size(); column += lanes) {
      add_block_i8<1>(table, dim, some, out.data(), column);
    }
  }
  sum_columns_scalar(table, dim, rows, {}, out, column);
}
#endif

void static_row_sum_simd(const StaticTableView& table, std::span<const std::uint32_t> rows,
                         std::span<const float> weights, std::span<float> out) {
  switch (table.dtype) {
    case DType::kI8: {
      const auto* data = reinterpret_cast<const std::int8_t*>(table.data);
      if (weights.empty()) {
        return sum_rows_i8(data, table.dim, rows, out);
      }
      return sum_rows_f32(data, table.dim, rows, weights, out);
    }
    case DType::kF16:
      return sum_rows_f32(reinterpret_cast<const hwy::float16_t*>(table.data), table.dim, rows, weights, out);
    case DType::kBF16:
      return sum_rows_f32(reinterpret_cast<const hwy::bfloat16_t*>(table.data), table.dim, rows, weights, out);
    default:
      return sum_rows_f32(reinterpret_cast<const float*>(table.data), table.dim, rows, weights, out);
  }
}

}  // namespace asterism::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {

HWY_EXPORT(static_row_sum_simd);

void static_row_sum(const StaticTableView& table, std::span<const std::uint32_t> rows, std::span<const float> weights,
                    std::span<float> out) {
  HWY_DYNAMIC_DISPATCH(static_row_sum_simd)(table, rows, weights, out);
}

void static_row_sum_scalar(const StaticTableView& table, std::span<const std::uint32_t> rows,
                           std::span<const float> weights, std::span<float> out) {
  for (std::size_t column = 0; column < out.size(); ++column) {
    float sum = 0.0F;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t at = rows[i] * table.dim + column;
      float value = 0.0F;
      if (table.dtype == DType::kI8) {
        value = static_cast<float>(reinterpret_cast<const std::int8_t*>(table.data)[at]);
      } else if (table.dtype == DType::kF32) {
        value = reinterpret_cast<const float*>(table.data)[at];
      } else {
        const std::uint16_t bits = reinterpret_cast<const std::uint16_t*>(table.data)[at];
        value = table.dtype == DType::kF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
      }
      sum += weights.empty() ? value : value * weights[i];
    }
    out[column] = sum;
  }
}

}  // namespace asterism
#endif
