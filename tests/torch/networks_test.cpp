// Every network that learns from pictures, on the learner: its losses find their outputs and feeds, and fall.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "torch/small_learner.hpp"
#include "train/network.hpp"
#include "unit/train/network_cases.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kRows = 8;

Tensor share_tensor(const Shape& shape, unsigned seed) {
  Tensor tensor(DType::kF32, shape);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform;
  std::ranges::generate(tensor.mutable_as<float>(), [&] { return uniform(random); });
  return tensor;
}

// As PictureFeedPlan states them: each row keeps its own part of the patches.
void add_masks(std::vector<Feed>& feeds, std::int64_t patch_count, std::int64_t hidden_count) {
  const std::int64_t kept_count = patch_count - hidden_count;
  Tensor ids_keep(DType::kI32, {kRows, kept_count});
  Tensor ids_restore(DType::kI32, {kRows, patch_count});
  Tensor mask_ids(DType::kI32, {kRows, patch_count});
  Tensor mask(DType::kF32, {kRows, patch_count});
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (std::int64_t i = 0; i < patch_count; ++i) {
      const std::int64_t patch = (3 * row + i) % patch_count;
      const auto at = static_cast<std::size_t>(row * patch_count + patch);
      ids_restore.mutable_as<std::int32_t>()[at] = static_cast<std::int32_t>(std::min(i, kept_count));
      mask_ids.mutable_as<std::int32_t>()[at] = static_cast<std::int32_t>(i < kept_count ? patch : patch_count);
      mask.mutable_as<float>()[at] = i < kept_count ? 0.0F : 1.0F;
      if (i < kept_count) {
        ids_keep.mutable_as<std::int32_t>()[static_cast<std::size_t>(row * kept_count + i)] =
            static_cast<std::int32_t>(patch);
      }
    }
  }
  feeds.push_back({std::string(kIdsKeepInput), ids_keep});
  feeds.push_back({std::string(kIdsRestoreFeed), ids_restore});
  feeds.push_back({std::string(kMaskIdsFeed), mask_ids});
  feeds.push_back({std::string(kMaskFeed), mask});
}

std::vector<Feed> feeds_of(const PictureFeedPlan& plan) {
  const Shape pictures{kRows, plan.channel_count, plan.height, plan.width};
  std::vector<Feed> feeds{{std::string(kImageInput), random_tensor(pictures, 5)}};
  if (plan.labels) {
    feeds.push_back({std::string(kLabelsFeed), labels_tensor(kRows, 3)});
  }
  if (plan.target) {
    feeds.push_back({std::string(kTargetFeed), share_tensor(pictures, 6)});
  }
  if (plan.noise_dim > 0) {
    feeds.push_back({std::string(kNoiseFeed), random_tensor({kRows, plan.noise_dim}, 7)});
  }
  if (plan.teacher_vectors) {
    feeds.push_back({std::string(kTeacherVectorsFeed), random_tensor({kRows, kTeacherDim}, 8)});
  }
  if (plan.patch_size > 0) {
    const std::int64_t count = (plan.height / plan.patch_size) * (plan.width / plan.patch_size);
    add_masks(feeds, count, plan.hidden_count);
    if (plan.patches) {
      feeds.push_back({std::string(kPatchesFeed),
                       random_tensor({kRows, count, plan.patch_size * plan.patch_size * plan.channel_count}, 9)});
    }
  }
  return feeds;
}

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
    EXPECT_EQ(vectors->front().shape(), (Shape{kRows, network.dim}));
  }
}

}  // namespace
}  // namespace asterism
