// A description of op_cases.hpp on a backend, and its values beside the reference interpreter's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "conform/case_builder.hpp"
#include "conform/op_cases.hpp"
#include "reference/reference_backend.hpp"

namespace asterism::conform {

inline Tensor run_case(const Backend& backend, const BuiltCase& built, const CompileOptions& options = {}) {
  const auto executable = backend.compile(built.graph, built.parameters, options);
  EXPECT_TRUE(executable) << executable.error().to_string();
  auto outputs = (*executable)->run(built.feeds);
  EXPECT_TRUE(outputs) << outputs.error().to_string();
  return outputs->at(0);
}

// Rows of the texts (all rows of a result with one row a text or image); what padding rows hold is nobody's business.
inline std::span<const float> meaningful(const Tensor& tensor, const BuiltCase& built, std::int64_t token_count) {
  const bool per_token = built.graph.value(built.graph.outputs()[0]).shape[0] == kDynamicDim;
  return per_token ? tensor.as<float>().first(static_cast<std::size_t>(token_count * tensor.shape()[1]))
                   : tensor.as<float>();
}

inline void expect_equal_to_reference(const Backend& backend, const OpCase& op_case, std::int64_t padding_rows) {
  const CaseSize size = test_size();
  const BuiltCase built = build_case(op_case, size, padding_rows).value();
  const Tensor expected_tensor = run_case(*make_reference_backend(), built);
  const Tensor found_tensor = run_case(backend, built);
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

}  // namespace asterism::conform
