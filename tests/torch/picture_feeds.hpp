// Batches of small random pictures with whatever a network asks for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "torch/small_learner.hpp"
#include "train/network.hpp"
#include "unit/train/network_cases.hpp"

namespace asterism {

inline constexpr std::int64_t kFeedRows = 8;

inline Tensor share_tensor(const Shape& shape, unsigned seed) {
  Tensor tensor(DType::kF32, shape);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform;
  std::ranges::generate(tensor.mutable_as<float>(), [&] { return uniform(random); });
  return tensor;
}

// As PictureFeedPlan states them: each row keeps its own part of the patches.
inline void add_masks(std::vector<Feed>& feeds, std::int64_t patch_count, std::int64_t hidden_count) {
  const std::int64_t kept_count = patch_count - hidden_count;
  Tensor ids_keep(DType::kI32, {kFeedRows, kept_count});
  Tensor ids_restore(DType::kI32, {kFeedRows, patch_count});
  Tensor mask_ids(DType::kI32, {kFeedRows, patch_count});
  Tensor mask(DType::kF32, {kFeedRows, patch_count});
  for (std::int64_t row = 0; row < kFeedRows; ++row) {
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

inline std::vector<Feed> feeds_of(const PictureFeedPlan& plan) {
  const Shape pictures{kFeedRows, plan.channel_count, plan.height, plan.width};
  std::vector<Feed> feeds{{std::string(kImageInput), random_tensor(pictures, 5)}};
  if (plan.labels) {
    feeds.push_back({std::string(kLabelsFeed), labels_tensor(kFeedRows, 3)});
  }
  if (plan.target) {
    feeds.push_back({std::string(kTargetFeed), share_tensor(pictures, 6)});
  }
  if (plan.noise_dim > 0) {
    feeds.push_back({std::string(kNoiseFeed), random_tensor({kFeedRows, plan.noise_dim}, 7)});
  }
  if (plan.teacher_vectors) {
    feeds.push_back({std::string(kTeacherVectorsFeed), random_tensor({kFeedRows, kTeacherDim}, 8)});
  }
  if (plan.patch_size > 0) {
    const std::int64_t count = (plan.height / plan.patch_size) * (plan.width / plan.patch_size);
    add_masks(feeds, count, plan.hidden_count);
    if (plan.patches) {
      feeds.push_back({std::string(kPatchesFeed),
                       random_tensor({kFeedRows, count, plan.patch_size * plan.patch_size * plan.channel_count}, 9)});
    }
  }
  return feeds;
}

}  // namespace asterism
