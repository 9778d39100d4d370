// What a graph costs to run, counted from its shapes.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.hpp"

namespace asterism {

// Multiply-adds that each value and all it needs take for one row (one image, one text's vector) or, where rows are
// tokens, for one token; what depends on a text's length (packed attention's scores) is left out. In the order of
// graph.values(); 0 for inputs and parameters. Cost: values x values / 64 operations.
std::vector<std::uint64_t> multiply_adds_up_to(const Graph& graph);

}  // namespace asterism
