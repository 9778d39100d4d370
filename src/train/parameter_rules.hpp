// How each parameter is learnt: weight decay, layer-wise rates, freezing. Private to src/train.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "graph/graph.hpp"
#include "graph/learner.hpp"

namespace asterism {

using ParameterRules = std::map<std::string, ParameterRule, std::less<>>;

// Only the matrices of linear layers, convolutions and embeddings decay: biases, norms, positions and tokens do not
// (He et al. 2022, appendix A; Loshchilov and Hutter 2019 decay all).
void add_decay_rules(const Graph& graph, ParameterRules& rules);

// Each layer of the encoder learns at `decay` times the rate of the one above it (Bao et al. 2022): a block
// ("encoder.layer.3", "encoder.stages.1.layers.0", "blocks.3", "layer2.1") is a layer, and so is each module before
// the blocks; what follows them learns at the full rate, as do parameters that `encoder` does not have.
void add_layer_rules(const Graph& encoder, double decay, ParameterRules& rules);

// `frozen`: names or paths of parameters, with all below them ("encoder.layer.0"); or other values of the graph
// ("features.2"), with all parameters that they are computed from. kNotFound names the nearest.
Result<void> add_frozen_rules(const Graph& graph, const std::vector<std::string>& frozen, std::string_view source,
                              ParameterRules& rules);

}  // namespace asterism
