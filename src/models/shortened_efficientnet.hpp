// An EfficientNet made smaller before it is taught: the first blocks keep what they know, the last convolution is
// fresh.
//
// A student that begins with its teacher's first layers needs far fewer pictures than one that begins with noise (Sanh
// et al. 2019 take every second layer of BERT). Ownership: the checkpoint owns its tensors. Thread-safety: pure. Cost:
// one pass over the tensors of the new last convolution.
#pragma once

#include <cstdint>
#include <string_view>

#include "asterism/error.hpp"
#include "models/image_family.hpp"

namespace asterism {

// "model_type" of an EfficientNet of any depth, under the names of efficientnet_lite_pytorch; its sizes are those of
// the tensors. A type of our own, since no library's configuration describes it.
inline constexpr std::string_view kShortenedEfficientnetType = "asterism_efficientnet";

struct ShortenedEfficientnet {
  std::int64_t block_count = 0;  // of those that the checkpoint has, from the first; 0 = all
  // Channels of the last convolution, which are the embedding's dimensions; 0 = as it is, where no block is left out.
  std::int64_t head_size = 0;
  std::uint64_t seed = 0;                // of the fresh convolution
  std::string_view section = "[model]";  // names the settings in errors
};

// Whether the tensors are named as those of efficientnet_lite_pytorch.
bool has_efficientnet_pytorch_names(const ImageCheckpoint& checkpoint);

// Without the classifier. kInvalidArgument where the checkpoint has fewer blocks, or blocks are left out and head_size
// is not given.
Result<ImageCheckpoint> shorten_efficientnet(ImageCheckpoint checkpoint, const ShortenedEfficientnet& asked);

}  // namespace asterism
