// Autoencoders of pictures, dense or convolutional: a family of our own ("asterism_autoencoder").
//
// config.json: {"model_type": "asterism_autoencoder", "form": "dense" | "convolutional", "image_size": 32,
// "num_channels": 3, "widths": [...], "code_size": 64, "activation": "relu", "code_activation": "identity",
// "variational": false}. Tensors: "encoder.layers.N.*", "encoder.code.*" (and "encoder.log_variance.*"),
// "decoder.input.*" (convolutional), "decoder.layers.N.*", "decoder.output.*".
// Values: "code", which is the vector; "log_variance"; "reconstruction_logits"; "reconstruction", [rows, channels,
// height, width] in [0, 1]. A decoder doubles the size by giving four times the channels and laying them out as 2 x 2
// pixels (Shi et al. 2016).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/graph.hpp"

namespace asterism {

inline constexpr std::string_view kAutoencoderType = "asterism_autoencoder";
inline constexpr std::string_view kCode = "code";
inline constexpr std::string_view kLogVariance = "log_variance";
inline constexpr std::string_view kReconstructionLogits = "reconstruction_logits";
inline constexpr std::string_view kReconstruction = "reconstruction";

struct AutoencoderPlan {
  bool convolutional = true;
  bool variational = false;
  std::int64_t image_size = 0;
  std::int64_t channel_count = 0;
  std::vector<std::int64_t> widths;  // towards the bottleneck
  std::int64_t code_size = 0;
  Activation activation = Activation::kRelu;
  Activation code_activation = Activation::kIdentity;

  // Edge of the smallest map.
  std::int64_t map_side() const noexcept { return image_size >> widths.size(); }
};

Result<AutoencoderPlan> read_autoencoder_plan(const Json& config, std::string_view source);

// From a code [rows, code_size] to the picture: values kReconstructionLogits and kReconstruction, the latter returned.
// The parameters are those of the family, so that training can decode another code than the encoder's own.
ValueId decode_picture(GraphBuilder& builder, const AutoencoderPlan& plan, ValueId code);

}  // namespace asterism
