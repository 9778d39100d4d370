// Model families: config.json -> graph, parameter manifest and name map for each checkpoint dialect.
//
// Each family is one file with one function; `build_text_model` picks by the config's model_type.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/graph.hpp"

namespace asterism {

// A text encoder: inputs "input_ids" i32 [tokens], "position_ids" i32 [tokens], "offsets" i32 [texts + 1];
// output "last_hidden_state" f32 [tokens, hidden_size].
struct TextModel {
  std::string family;  // "bert", "distilbert"
  Graph graph;
  ParameterMap parameters;
  std::int64_t hidden_size = 0;
  std::int64_t token_count_max = 0;  // position embeddings available
  std::int64_t vocabulary_size = 0;
};

// `tensors` is the checkpoint as read; names are mapped (prefix "bert.", LayerNorm.gamma/beta, unused heads such as
// "pooler.*", "cls.*" and "embeddings.position_ids" are known and left out by name). Parameters stay in the dtype of
// the file. Unknown config values that change the numbers (position_embedding_type, hidden_act, model_type) are
// kUnsupported.
Result<TextModel> build_text_model(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source);

// model_type values accepted, for errors and documentation.
std::vector<std::string_view> text_families();

}  // namespace asterism
