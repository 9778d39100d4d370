#include "kernels/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "kernels/attention_bf16.hpp"
#include "tensor/dtype.hpp"

namespace asterism {
namespace {

constexpr float kCanary = 12345.0F;

// Query, key and value as slices of one matrix of [tokens, 3 * hidden], with canaries around the output and NaN in rows
// that belong to no text.
struct AttentionCase {
  AttentionCase(std::vector<std::int32_t> text_offsets, std::size_t heads, std::size_t dim, float magnitude)
      : offsets(std::move(text_offsets)), head_count(heads), head_dim(dim) {
    const std::size_t hidden = head_count * head_dim;
    const auto used = static_cast<std::size_t>(offsets.back());
    const std::size_t rows = used + kPaddingRows;
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0.0F, magnitude);
    qkv.assign(rows * 3 * hidden, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t i = 0; i < used * 3 * hidden; ++i) {
      qkv[i] = normal(random);
    }
    output.assign(rows * hidden, kCanary);
    expected = output;
  }

  AttentionProblem problem(std::vector<float>& out) const {
    const std::size_t hidden = head_count * head_dim;
    AttentionProblem p;
    p.query = qkv.data();
    p.key = qkv.data() + hidden;
    p.value = qkv.data() + 2 * hidden;
    p.query_stride = p.key_stride = p.value_stride = 3 * hidden;
    p.output = out.data();
    p.output_stride = hidden;
    p.offsets = offsets;
    p.head_count = head_count;
    p.head_dim = head_dim;
    p.scale = 1.0F / std::sqrt(static_cast<float>(head_dim));
    return p;
  }

  static constexpr std::size_t kPaddingRows = 5;
  std::vector<std::int32_t> offsets;
  std::size_t head_count;
  std::size_t head_dim;
  std::vector<float> qkv;
  std::vector<float> output;
  std::vector<float> expected;
};

struct AttentionShape {
  std::vector<std::int32_t> offsets;
  std::size_t head_count;
  std::size_t head_dim;
};

// Of the values, by magnitude.
float largest_value(const AttentionCase& c) {
  float largest = 0.0F;
  const std::size_t hidden = c.head_count * c.head_dim;
  for (std::size_t row = 0; row < static_cast<std::size_t>(c.offsets.back()); ++row) {
    for (std::size_t k = 0; k < hidden; ++k) {
      largest = std::max(largest, std::abs(c.qkv[(row * 3 + 2) * hidden + k]));
    }
  }
  return largest;
}

class Attention : public testing::TestWithParam<AttentionShape> {};

TEST_P(Attention, equals_the_oracle_when_causal) {
  AttentionCase c(GetParam().offsets, GetParam().head_count, GetParam().head_dim, 1.0F);
  AttentionScratch scratch;
  AttentionProblem p = c.problem(c.output);
  AttentionProblem oracle = c.problem(c.expected);
  p.causal = oracle.causal = true;
  attention(p, 0, p.unit_count(), scratch);
  attention_scalar(oracle, 0, oracle.unit_count());
  // As below.
  const float tolerance = 32.0F * 4.0F * std::numeric_limits<float>::epsilon();
  for (std::size_t i = 0; i < c.output.size(); ++i) {
    ASSERT_NEAR(c.output[i], c.expected[i], tolerance) << i;
  }
}

TEST_P(Attention, equals_the_oracle_and_touches_nothing_else) {
  AttentionCase c(GetParam().offsets, GetParam().head_count, GetParam().head_dim, 1.0F);
  AttentionScratch scratch;
  const AttentionProblem p = c.problem(c.output);
  attention(p, 0, p.unit_count(), scratch);
  const AttentionProblem oracle = c.problem(c.expected);
  attention_scalar(oracle, 0, oracle.unit_count());
  // Weights sum to 1, so errors are a few roundings of values of magnitude ~4: 32 of them is generous and far below a
  // mistake.
  const float tolerance = 32.0F * 4.0F * std::numeric_limits<float>::epsilon();
  for (std::size_t i = 0; i < c.output.size(); ++i) {
    ASSERT_NEAR(c.output[i], c.expected[i], tolerance) << i;
  }
}

// The arithmetic is that of float32, so rounding its answer gives the same bits; but where the processor multiplies
// pairs of bfloat16, weights are rounded too.
void expect_float32_answer_rounded(const AttentionShape& shape, bool causal) {
  AttentionCase c(shape.offsets, shape.head_count, shape.head_dim, 1.0F);
  std::vector<std::uint16_t> narrow(c.qkv.size());
  std::ranges::transform(c.qkv, narrow.begin(), f32_to_bf16);
  std::ranges::transform(narrow, c.qkv.begin(), bf16_to_f32);
  AttentionScratch scratch;
  AttentionProblem wide = c.problem(c.output);
  wide.causal = causal;
  attention(wide, 0, wide.unit_count(), scratch);

  const std::uint16_t canary = f32_to_bf16(kCanary);
  std::vector<std::uint16_t> found(c.output.size(), canary);
  AttentionProblemBf16 p;
  p.query = narrow.data();
  p.key = narrow.data() + wide.output_stride;
  p.value = narrow.data() + 2 * wide.output_stride;
  p.query_stride = p.key_stride = p.value_stride = wide.query_stride;
  p.output = found.data();
  p.output_stride = wide.output_stride;
  p.offsets = c.offsets;
  p.head_count = wide.head_count;
  p.head_dim = wide.head_dim;
  p.scale = wide.scale;
  p.causal = causal;
  attention(p, 0, p.unit_count(), scratch);
  const bool weights_are_rounded = has_bf16_products(p.head_dim);
  const float largest = largest_value(c);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (weights_are_rounded) {
      // Half a unit of the weights, which sum to 1, times the values; and half a unit of the output.
      ASSERT_NEAR(bf16_to_f32(found[i]), c.output[i], (largest + std::abs(c.output[i])) * 0x1.0p-8F) << i;
    } else {
      ASSERT_EQ(found[i], f32_to_bf16(c.output[i])) << i;
    }
  }
}

TEST_P(Attention, in_bf16_is_the_float32_answer_rounded) {
  expect_float32_answer_rounded(GetParam(), false);
}

TEST_P(Attention, in_bf16_is_the_float32_answer_rounded_when_causal) {
  expect_float32_answer_rounded(GetParam(), true);
}

INSTANTIATE_TEST_SUITE_P(All, Attention,
                         testing::Values(AttentionShape{{0, 1}, 1, 1}, AttentionShape{{0, 1, 3, 6, 10, 15, 21}, 3, 8},
                                         AttentionShape{{0, 16, 33, 50}, 2, 32}, AttentionShape{{0, 256}, 1, 64},
                                         AttentionShape{{0, 0, 4, 4, 4, 9, 9}, 2, 8}, AttentionShape{{0, 7}, 2, 5},
                                         AttentionShape{{0, 13}, 3, 33}, AttentionShape{{0}, 2, 8},
                                         AttentionShape{{0, 1, 3, 20, 52, 53, 101}, 2, 64},
                                         AttentionShape{{0, 5, 36}, 3, 96}));

TEST(AttentionUnits, are_independent_of_each_other_bit_for_bit) {
  AttentionCase c({0, 5, 30, 31, 64}, 2, 16, 1.0F);
  AttentionScratch scratch;
  const AttentionProblem whole = c.problem(c.output);
  attention(whole, 0, whole.unit_count(), scratch);
  const AttentionProblem parts = c.problem(c.expected);
  for (std::size_t i = parts.unit_count(); i-- > 0;) {
    AttentionScratch own;
    attention(parts, i, i + 1, own);
  }
  EXPECT_EQ(c.output, c.expected);
}

TEST(AttentionScores, of_any_size_do_not_overflow) {
  AttentionCase c({0, 40}, 1, 16, 60.0F);  // scores of several thousands
  AttentionScratch scratch;
  const AttentionProblem p = c.problem(c.output);
  attention(p, 0, p.unit_count(), scratch);
  const AttentionProblem oracle = c.problem(c.expected);
  attention_scalar(oracle, 0, oracle.unit_count());
  for (std::size_t i = 0; i < 40U * 16U; ++i) {
    ASSERT_TRUE(std::isfinite(c.output[i]));
    // One weight is ~1: a score of ~10^4 carries a rounding of ~10^-3, and so does the weight.
    ASSERT_NEAR(c.output[i], c.expected[i], 0.5F) << i;
  }
}

TEST(AttentionScores, that_are_nan_stay_visible_in_bf16) {
  const std::uint16_t nan = 0x7FFF;  // all bits of the fraction: careless rounding would carry it into the sign
  const std::vector<std::uint16_t> qkv(3 * 8, nan);
  std::vector<std::uint16_t> output(8, 0);
  const std::vector<std::int32_t> offsets{0, 1};
  AttentionProblemBf16 p;
  p.query = qkv.data();
  p.key = qkv.data() + 8;
  p.value = qkv.data() + 16;
  p.query_stride = p.key_stride = p.value_stride = 24;
  p.output = output.data();
  p.output_stride = 8;
  p.offsets = offsets;
  p.head_count = 1;
  p.head_dim = 8;
  p.scale = 1.0F;
  AttentionScratch scratch;
  attention(p, 0, 1, scratch);
  for (const std::uint16_t bits : output) {
    EXPECT_TRUE(std::isnan(bf16_to_f32(bits))) << bits;
  }
}

TEST(AttentionScores, that_are_nan_stay_visible) {
  AttentionCase c({0, 9}, 1, 8, 1.0F);
  c.qkv[3 * 8 * 4] = std::numeric_limits<float>::quiet_NaN();  // in the query of token 4
  AttentionScratch scratch;
  const AttentionProblem p = c.problem(c.output);
  attention(p, 0, p.unit_count(), scratch);
  EXPECT_TRUE(std::isnan(c.output[4 * 8]));
  EXPECT_FALSE(std::isnan(c.output[3 * 8]));
}

}  // namespace
}  // namespace asterism
