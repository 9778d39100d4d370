// Where the channels of an image model's value are: libraries keep maps both as [rows, channels, height, width] and as
// [rows, height, width, channels], and a shape alone does not tell which.
#pragma once

#include <cstddef>

#include "graph/graph.hpp"

namespace asterism {

// Index of the channel axis of a value of rank 3 (tokens) or 4 (maps), from the op that computes it: convolutions and
// their kin have channels at 1, torch.nn.Linear and LayerNorm at the end; what moves axes moves it along.
std::size_t channel_axis(const Graph& graph, ValueId value);

}  // namespace asterism
