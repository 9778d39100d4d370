// What timm's code knows of an architecture of its vision_transformer.py and deit.py, and the weights do not show.
// Private to src/models.
#pragma once

#include <cstdint>
#include <string_view>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/graph.hpp"

namespace asterism {

enum class VitPooling : std::uint8_t {
  kToken,      // the class token
  kAverage,    // over the patches
  kMaximum,    // over the patches
  kAttention,  // timm: "map"
};

struct TimmVitTraits {
  std::int64_t head_count = 0;
  double epsilon = 1e-6;
  Activation activation = Activation::kGeluErf;
  VitPooling pooling = VitPooling::kToken;
  std::int64_t register_count = 0;
  bool positions = true;  // has a table of position embeddings
};

// By the architecture's name, as its entry point in timm says, then by what "model_args" and "global_pool" of the
// configuration say. kUnsupported for an architecture or an argument that computes something else.
Result<TimmVitTraits> timm_vit_traits(std::string_view architecture, const Json& config, std::int64_t width,
                                      std::string_view source);

}  // namespace asterism
