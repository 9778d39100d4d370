// Gradients of torch through a lowered graph, against central differences of the reference interpreter.
//
// What is differentiated is a random projection of the graph's first output, summed in double. Steps are relative to
// the size of what is changed: the reference gives its outputs in float32, so a step must move them by much more than a
// rounding, and the error of a central difference grows with the square of the step.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "graph/backend.hpp"
#include "graph/graph.hpp"

namespace asterism {

struct GradientCase {
  Graph graph;
  ParameterMap parameters;
  std::vector<Feed> feeds;
};

struct DifferenceOptions {
  // The bound on |found - expected| / |expected|, both as vectors over one tensor's elements.
  double tolerance = 1e-3;
  // Elements of each tensor that are compared, evenly spread; 0 = all.
  std::size_t element_count_max = 0;
};

// Of every float input and parameter that the output depends on.
void expect_gradients_near_differences(const GradientCase& gradient_case, const DifferenceOptions& options);

}  // namespace asterism
