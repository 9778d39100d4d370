// Every op on every backend against the reference interpreter, from the descriptions in op_cases.hpp.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "conform/op_cases.hpp"
#include "openvino/openvino_backend.hpp"
#include "reference/reference_backend.hpp"

namespace asterism::conform {
namespace {

const auto case_name = [](const auto& test) { return test.param.name; };

Tensor run_case(const Backend& backend, const BuiltCase& built, const CompileOptions& options = {}) {
  const auto executable = backend.compile(built.graph, built.parameters, options);
  EXPECT_TRUE(executable) << executable.error().to_string();
  auto outputs = (*executable)->run(built.feeds);
  EXPECT_TRUE(outputs) << outputs.error().to_string();
  return outputs->at(0);
}

// Rows of the texts (all rows of a result with one row a text or image); what padding rows hold is nobody's business.
std::span<const float> meaningful(const Tensor& tensor, const BuiltCase& built, std::int64_t token_count) {
  const bool per_token = built.graph.value(built.graph.outputs()[0]).shape[0] == kDynamicDim;
  return per_token ? tensor.as<float>().first(static_cast<std::size_t>(token_count * tensor.shape()[1]))
                   : tensor.as<float>();
}

class OpConformance : public testing::TestWithParam<OpCase> {};

TEST_P(OpConformance, openvino_equals_the_reference_and_padding_stays_outside) {
  const CaseSize size = test_size();
  for (const std::int64_t padding_rows : {0, 1, 29}) {
    const BuiltCase built = build_case(GetParam(), size, padding_rows).value();
    const Tensor expected_tensor = run_case(*make_reference_backend(), built);
    const Tensor found_tensor = run_case(*make_openvino_backend(), built);
    ASSERT_EQ(found_tensor.shape(), expected_tensor.shape());
    const auto expected = meaningful(expected_tensor, built, size.token_count());
    const auto found = meaningful(found_tensor, built, size.token_count());
    double largest = 0.0;
    for (const float value : expected) {
      ASSERT_TRUE(std::isfinite(value));
      largest = std::max(largest, static_cast<double>(std::abs(value)));
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(found[i], expected[i], GetParam().tolerance * largest)
          << "element " << i << ", " << padding_rows << " padding rows";
    }
  }
}

TEST_P(OpConformance, thread_count_changes_no_bit) {
  const BuiltCase built = build_case(GetParam(), test_size(), 0).value();
  const Tensor one = run_case(*make_openvino_backend(), built, {.thread_count = 1});
  const Tensor two = run_case(*make_openvino_backend(), built, {.thread_count = 2});
  EXPECT_EQ(std::memcmp(one.bytes().data(), two.bytes().data(), one.bytes().size()), 0);
}

TEST_P(OpConformance, inputs_are_not_written) {
  const BuiltCase built = build_case(GetParam(), test_size(), 3).value();
  std::vector<std::vector<std::byte>> before;
  for (const Feed& feed : built.feeds) {
    before.emplace_back(feed.tensor.bytes().begin(), feed.tensor.bytes().end());
  }
  run_case(*make_openvino_backend(), built);
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(std::memcmp(before[i].data(), built.feeds[i].tensor.bytes().data(), before[i].size()), 0)
        << built.feeds[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, OpConformance, testing::ValuesIn(op_cases()), case_name);

TEST(OpCases, cover_every_op_of_the_table) {
  const auto cases = op_cases();
  for (const OpTraits& traits : op_table()) {
    if (traits.op == Op::kInput || traits.op == Op::kParameter) {
      continue;  // every case has them
    }
    EXPECT_GT(std::ranges::count(cases, traits.op, &OpCase::op), 0)
        << traits.name << " has no description in op_cases.hpp";
  }
}

TEST(OpCases, describe_the_op_they_name) {
  for (const OpCase& op_case : op_cases()) {
    const BuiltCase built = build_case(op_case, test_size(), 0).value();
    EXPECT_GT(std::ranges::count(built.graph.values(), op_case.op, &Value::op), 0) << op_case.name;
  }
}

}  // namespace
}  // namespace asterism::conform
