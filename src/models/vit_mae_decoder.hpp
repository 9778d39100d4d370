// The decoder of a masked autoencoder (He et al. 2022), as the transformers library has it: what pretraining adds to
// the encoder of vit_mae.cpp, and what no embedding needs.
#pragma once

#include <cstdint>
#include <string_view>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/graph.hpp"

namespace asterism {

struct MaeDecoderInputs {
  ValueId tokens{};       // [rows, 1 + kept, hidden]: the encoder's last hidden state, the class token first
  ValueId ids_restore{};  // input i32 [rows, patches]: for each patch its place among the kept ones, or their number
};

inline constexpr std::string_view kMaePositions = "decoder.decoder_pos_embed";

// [rows, patches, patch_size^2 * channels]: "decoder.prediction". Parameters "decoder.*" as in the checkpoint; sizes
// are those of config.json ("decoder_hidden_size", ...). kCorrupt for sizes that no decoder has.
Result<ValueId> append_mae_decoder(GraphBuilder& builder, const Json& config, const MaeDecoderInputs& inputs,
                                   std::string_view source);

}  // namespace asterism
