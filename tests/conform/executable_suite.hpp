// What every backend's Executable must do beside its arithmetic: sizes that vary, empty runs, bad feeds, parallel runs.
//
// A test program includes it once and instantiates Executables with its backends.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "graph/backend.hpp"

namespace asterism::conform {

using testing::HasSubstr;

inline constexpr std::int64_t kVocabulary = 50;
inline constexpr std::int64_t kHidden = 16;

inline Tensor filled(const Shape& shape, unsigned seed) {
  Tensor tensor(DType::kF32, shape);
  std::uint32_t state = seed * 2654435761U + 1U;
  for (float& value : tensor.mutable_as<float>()) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8U) / static_cast<float>(1U << 23U) - 1.0F;
  }
  return tensor;
}

struct Encoder {
  Graph graph;
  ParameterMap parameters;
};

// Embedding, projections, attention, pooling: outputs [tokens, hidden] and [texts, hidden].
inline Encoder small_encoder() {
  GraphBuilder b;
  Encoder encoder;
  const auto weight = [&](const std::string& name, const Shape& shape) {
    encoder.parameters.emplace(name, filled(shape, static_cast<unsigned>(encoder.parameters.size() + 1)));
    return b.parameter(name, shape);
  };
  const ValueId table = weight("table", {kVocabulary, kHidden});
  const ValueId x = b.embedding("words", table, b.input("ids", DType::kI32, {kDynamicDim}));
  const ValueId query = b.linear("query", x, weight("q", {kHidden, kHidden}));
  const ValueId key = b.linear("key", x, weight("k", {kHidden, kHidden}));
  const ValueId value = b.linear("value", x, weight("v", {kHidden, kHidden}));
  const ValueId offsets = b.input("offsets", DType::kI32, {kDynamicDim});
  const ValueId mixed = b.attention("mixed", {query, key, value, offsets}, {4, 0.5});
  const ValueId pooled = b.pool("pooled", mixed, b.input("ranges", DType::kI32, {kRowDim, 2}), Pooling::kMean);
  encoder.graph = b.finish(std::array{mixed, pooled}).value();
  return encoder;
}

inline Tensor integers(const Shape& shape, const std::vector<std::int32_t>& values) {
  Tensor tensor(DType::kI32, shape);
  std::ranges::copy(values, tensor.mutable_as<std::int32_t>().begin());
  return tensor;
}

inline std::vector<Feed> feeds_of(const std::vector<std::int32_t>& lengths) {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> offsets{0};
  std::vector<std::int32_t> ranges;
  for (const std::int32_t length : lengths) {
    for (std::int32_t i = 0; i < length; ++i) {
      ids.push_back((7 * length + 3 * i) % static_cast<std::int32_t>(kVocabulary));
    }
    ranges.push_back(offsets.back());
    offsets.push_back(offsets.back() + length);
    ranges.push_back(offsets.back());
  }
  const auto tokens = static_cast<std::int64_t>(ids.size());
  const auto texts = static_cast<std::int64_t>(lengths.size());
  return {{"ids", integers({tokens}, ids)},
          {"offsets", integers({texts + 1}, offsets)},
          {"ranges", integers({texts, 2}, ranges)}};
}

struct BackendCase {
  std::string name;
  std::function<std::unique_ptr<Backend>()> make;
};

class Executables : public testing::TestWithParam<BackendCase> {
 protected:
  static std::unique_ptr<Executable> compile(const CompileOptions& options = {}) {
    const Encoder encoder = small_encoder();
    return GetParam().make()->compile(encoder.graph, encoder.parameters, options).value();
  }
};

TEST_P(Executables, each_text_has_its_vectors_whatever_the_batch) {
  const auto executable = compile();
  const std::vector<std::int32_t> lengths{1, 31, 33, 5, 64, 2, 130};
  const auto together = executable->run(feeds_of(lengths)).value();
  std::size_t token = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const auto alone = executable->run(feeds_of({lengths[i]})).value();
    ASSERT_EQ(alone[0].shape(), (Shape{lengths[i], kHidden}));
    ASSERT_EQ(alone[1].shape(), (Shape{1, kHidden}));
    for (std::size_t k = 0; k < alone[0].element_count(); ++k) {
      ASSERT_NEAR(alone[0].as<float>()[k], together[0].as<float>()[token * kHidden + k], 1e-5F) << i;
    }
    for (std::size_t k = 0; k < kHidden; ++k) {
      ASSERT_NEAR(alone[1].as<float>()[k], together[1].as<float>()[i * kHidden + k], 1e-5F) << i;
    }
    token += static_cast<std::size_t>(lengths[i]);
  }
}

TEST_P(Executables, an_empty_run_and_an_empty_text_are_runs) {
  const auto executable = compile();
  const auto none = executable->run(feeds_of({}));
  ASSERT_TRUE(none) << none.error().to_string();
  EXPECT_EQ((*none)[0].shape(), (Shape{0, kHidden}));
  EXPECT_EQ((*none)[1].shape(), (Shape{0, kHidden}));
  const auto empty = executable->run(feeds_of({0, 3, 0}));
  ASSERT_TRUE(empty) << empty.error().to_string();
  for (std::size_t k = 0; k < kHidden; ++k) {
    EXPECT_EQ((*empty)[1].as<float>()[k], 0.0F);
    EXPECT_TRUE(std::isfinite((*empty)[1].as<float>()[kHidden + k]));
  }
}

TEST_P(Executables, a_bad_feed_is_an_error_and_the_next_run_works) {
  const auto executable = compile();
  std::vector<Feed> bad = feeds_of({3, 4});
  bad[0].tensor = integers({7}, {0, 1, 2, 3, 4, 5, static_cast<std::int32_t>(kVocabulary)});
  const auto refused = executable->run(bad);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("id 50 at token 6"));
  EXPECT_TRUE(executable->run(feeds_of({3, 4})));
}

TEST_P(Executables, parallel_runs_do_not_mix) {
  const auto executable = compile({.stream_count = 2});
  constexpr int kThreads = 4;
  constexpr int kRuns = 8;
  std::vector<std::vector<Tensor>> expected;
  for (std::int32_t i = 0; i < kThreads; ++i) {
    expected.push_back(executable->run(feeds_of({3 + 5 * i, 2 + i})).value());
  }
  std::vector<int> wrong(kThreads, 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const auto index = static_cast<std::size_t>(i);
      for (int run = 0; run < kRuns; ++run) {
        const auto outputs = executable->run(feeds_of({3 + 5 * i, 2 + i}));
        if (!outputs || !std::ranges::equal((*outputs)[1].as<float>(), expected[index][1].as<float>())) {
          ++wrong[index];
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, std::vector<int>(kThreads, 0));
}

TEST_P(Executables, a_missing_or_misshaped_weight_is_named_at_compile_time) {
  Encoder encoder = small_encoder();
  encoder.parameters.erase("k");
  encoder.parameters.insert_or_assign("q", Tensor(DType::kF32, {kHidden, kHidden + 1}));
  const auto compiled = GetParam().make()->compile(encoder.graph, encoder.parameters, {});
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(compiled.error().message, HasSubstr("missing: k"));
  EXPECT_THAT(compiled.error().message, HasSubstr("misshaped: q"));
}

TEST_P(Executables, projections_that_are_asked_for_are_not_fused_away) {
  Encoder encoder = small_encoder();
  const Graph graph = encoder.graph.cut(std::vector<std::string>{"mixed", "key"}).value();
  const auto executable = GetParam().make()->compile(graph, encoder.parameters, {}).value();
  const auto both = executable->run(feeds_of({4, 9})).value();
  const auto whole = compile()->run(feeds_of({4, 9})).value();
  for (std::size_t k = 0; k < both[0].element_count(); ++k) {
    ASSERT_NEAR(both[0].as<float>()[k], whole[0].as<float>()[k], 1e-5F);
  }
  EXPECT_EQ(both[1].shape(), (Shape{13, kHidden}));
}

TEST_P(Executables, weights_in_half_precision_are_widened) {
  Encoder encoder = small_encoder();
  for (auto& [name, tensor] : encoder.parameters) {
    Tensor half(DType::kBF16, tensor.shape());
    std::ranges::transform(tensor.as<float>(), half.mutable_as<std::uint16_t>().begin(), f32_to_bf16);
    tensor = half;
  }
  const auto narrow =
      GetParam().make()->compile(encoder.graph, encoder.parameters, {}).value()->run(feeds_of({5, 6})).value();
  for (auto& [name, tensor] : encoder.parameters) {
    tensor = tensor.to_f32();
  }
  const auto wide =
      GetParam().make()->compile(encoder.graph, encoder.parameters, {}).value()->run(feeds_of({5, 6})).value();
  EXPECT_TRUE(std::ranges::equal(narrow[1].as<float>(), wide[1].as<float>()));
}

TEST_P(Executables, bf16_is_close_to_f32_and_not_equal) {
  const Encoder encoder = small_encoder();
  const auto backend = GetParam().make();
  const auto exact = backend->compile(encoder.graph, encoder.parameters, {}).value()->run(feeds_of({5, 6})).value();
  const auto rounded = backend->compile(encoder.graph, encoder.parameters, {.precision = ComputePrecision::kBF16})
                           .value()
                           ->run(feeds_of({5, 6}))
                           .value();
  double largest_difference = 0.0;
  for (std::size_t k = 0; k < exact[1].element_count(); ++k) {
    largest_difference = std::max(largest_difference,
                                  static_cast<double>(std::abs(exact[1].as<float>()[k] - rounded[1].as<float>()[k])));
  }
  EXPECT_GT(largest_difference, 0.0);
  EXPECT_LT(largest_difference, 0.1);  // bfloat16 keeps 8 bits; values are around 1 and pass two matrix products
}

// A map of rows through a convolution: every input counts rows, as in image models.
inline Encoder small_image_encoder() {
  GraphBuilder b;
  Encoder encoder;
  encoder.parameters.emplace("w", filled({4, 3, 3, 3}, 1));
  const ValueId x = b.input("input", DType::kF32, {kRowDim, 3, 8, 8});
  const ValueId map = b.conv2d("map", {x, b.parameter("w", {4, 3, 3, 3}), {}}, {});
  const ValueId pooled = b.reduce("pooled", map, {.reduction = Reduction::kMean, .axes = {2, 3}});
  encoder.graph = b.finish(std::array{pooled}).value();
  return encoder;
}

TEST_P(Executables, a_fixed_row_count_takes_fewer_rows_and_gives_the_same) {
  const Encoder encoder = small_image_encoder();
  const auto open = GetParam().make()->compile(encoder.graph, encoder.parameters, {}).value();
  const auto fixed = GetParam().make()->compile(encoder.graph, encoder.parameters, {.row_count = 4}).value();
  for (const std::int64_t rows : {4, 1, 3}) {
    const std::vector<Feed> feeds{{"input", filled({rows, 3, 8, 8}, 9)}};
    const auto expected = open->run(feeds).value();
    const auto found = fixed->run(feeds).value();
    ASSERT_EQ(found[0].shape(), expected[0].shape()) << rows;
    for (std::size_t k = 0; k < found[0].element_count(); ++k) {
      ASSERT_NEAR(found[0].as<float>()[k], expected[0].as<float>()[k], 1e-5F) << rows;
    }
  }
}

}  // namespace asterism::conform
