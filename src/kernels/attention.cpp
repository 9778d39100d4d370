#include "kernels/attention.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "kernels/attention_bf16.hpp"

// Sums live in arrays of vectors, which vectors of unknown length cannot.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
// After highway.h:
#include "kernels/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

// Both products (query by keys, weights by values) go through panels of this many vectors' width.
constexpr std::size_t kPanelVectors = 2;

struct Unit {
  std::size_t token_begin;
  std::size_t token_count;
  std::size_t column;  // of the head in a row
};

// Scratch of one unit: keys and values as panels, and the scores of one tile of queries.
struct Layout {
  std::size_t width;              // columns of a panel
  std::size_t key_panel_count;    // panels of keys: [head_dim, width], zeros past the text
  std::size_t value_panel_count;  // panels of values: [token_count, width], zeros past the head
  float* keys;
  float* values;
  float* scores;  // [kTileRowsMax, columns()]

  std::size_t columns() const { return key_panel_count * width; }
};

Layout make_layout(const AttentionProblem& p, std::size_t token_count, AttentionScratch& scratch) {
  constexpr std::size_t kAlignment = HWY_MAX_BYTES / sizeof(float);
  Layout layout{};
  layout.width = kPanelVectors * hn::Lanes(FloatTag());
  layout.key_panel_count = (token_count + layout.width - 1) / layout.width;
  layout.value_panel_count = (p.head_dim + layout.width - 1) / layout.width;
  const std::size_t keys = layout.columns() * p.head_dim;
  const std::size_t values = layout.value_panel_count * layout.width * token_count;
  const std::size_t scores = layout.columns() * kTileRowsMax;
  const std::size_t size = keys + values + scores + kAlignment;
  if (scratch.size() < size) {
    scratch.resize(size);
  }
  const auto address = reinterpret_cast<std::uintptr_t>(scratch.data());
  layout.keys = scratch.data() + (hwy::RoundUpTo(address, HWY_MAX_BYTES) - address) / sizeof(float);
  layout.values = layout.keys + keys;
  layout.scores = layout.values + values;
  return layout;
}

// Four keys side by side, four elements of each at a time.
#if HWY_TARGET != HWY_SCALAR
void transpose_keys(const float* key, std::size_t key_stride, std::size_t count, float* out, std::size_t out_stride) {
  const hn::FixedTag<float, 4> d;
  for (std::size_t k = 0; k + 4 <= count; k += 4) {
    const auto a = hn::LoadU(d, key + k);
    const auto b = hn::LoadU(d, key + key_stride + k);
    const auto c = hn::LoadU(d, key + 2 * key_stride + k);
    const auto e = hn::LoadU(d, key + 3 * key_stride + k);
    const auto ab_low = hn::InterleaveLower(d, a, b);
    const auto ab_high = hn::InterleaveUpper(d, a, b);
    const auto ce_low = hn::InterleaveLower(d, c, e);
    const auto ce_high = hn::InterleaveUpper(d, c, e);
    hn::StoreU(hn::ConcatLowerLower(d, ce_low, ab_low), d, out + k * out_stride);
    hn::StoreU(hn::ConcatUpperUpper(d, ce_low, ab_low), d, out + (k + 1) * out_stride);
    hn::StoreU(hn::ConcatLowerLower(d, ce_high, ab_high), d, out + (k + 2) * out_stride);
    hn::StoreU(hn::ConcatUpperUpper(d, ce_high, ab_high), d, out + (k + 3) * out_stride);
  }
}
#endif

void pack_keys(const AttentionProblem& p, const Unit& unit, const Layout& layout) {
  const float* keys = p.key + unit.token_begin * p.key_stride + unit.column;
  std::size_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  for (; j + 4 <= unit.token_count; j += 4) {  // a panel's width is a multiple of 4: the four share a panel
    float* panel = layout.keys + j / layout.width * layout.width * p.head_dim + j % layout.width;
    transpose_keys(keys + j * p.key_stride, p.key_stride, p.head_dim, panel, layout.width);
    for (std::size_t k = p.head_dim / 4 * 4; k < p.head_dim; ++k) {
      for (std::size_t i = 0; i < 4; ++i) {
        panel[k * layout.width + i] = keys[(j + i) * p.key_stride + k];
      }
    }
  }
#endif
  for (; j < layout.columns(); ++j) {
    float* panel = layout.keys + j / layout.width * layout.width * p.head_dim + j % layout.width;
    for (std::size_t k = 0; k < p.head_dim; ++k) {
      panel[k * layout.width] = j < unit.token_count ? keys[j * p.key_stride + k] : 0.0F;
    }
  }
}

void pack_values(const AttentionProblem& p, const Unit& unit, const Layout& layout) {
  for (std::size_t panel = 0; panel < layout.value_panel_count; ++panel) {
    const std::size_t column = panel * layout.width;
    const std::size_t count = std::min(layout.width, p.head_dim - column);
    const float* value = p.value + unit.token_begin * p.value_stride + unit.column + column;
    float* out = layout.values + column * unit.token_count;
    for (std::size_t j = 0; j < unit.token_count; ++j, value += p.value_stride, out += layout.width) {
      std::memcpy(out, value, count * sizeof(float));
      std::fill(out + count, out + layout.width, 0.0F);
    }
  }
}

// e^x for x <= 0: 2^n times a polynomial of degree 6 on [-ln 2 / 2, ln 2 / 2], fitted for the smallest relative error
// (3e-9, so that float32 rounding is what remains). 0 below -87, where float32 would become subnormal; NaN stays NaN.
HWY_INLINE FloatVector exp_of_negative(FloatVector x) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const auto lowest = hn::Set(d, -87.0F);
  const auto n = hn::Round(hn::Mul(hn::Max(x, lowest), hn::Set(d, 1.44269504F)));
  auto r = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), hn::Max(x, lowest));  // ln 2 in two parts: the first is exact
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), r);
  auto p = hn::MulAdd(r, hn::Set(d, 1.3814539415761828e-03F), hn::Set(d, 8.3687454462051392e-03F));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1668388992547989e-02F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666521131992340e-01F));
  p = hn::MulAdd(p, r, hn::Set(d, 4.9999994039535522e-01F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F));
  const auto power = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, n), hn::Set(di, 127))));
  const auto result = hn::IfThenElseZero(hn::Ge(x, lowest), hn::Mul(p, power));
  return hn::IfThenElse(hn::Eq(x, x), result, x);
}

// scores <- e^(scores - largest); returns 1 / sum. Columns at and past `seen_count` do not count and become 0.
float softmax_row(float* scores, std::size_t seen_count, std::size_t columns) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  std::fill(scores + seen_count, scores + columns, -std::numeric_limits<float>::infinity());
  auto largest = hn::Set(d, -std::numeric_limits<float>::infinity());
  for (std::size_t j = 0; j < columns; j += lanes) {
    largest = hn::Max(largest, hn::LoadU(d, scores + j));
  }
  const auto top = hn::MaxOfLanes(d, largest);
  auto sum = hn::Zero(d);
  for (std::size_t j = 0; j < columns; j += lanes) {
    const auto e = exp_of_negative(hn::Sub(hn::LoadU(d, scores + j), top));
    sum = hn::Add(sum, e);
    hn::StoreU(e, d, scores + j);
  }
  return 1.0F / hn::GetLane(hn::SumOfLanes(d, sum));
}

// One tile of queries: rows [row, row + kRows) of the unit.
template <std::size_t kRows>
void run_rows(const AttentionProblem& p, const Unit& unit, const Layout& layout, std::size_t row) {
  const FloatTag d;
  const std::size_t columns = layout.columns();
  const auto scale = hn::Set(d, p.scale);
  const float* query = p.query + (unit.token_begin + row) * p.query_stride + unit.column;
  for (std::size_t panel = 0; panel < layout.key_panel_count; ++panel) {
    Tile<kRows, kPanelVectors> tile;
    tile.clear();
    tile.multiply(query, p.query_stride, layout.keys + panel * layout.width * p.head_dim, p.head_dim);
    tile.store(layout.scores + panel * layout.width, columns,
               [&](std::size_t, std::size_t, FloatVector sum) HWY_ATTR { return hn::Mul(sum, scale); });
  }
  float inverse[kRows];
  for (std::size_t r = 0; r < kRows; ++r) {
    inverse[r] = softmax_row(layout.scores + r * columns, p.causal ? row + r + 1 : unit.token_count, columns);
  }
  float* const output = p.output + (unit.token_begin + row) * p.output_stride + unit.column;
  for (std::size_t panel = 0; panel < layout.value_panel_count; ++panel) {
    const std::size_t column = panel * layout.width;
    Tile<kRows, kPanelVectors> tile;
    tile.clear();
    tile.multiply(layout.scores, columns, layout.values + column * unit.token_count, unit.token_count);
    const auto weighed = [&](std::size_t r, std::size_t, FloatVector sum)
                             HWY_ATTR { return hn::Mul(sum, hn::Set(d, inverse[r])); };
    if (column + layout.width <= p.head_dim) {
      tile.store(output + column, p.output_stride, weighed);
    } else {
      HWY_ALIGN float edge[kRows * kPanelVectors * HWY_MAX_BYTES / sizeof(float)];
      tile.store(edge, layout.width, weighed);
      for (std::size_t r = 0; r < kRows; ++r) {
        std::memcpy(output + r * p.output_stride + column, edge + r * layout.width,
                    (p.head_dim - column) * sizeof(float));
      }
    }
  }
}

using RowsFunction = void (*)(const AttentionProblem&, const Unit&, const Layout&, std::size_t);

template <std::size_t... kIndex>
RowsFunction pick_rows(std::size_t rows, std::index_sequence<kIndex...>) {
  constexpr RowsFunction kFunctions[] = {run_rows<kIndex + 1>...};
  return kFunctions[rows - 1];
}

void run_unit(const AttentionProblem& p, const Unit& unit, AttentionScratch& scratch) {
  const Layout layout = make_layout(p, unit.token_count, scratch);
  pack_keys(p, unit, layout);
  pack_values(p, unit, layout);
  for (std::size_t row = 0; row < unit.token_count; row += kTileRowsMax) {
    const std::size_t rows = std::min(kTileRowsMax, unit.token_count - row);
    pick_rows(rows, std::make_index_sequence<kTileRowsMax>())(p, unit, layout, row);
  }
}

// Loops that the compiler turns into vectors for each target.
void widen_rows(const std::uint16_t* from, std::size_t stride, std::size_t rows, std::size_t columns, float* to) {
  for (std::size_t r = 0; r < rows; ++r, from += stride, to += columns) {
    for (std::size_t k = 0; k < columns; ++k) {
      to[k] = std::bit_cast<float>(static_cast<std::uint32_t>(from[k]) << 16);
    }
  }
}

// To the nearest, ties to even; NaN stays NaN.
void narrow_rows(const float* from, std::size_t rows, std::size_t columns, std::uint16_t* to, std::size_t stride) {
  for (std::size_t r = 0; r < rows; ++r, from += columns, to += stride) {
    for (std::size_t k = 0; k < columns; ++k) {
      const auto bits = std::bit_cast<std::uint32_t>(from[k]);
      const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
      const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
      to[k] = static_cast<std::uint16_t>(is_nan ? (bits >> 16) | 0x40U : rounded);
    }
  }
}

// One head of one text fits a cache once widened: query, key, value and output follow one another in `wide`.
void run_unit_bf16(const AttentionProblemBf16& p, const Unit& unit, AttentionScratch& scratch,
                   std::vector<float>& wide) {
  const std::size_t size = unit.token_count * p.head_dim;
  wide.resize(std::max(wide.size(), 4 * size));
  const auto widen = [&](const std::uint16_t* rows, std::size_t stride, float* to) {
    widen_rows(rows + unit.token_begin * stride + unit.column, stride, unit.token_count, p.head_dim, to);
  };
  AttentionProblem head;
  head.query = wide.data();
  head.key = head.query + size;
  head.value = head.key + size;
  head.output = wide.data() + 3 * size;
  head.query_stride = head.key_stride = head.value_stride = head.output_stride = p.head_dim;
  head.head_dim = p.head_dim;
  head.scale = p.scale;
  head.causal = p.causal;
  widen(p.query, p.query_stride, wide.data());
  widen(p.key, p.key_stride, wide.data() + size);
  widen(p.value, p.value_stride, wide.data() + 2 * size);
  run_unit(head, {0, unit.token_count, 0}, scratch);
  narrow_rows(head.output, unit.token_count, p.head_dim, p.output + unit.token_begin * p.output_stride + unit.column,
              p.output_stride);
}

// run(unit) for each unit that has tokens.
template <typename Problem, typename Run>
void for_each_unit(const Problem& p, std::size_t unit_begin, std::size_t unit_end, const Run& run) {
  for (std::size_t i = unit_begin; i < unit_end; ++i) {
    const std::size_t text = i / p.head_count;
    const auto begin = static_cast<std::size_t>(p.offsets[text]);
    const auto end = static_cast<std::size_t>(p.offsets[text + 1]);
    if (end > begin) {
      run(Unit{begin, end - begin, (i % p.head_count) * p.head_dim});
    }
  }
}

}  // namespace

void attention_units(const AttentionProblem& p, std::size_t unit_begin, std::size_t unit_end,
                     AttentionScratch& scratch) {
  for_each_unit(p, unit_begin, unit_end, [&](const Unit& unit) { run_unit(p, unit, scratch); });
}

void attention_units_bf16(const AttentionProblemBf16& p, std::size_t unit_begin, std::size_t unit_end,
                          AttentionScratch& scratch) {
  std::vector<float> wide;
  for_each_unit(p, unit_begin, unit_end, [&](const Unit& unit) { run_unit_bf16(p, unit, scratch, wide); });
}

}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {

HWY_EXPORT(attention_units);
HWY_EXPORT(attention_units_bf16);

void attention(const AttentionProblem& problem, std::size_t unit_begin, std::size_t unit_end,
               AttentionScratch& scratch) {
  HWY_DYNAMIC_DISPATCH(attention_units)(problem, unit_begin, unit_end, scratch);
}

void attention(const AttentionProblemBf16& problem, std::size_t unit_begin, std::size_t unit_end,
               AttentionScratch& scratch) {
  if (has_bf16_products(problem.head_dim)) {
    attention_by_bf16_products(problem, unit_begin, unit_end, scratch);
    return;
  }
  HWY_DYNAMIC_DISPATCH(attention_units_bf16)(problem, unit_begin, unit_end, scratch);
}

void attention_scalar(const AttentionProblem& p, std::size_t unit_begin, std::size_t unit_end) {
  for (std::size_t i = unit_begin; i < unit_end; ++i) {
    const auto begin = static_cast<std::size_t>(p.offsets[i / p.head_count]);
    const auto end = static_cast<std::size_t>(p.offsets[i / p.head_count + 1]);
    const std::size_t column = (i % p.head_count) * p.head_dim;
    std::vector<double> weights(end - begin);
    for (std::size_t row = begin; row < end; ++row) {
      double largest = -std::numeric_limits<double>::infinity();
      const std::size_t seen = p.causal ? row + 1 : end;
      weights.resize(seen - begin);
      for (std::size_t j = begin; j < seen; ++j) {
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
        for (std::size_t j = begin; j < seen; ++j) {
          total += weights[j - begin] * static_cast<double>(p.value[j * p.value_stride + k]);
        }
        p.output[row * p.output_stride + k] = static_cast<float>(total / sum);
      }
    }
  }
}

}  // namespace asterism
#endif  // HWY_ONCE
