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
#include "models/logit_scale.hpp"

namespace asterism {

// Input of a text encoder that pools by itself: i32 [texts, 2], begin of each text and end of the part that ends with
// the token whose vector counts.
inline constexpr std::string_view kTextRangesInput = "ranges";
// The vector of each text, of such an encoder.
inline constexpr std::string_view kTextPooled = "pooled";

// Which token's vector is the text's, for TextModel::pooled.
enum class TextEndRule : std::uint8_t {
  kLastToken,     // the last, padding counted
  kFirstOfToken,  // the first that is TextEnd::token
  kHighestToken,  // the first with the highest id
};
struct TextEnd {
  TextEndRule rule = TextEndRule::kLastToken;
  std::int64_t token = 0;
};

// A text encoder: inputs "input_ids" i32 [tokens], "position_ids" i32 [tokens], "offsets" i32 [texts + 1];
// output "last_hidden_state" f32 [tokens, hidden_size].
struct TextModel {
  std::string family;  // "bert", "distilbert", "clip", "siglip"
  Graph graph;
  ParameterMap parameters;
  std::int64_t hidden_size = 0;
  std::int64_t token_count_max = 0;  // position embeddings available
  std::int64_t vocabulary_size = 0;

  // Text towers of models of texts and images: the graph has input kTextRangesInput and a second output, `pooled`,
  // f32 [texts, dim], projected as the model does it. Empty: the vectors of the tokens are all there is.
  std::string pooled = {};
  TextEnd end = {};
  // Every text is padded to so many tokens, which attend to each other like the rest. 0 = texts are as long as they
  // are.
  std::int64_t fixed_token_count = 0;
  std::int64_t pad_token = 0;
  LogitScale logit_scale = {};
};

// `tensors` is the checkpoint as read; names are mapped (prefix "bert.", LayerNorm.gamma/beta, unused heads such as
// "pooler.*", "cls.*" and "embeddings.position_ids" are known and left out by name). Parameters stay in the dtype of
// the file. Unknown config values that change the numbers (position_embedding_type, hidden_act, model_type) are
// kUnsupported.
Result<TextModel> build_text_model(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source);

// model_type values accepted, for errors and documentation.
std::vector<std::string_view> text_families();

}  // namespace asterism
