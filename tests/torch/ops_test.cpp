// Every op on torch against the reference interpreter, from the descriptions of tests/conform: values, and gradients
// against finite differences. One test walks all descriptions: loading libtorch for each would take minutes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "conform/case_comparison.hpp"
#include "conform/op_cases.hpp"
#include "torch/finite_differences.hpp"
#include "torch/torch_backend.hpp"

namespace asterism::conform {
namespace {

TEST(TorchOps, equal_the_reference_and_padding_stays_outside) {
  for (const OpCase& op_case : op_cases()) {
    SCOPED_TRACE(op_case.name);
    expect_equal_to_reference(*make_torch_backend(), op_case, 0);
    expect_equal_to_reference(*make_torch_backend(), op_case, 29);
  }
}

TEST(TorchOps, leave_their_inputs_as_they_are) {
  for (const OpCase& op_case : op_cases()) {
    const BuiltCase built = build_case(op_case, test_size(), 3).value();
    std::vector<std::vector<std::byte>> before;
    for (const Feed& feed : built.feeds) {
      before.emplace_back(feed.tensor.bytes().begin(), feed.tensor.bytes().end());
    }
    run_case(*make_torch_backend(), built);
    for (std::size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(std::memcmp(before[i].data(), built.feeds[i].tensor.bytes().data(), before[i].size()), 0)
          << op_case.name << " " << built.feeds[i].name;
    }
  }
}

// Large enough for every window and group of the descriptions.
CaseSize gradient_size() {
  return {{3, 1, 0, 5}, 6, 5, 3, 7, 2, 4, 8, 6};
}

TEST(TorchOps, gradients_equal_finite_differences_of_the_reference) {
  for (const OpCase& op_case : op_cases()) {
    SCOPED_TRACE(op_case.name);
    const BuiltCase built = build_case(op_case, gradient_size(), 0).value();
    expect_gradients_near_differences({built.graph, built.parameters, built.feeds}, {});
  }
}

}  // namespace
}  // namespace asterism::conform
