// From a transformer and its layout to the one graph that runs: cut at a layer, pooled, projected, normalised.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "encoder/model_layout.hpp"
#include "graph/graph.hpp"
#include "models/family.hpp"

namespace asterism {

// Input of the pooling ops: i32 [texts, 2], begin and end token of what is pooled of each text.
inline constexpr std::string_view kRangesInput = "ranges";
// Only when the prompt is not pooled. The range that cls reads: as above, but never empty. And the shares of
// weightedmean and mean, f32 [texts, dim], in a weighted mean whose weights go on counting from the prompt's tokens.
inline constexpr std::string_view kClsRangesInput = "ranges.cls";
inline constexpr std::string_view kWeightedShareInput = "share.weightedmean";
inline constexpr std::string_view kMeanShareInput = "share.mean";

struct TextGraph {
  Graph graph;              // one output, f32 [texts, dim], or [tokens, dim] without pooling
  ParameterMap parameters;  // exactly those of the graph
  std::size_t dim = 0;
  std::size_t op_count_whole = 0;  // with the model's own chain, before a cut
  bool include_prompt = true;      // else the prompt's tokens are not pooled
  std::size_t token_dim = 0;       // length of the vectors that are pooled
  bool normalized = false;
  bool normalized_by_default = false;  // EncoderInfo's
  bool pools_itself = false;           // the model's own pooling, of the token that TextModel::end names
  std::string pooling;                 // "mean", "cls+max"
  std::vector<std::string> modules;    // as EncoderInfo::modules
  std::vector<std::string> warnings;
};

// Reads the weights of the layout's Dense and LayerNorm modules. `model` is consumed.
Result<TextGraph> build_text_graph(const ModelLayout& layout, TextModel model, const EncoderOptions& options);

}  // namespace asterism
