// Every op on torch against the reference interpreter, from the descriptions of tests/conform: values, and gradients
// against finite differences. One test walks all descriptions: loading libtorch for each would take minutes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "conform/op_cases.hpp"
#include "reference/reference_backend.hpp"
#include "torch/finite_differences.hpp"
#include "torch/torch_backend.hpp"

namespace asterism::conform {
namespace {

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

void expect_equal_to_reference(const OpCase& op_case, std::int64_t padding_rows) {
  const CaseSize size = test_size();
  const BuiltCase built = build_case(op_case, size, padding_rows).value();
  const Tensor expected_tensor = run_case(*make_reference_backend(), built);
  const Tensor found_tensor = run_case(*make_torch_backend(), built);
  ASSERT_EQ(found_tensor.shape(), expected_tensor.shape());
  const auto expected = meaningful(expected_tensor, built, size.token_count());
  const auto found = meaningful(found_tensor, built, size.token_count());
  double largest = 0.0;
  for (const float value : expected) {
    ASSERT_TRUE(std::isfinite(value));
    largest = std::max(largest, static_cast<double>(std::abs(value)));
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], op_case.tolerance * largest)
        << "element " << i << ", " << padding_rows << " padding rows";
  }
}

TEST(TorchOps, equal_the_reference_and_padding_stays_outside) {
  for (const OpCase& op_case : op_cases()) {
    SCOPED_TRACE(op_case.name);
    expect_equal_to_reference(op_case, 0);
    expect_equal_to_reference(op_case, 29);
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
