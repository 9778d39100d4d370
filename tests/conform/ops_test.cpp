// Every op on every backend against the reference interpreter, from the descriptions in op_cases.hpp.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "conform/case_comparison.hpp"
#include "conform/op_cases.hpp"
#include "openvino/openvino_backend.hpp"

namespace asterism::conform {
namespace {

const auto case_name = [](const auto& test) { return test.param.name; };

class OpConformance : public testing::TestWithParam<OpCase> {};

TEST_P(OpConformance, openvino_equals_the_reference_and_padding_stays_outside) {
  for (const std::int64_t padding_rows : {0, 1, 29}) {
    expect_equal_to_reference(*make_openvino_backend(), GetParam(), padding_rows);
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
