// How CLIP and SigLIP turn the cosine of an image and a text into a logit.
#pragma once

#include <optional>

namespace asterism {

// logit = exp(log_scale) * cosine + bias. CLIP has no bias; other models have neither.
struct LogitScale {
  std::optional<float> log_scale = {};
  std::optional<float> bias = {};
};

}  // namespace asterism
