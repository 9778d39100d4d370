#include "kernels/pooling.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pooling.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<float>;

// output <- op(output, row * weight), element by element; the tail goes through a zero-filled vector.
template <typename Combine>
void accumulate(const float* row, float weight, std::size_t dim, float* output, Combine combine) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  const auto w = hn::Set(d, weight);
  std::size_t i = 0;
  for (; i + lanes <= dim; i += lanes) {
    hn::StoreU(combine(hn::LoadU(d, output + i), hn::LoadU(d, row + i), w), d, output + i);
  }
  if (i < dim) {
    HWY_ALIGN float a[HWY_MAX_BYTES / sizeof(float)] = {};
    HWY_ALIGN float b[HWY_MAX_BYTES / sizeof(float)] = {};
    std::memcpy(a, output + i, (dim - i) * sizeof(float));
    std::memcpy(b, row + i, (dim - i) * sizeof(float));
    hn::Store(combine(hn::Load(d, a), hn::Load(d, b), w), d, a);
    std::memcpy(output + i, a, (dim - i) * sizeof(float));
  }
}

void divide(float* output, std::size_t dim, float by) {
  for (std::size_t i = 0; i < dim; ++i) {
    output[i] /= by;
  }
}

}  // namespace

void pool(PoolKind kind, const float* rows, std::size_t token_count, std::size_t stride, std::size_t dim,
          float* output) {
  if (token_count == 0) {
    std::fill(output, output + dim, 0.0F);
    return;
  }
  const auto n = static_cast<float>(token_count);
  if (kind == PoolKind::kFirst || kind == PoolKind::kLast) {
    std::memcpy(output, rows + (kind == PoolKind::kLast ? (token_count - 1) * stride : 0), dim * sizeof(float));
    return;
  }
  if (kind == PoolKind::kMax) {
    std::memcpy(output, rows, dim * sizeof(float));
    for (std::size_t t = 1; t < token_count; ++t) {
      accumulate(rows + t * stride, 1.0F, dim, output, [](auto a, auto b, auto) { return hn::Max(a, b); });
    }
    return;
  }
  const bool weighted = kind == PoolKind::kWeightedMean;
  std::fill(output, output + dim, 0.0F);
  for (std::size_t t = 0; t < token_count; ++t) {
    if (weighted) {
      accumulate(rows + t * stride, static_cast<float>(t + 1), dim, output,
                 [](auto a, auto b, auto w) { return hn::MulAdd(b, w, a); });
    } else {
      accumulate(rows + t * stride, 1.0F, dim, output, [](auto a, auto b, auto) { return hn::Add(a, b); });
    }
  }
  if (weighted) {
    divide(output, dim, n * (n + 1.0F) / 2.0F);
  } else {
    divide(output, dim, kind == PoolKind::kMean ? n : std::sqrt(n));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {

HWY_EXPORT(pool);

void pool_rows(PoolKind kind, const float* rows, std::size_t token_count, std::size_t stride, std::size_t dim,
               float* output) {
  HWY_DYNAMIC_DISPATCH(pool)(kind, rows, token_count, stride, dim, output);
}

void pool_rows_scalar(PoolKind kind, const float* rows, std::size_t token_count, std::size_t stride, std::size_t dim,
                      float* output) {
  for (std::size_t i = 0; i < dim; ++i) {
    double sum = 0.0;
    double weights = 0.0;
    double largest = token_count == 0 ? 0.0 : static_cast<double>(rows[i]);
    for (std::size_t t = 0; t < token_count; ++t) {
      const auto x = static_cast<double>(rows[t * stride + i]);
      const double weight = kind == PoolKind::kWeightedMean ? static_cast<double>(t + 1) : 1.0;
      sum += weight * x;
      weights += weight;
      largest = std::max(largest, x);
    }
    double result = 0.0;
    if (token_count > 0) {
      switch (kind) {
        case PoolKind::kFirst:
          result = static_cast<double>(rows[i]);
          break;
        case PoolKind::kLast:
          result = static_cast<double>(rows[(token_count - 1) * stride + i]);
          break;
        case PoolKind::kMax:
          result = largest;
          break;
        case PoolKind::kMeanSqrtLen:
          result = sum / std::sqrt(weights);
          break;
        case PoolKind::kMean:
        case PoolKind::kWeightedMean:
          result = sum / weights;
          break;
      }
    }
    output[i] = static_cast<float>(result);
  }
}

}  // namespace asterism
#endif  // HWY_ONCE
