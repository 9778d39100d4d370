// BEiT's relative position biases, spread when a checkpoint is loaded: private to src/models.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "graph/graph.hpp"
#include "models/relative_position.hpp"

namespace asterism {

// Which tables a checkpoint has, and their names.
struct BeitBiasNames {
  bool shared = false;
  bool per_layer = false;
  std::string shared_table;
  std::string layer_prefix;  // "blocks." INDEX
  std::string layer_table;   // ".attn.relative_position_bias_table"
  std::string result;        // layer_prefix INDEX result: the parameter that attention adds
  BiasResampling resampling = BiasResampling::kBilinear;
};

struct BeitBiasFit {
  std::int64_t layer_count = 0;
  Grid trained;  // patches; a square one is found from the rows alone
  Grid wanted;
};

// Replaces the tables by the sum of what a layer adds, [heads, tokens, tokens].
Result<void> fit_beit_biases(ParameterMap& parameters, const BeitBiasNames& names, const BeitBiasFit& fit,
                             std::string_view source);

// The parameter of layer `index`; nothing where the model has no biases.
std::optional<ValueId> beit_bias(GraphBuilder& builder, const BeitBiasNames& names, std::int64_t index,
                                 std::int64_t head_count, const Grid& grid);

}  // namespace asterism
