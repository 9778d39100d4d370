// What a model folder says about the way from tokens to vector, before any weight is read.
//
// Three layouts: sentence-transformers (modules.json, old and new names), a plain transformers folder (mean pooling),
// and static tables (model2vec, or sentence-transformers' StaticEmbedding). A module, key or value that could change
// the numbers and is not implemented is kUnsupported and names the file and the key; keys known to be harmless are
// listed beside each reader. Semantics: sentence-transformers 6.2 and model2vec 0.10, recorded in tests/golden.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "asterism/error.hpp"
#include "graph/graph.hpp"

namespace asterism {

struct PoolingModule {
  std::vector<Pooling> modes;  // several are concatenated in this order
  bool include_prompt = true;
  std::int64_t input_dim = 0;  // 0 = not said
};

// y = activation(W x + b), plus x (or R x when the sizes differ) with `residual`.
struct DenseModule {
  std::int64_t input_dim = 0;
  std::int64_t output_dim = 0;
  bool bias = true;
  bool residual = false;
  Activation activation = Activation::kTanh;
};

struct LayerNormModule {
  std::int64_t dim = 0;
};

struct NormalizeModule {};

struct ModuleSpec {
  std::string name;              // of the folder, "2_Dense": prefix of the module's values and parameters
  std::filesystem::path folder;  // with its config.json and weights
  bool on_tokens = false;        // works on token vectors; else on the pooled vector
  std::variant<PoolingModule, DenseModule, LayerNormModule, NormalizeModule> module;
};

enum class LayoutKind : std::uint8_t { kTransformer, kStatic };

struct ModelLayout {
  LayoutKind kind = LayoutKind::kTransformer;
  std::filesystem::path folder;                              // the model's
  std::filesystem::path first_folder;                        // of its first module: weights, tokenizer, config.json
  std::vector<ModuleSpec> modules;                           // after the first, in the order in which they run
  std::vector<std::pair<std::string, std::string>> prompts;  // name, text
  std::string default_prompt_name;
  // Longest input in tokens, and the file and key that say so; unset = as many as there are position embeddings.
  std::optional<std::size_t> token_count_max;
  std::string token_count_max_source;
  // The value above is cut to the position embeddings without a word (it comes from the tokenizer's settings).
  bool token_count_max_capped = false;
  bool truncate_left = false;             // over-long texts lose their beginning
  bool lowercase = false;                 // lower-case before the tokenizer's own normaliser
  std::optional<std::size_t> output_dim;  // truncate_dim: first columns, kept after everything else
  bool sentence_transformers = false;     // has modules.json
};

Result<ModelLayout> read_model_layout(const std::filesystem::path& folder);

}  // namespace asterism
