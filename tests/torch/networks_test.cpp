// Every network that learns from pictures, on the learner: its losses find their outputs and feeds, and fall.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "torch/picture_feeds.hpp"
#include "torch/small_learner.hpp"
#include "unit/train/network_cases.hpp"

namespace asterism {
namespace {

TEST(Networks, every_kind_learns_its_batch) {
  for (const NetworkCase& c : network_cases()) {
    SCOPED_TRACE(c.name);
    TrainingNetwork network = network_of(c);
    const std::vector<Feed> feeds = feeds_of(network.feeds);
    const auto learner = learner_of(std::move(network.learner));
    // The averages stand still, so that a teacher asks for the same at every step.
    const StepSettings settings{.learning_rate = 0.01, .average_decay = 1.0};
    const StepReport first = step_of(*learner, feeds, settings);
    StepReport last = first;
    for (int i = 0; i < 60; ++i) {
      last = step_of(*learner, feeds, settings);
      ASSERT_TRUE(last.finite);
    }
    EXPECT_LT(last.loss, 0.9 * first.loss);
    const std::vector<std::string> outputs{network.embedding};
    const auto vectors = learner->run(kEvaluateGraph, feeds, outputs, WeightsOf::kTrained);
    ASSERT_TRUE(vectors) << vectors.error().to_string();
    EXPECT_EQ(vectors->front().shape(), (Shape{kFeedRows, network.dim}));
  }
}

}  // namespace
}  // namespace asterism
