#include "kernels/attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
// After highway.h:
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<float>;

// Query rows that share each load of a key or value vector.
constexpr std::size_t kRowBlock = 4;

struct Unit {
  std::size_t token_begin;
  std::size_t token_count;
  std::size_t column;  // of the head in a row
};

// Scratch of one unit: keys transposed [head_dim, columns], values [token_count, head_stride], scores [kRowBlock,
// columns], one accumulator row a query. `columns` and `head_stride` are padded to whole vectors.
struct Layout {
  std::size_t columns;
  std::size_t head_stride;
  float* keys;
  float* values;
  float* scores;
  float* query;  // [head_dim, kRowBlock]
};

Layout make_layout(const AttentionProblem& p, std::size_t token_count, AttentionScratch& scratch) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  Layout layout{};
  layout.columns = hwy::RoundUpTo(token_count, 2 * lanes);
  layout.head_stride = hwy::RoundUpTo(p.head_dim, lanes);
  const std::size_t keys = p.head_dim * layout.columns;
  const std::size_t values = token_count * layout.head_stride;
  const std::size_t scores = kRowBlock * layout.columns;
  const std::size_t size = keys + values + scores + p.head_dim * kRowBlock;
  if (scratch.size() < size) {
    scratch.resize(size);
  }
  layout.keys = scratch.data();
  layout.values = layout.keys + keys;
  layout.scores = layout.values + values;
  layout.query = layout.scores + scores;
  return layout;
}

void pack_keys_and_values(const AttentionProblem& p, const Unit& unit, const Layout& layout) {
  for (std::size_t j = 0; j < unit.token_count; ++j) {
    const float* key = p.key + (unit.token_begin + j) * p.key_stride + unit.column;
    for (std::size_t k = 0; k < p.head_dim; ++k) {
      layout.keys[k * layout.columns + j] = key[k];
    }
    const float* value = p.value + (unit.token_begin + j) * p.value_stride + unit.column;
    float* packed = layout.values + j * layout.head_stride;
    std::memcpy(packed, value, p.head_dim * sizeof(float));
    std::fill(packed + p.head_dim, packed + layout.head_stride, 0.0F);
  }
  for (std::size_t k = 0; k < p.head_dim; ++k) {
    float* row = layout.keys + k * layout.columns;
    std::fill(row + unit.token_count, row + layout.columns, 0.0F);
  }
}

// scores[r, j] = query[r] . key[j], the query already scaled; two vectors of keys at a time.
void score_block(const Layout& layout, std::size_t head_dim) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t j = 0; j < layout.columns; j += 2 * lanes) {
    auto a0 = hn::Zero(d), a1 = hn::Zero(d), b0 = hn::Zero(d), b1 = hn::Zero(d);
    auto c0 = hn::Zero(d), c1 = hn::Zero(d), e0 = hn::Zero(d), e1 = hn::Zero(d);
    const float* key = layout.keys + j;
    const float* query = layout.query;
    for (std::size_t k = 0; k < head_dim; ++k, key += layout.columns, query += kRowBlock) {
      const auto k0 = hn::LoadU(d, key);
      const auto k1 = hn::LoadU(d, key + lanes);
      const auto q0 = hn::Set(d, query[0]);
      const auto q1 = hn::Set(d, query[1]);
      const auto q2 = hn::Set(d, query[2]);
      const auto q3 = hn::Set(d, query[3]);
      a0 = hn::MulAdd(q0, k0, a0);
      a1 = hn::MulAdd(q0, k1, a1);
      b0 = hn::MulAdd(q1, k0, b0);
      b1 = hn::MulAdd(q1, k1, b1);
      c0 = hn::MulAdd(q2, k0, c0);
      c1 = hn::MulAdd(q2, k1, c1);
      e0 = hn::MulAdd(q3, k0, e0);
      e1 = hn::MulAdd(q3, k1, e1);
    }
    float* out = layout.scores + j;
    hn::StoreU(a0, d, out);
    hn::StoreU(a1, d, out + lanes);
    hn::StoreU(b0, d, out + layout.columns);
    hn::StoreU(b1, d, out + layout.columns + lanes);
    hn::StoreU(c0, d, out + 2 * layout.columns);
    hn::StoreU(c1, d, out + 2 * layout.columns + lanes);
    hn::StoreU(e0, d, out + 3 * layout.columns);
    hn::StoreU(e1, d, out + 3 * layout.columns + lanes);
  }
}

// scores <- exp(scores - largest); returns 1 / sum. Columns past the text must not count: they are set to -infinity
// first.
float softmax_row(float* scores, std::size_t token_count, std::size_t columns) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  // A NaN score must reach the result: the maximum of x86 forgets it, exp and the sum do not.
  std::fill(scores + token_count, scores + columns, -std::numeric_limits<float>::infinity());
  auto largest = hn::Set(d, -std::numeric_limits<float>::infinity());
  for (std::size_t j = 0; j < columns; j += lanes) {
    largest = hn::Max(largest, hn::LoadU(d, scores + j));
  }
  const auto top = hn::MaxOfLanes(d, largest);
  auto sum = hn::Zero(d);
  // exp() of Highway gives 0 below about -104, as float32 does; the clamp keeps its intermediate steps finite.
  const auto lowest = hn::Set(d, -110.0F);
  for (std::size_t j = 0; j < columns; j += lanes) {
    const auto x = hn::Sub(hn::LoadU(d, scores + j), top);
    const auto e = hn::IfThenElse(hn::Lt(x, lowest), hn::Zero(d), hn::Exp(d, x));
    sum = hn::Add(sum, e);
    hn::StoreU(e, d, scores + j);
  }
  return 1.0F / hn::GetLane(hn::SumOfLanes(d, sum));
}

// output[r] = inverse[r] * sum_j scores[r, j] * value[j] for the first `rows` rows of the block.
void weigh_values(const AttentionProblem& p, const Layout& layout, const Unit& unit, std::size_t row, std::size_t rows,
                  const float* inverse) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t c = 0; c < p.head_dim; c += lanes) {
    auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
    const float* value = layout.values + c;
    const float* weight = layout.scores;
    for (std::size_t j = 0; j < unit.token_count; ++j, value += layout.head_stride, ++weight) {
      const auto v = hn::LoadU(d, value);
      s0 = hn::MulAdd(hn::Set(d, weight[0]), v, s0);
      s1 = hn::MulAdd(hn::Set(d, weight[layout.columns]), v, s1);
      s2 = hn::MulAdd(hn::Set(d, weight[2 * layout.columns]), v, s2);
      s3 = hn::MulAdd(hn::Set(d, weight[3 * layout.columns]), v, s3);
    }
    float* out = p.output + (unit.token_begin + row) * p.output_stride + unit.column + c;
    const decltype(s0) sums[kRowBlock] = {s0, s1, s2, s3};
    const std::size_t count = std::min(lanes, p.head_dim - c);
    for (std::size_t r = 0; r < rows; ++r) {
      const auto scaled = hn::Mul(sums[r], hn::Set(d, inverse[r]));
      if (count == lanes) {
        hn::StoreU(scaled, d, out + r * p.output_stride);
      } else {
        HWY_ALIGN float tail[HWY_MAX_BYTES / sizeof(float)];
        hn::Store(scaled, d, tail);
        std::memcpy(out + r * p.output_stride, tail, count * sizeof(float));
      }
    }
  }
}

void run_unit(const AttentionProblem& p, const Unit& unit, AttentionScratch& scratch) {
  const Layout layout = make_layout(p, unit.token_count, scratch);
  pack_keys_and_values(p, unit, layout);
  for (std::size_t row = 0; row < unit.token_count; row += kRowBlock) {
    const std::size_t rows = std::min(kRowBlock, unit.token_count - row);
    for (std::size_t r = 0; r < kRowBlock; ++r) {
      // A short last block repeats its last row: same arithmetic for every row, and nothing outside the text is read.
      const std::size_t token = unit.token_begin + row + std::min(r, rows - 1);
      const float* query = p.query + token * p.query_stride + unit.column;
      for (std::size_t k = 0; k < p.head_dim; ++k) {
        layout.query[k * kRowBlock + r] = query[k] * p.scale;
      }
    }
    score_block(layout, p.head_dim);
    float inverse[kRowBlock];
    for (std::size_t r = 0; r < kRowBlock; ++r) {
      inverse[r] = softmax_row(layout.scores + r * layout.columns, unit.token_count, layout.columns);
    }
    weigh_values(p, layout, unit, row, rows, inverse);
  }
}

}  // namespace

void attention_units(const AttentionProblem& p, std::size_t unit_begin, std::size_t unit_end,
                     AttentionScratch& scratch) {
  for (std::size_t i = unit_begin; i < unit_end; ++i) {
    const std::size_t text = i / p.head_count;
    const auto begin = static_cast<std::size_t>(p.offsets[text]);
    const auto end = static_cast<std::size_t>(p.offsets[text + 1]);
    if (end > begin) {
      run_unit(p, {begin, end - begin, (i % p.head_count) * p.head_dim}, scratch);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {

HWY_EXPORT(attention_units);

void attention(const AttentionProblem& problem, std::size_t unit_begin, std::size_t unit_end,
               AttentionScratch& scratch) {
  HWY_DYNAMIC_DISPATCH(attention_units)(problem, unit_begin, unit_end, scratch);
}

void attention_scalar(const AttentionProblem& p, std::size_t unit_begin, std::size_t unit_end) {
  for (std::size_t i = unit_begin; i < unit_end; ++i) {
    const auto begin = static_cast<std::size_t>(p.offsets[i / p.head_count]);
    const auto end = static_cast<std::size_t>(p.offsets[i / p.head_count + 1]);
    const std::size_t column = (i % p.head_count) * p.head_dim;
    std::vector<double> weights(end - begin);
    for (std::size_t row = begin; row < end; ++row) {
      double largest = -std::numeric_limits<double>::infinity();
      for (std::size_t j = begin; j < end; ++j) {
        double dot = 0.0;
        for (std::size_t k = column; k < column + p.head_dim; ++k) {
          dot +=
              static_cast<double>(p.query[row * p.query_stride + k]) * static_cast<double>(p.key[j * p.key_stride + k]);
        }
        weights[j - begin] = dot * static_cast<double>(p.scale);
        largest = std::max(largest, weights[j - begin]);
      }
      double sum = 0.0;
      for (double& weight : weights) {
        weight = std::exp(weight - largest);
        sum += weight;
      }
      for (std::size_t k = column; k < column + p.head_dim; ++k) {
        double total = 0.0;
        for (std::size_t j = begin; j < end; ++j) {
          total += weights[j - begin] * static_cast<double>(p.value[j * p.value_stride + k]);
        }
        p.output[row * p.output_stride + k] = static_cast<float>(total / sum);
      }
    }
  }
}

}  // namespace asterism
#endif  // HWY_ONCE
