// Whether losses fit the graphs they are of, and the feeds of a step fit the losses. Private to src/torch.
//
// After both checks no loss reads outside its operands. Knows nothing of torch. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "asterism/error.hpp"
#include "graph/feeds.hpp"
#include "graph/graph.hpp"
#include "graph/learner.hpp"

namespace asterism {

// kInvalidArgument for a wrong number of outputs, feeds or teacher outputs, for values that no graph has or whose
// shapes do not fit, and for options out of range. `teacher` may be null.
Result<void> check_loss(const LossTerm& term, const Graph& train, const Graph* teacher);

// What a batch feeds to one term, in the order of its names; borrowed. `feeds` are those of the graphs.
Result<std::vector<const Tensor*>> loss_feeds(const LossTerm& term, const Graph& train, const CheckedFeeds& sizes,
                                              const std::vector<Feed>& feeds);

}  // namespace asterism
