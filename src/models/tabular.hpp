// Autoencoders of table rows: a family of our own ("asterism_tabular").
//
// config.json: {"model_type": "asterism_tabular", "numeric_size": 3, "category_sizes": [12, 5], "categories": "one_hot"
// | "embedding", "embedding_sizes": [...] (embedding only), "hidden_sizes": [...], "code_size": 16, "activation":
// "relu"}, and what the columns are (encoder/table_columns.hpp).
// Inputs: "numeric" f32 [rows, numeric_size], where there is any; "categories.N" i32 [rows], below category_sizes[N].
// Values: "code", the vector [rows, code_size]; "reconstruction.numeric" as the input; "reconstruction.categories.N",
// logits [rows, category_sizes[N]].
// Tensors: "encoder.numeric.weight" and "encoder.categories.N.weight" [category_sizes[N], hidden] with "encoder.bias"
// (one-hot: the product of a one-hot vector and a matrix is a row of it), or "encoder.categories.N.weight"
// [category_sizes[N], embedding_sizes[N]] with "encoder.input.*"; then "encoder.layers.N.*", "encoder.code.*",
// "decoder.layers.N.*", "decoder.numeric.*", "decoder.categories.N.*".
//
// Ownership: values. Thread-safety: pure functions. Cost: one pass over the weights.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/graph.hpp"
#include "models/settings_reader.hpp"

namespace asterism {

inline constexpr std::string_view kTabularType = "asterism_tabular";
inline constexpr std::string_view kNumericInput = "numeric";
inline constexpr std::string_view kTabularCode = "code";
inline constexpr std::string_view kNumericReconstruction = "reconstruction.numeric";

std::string category_input(std::size_t column);           // "categories.N"
std::string category_reconstruction(std::size_t column);  // "reconstruction.categories.N"

struct TabularPlan {
  std::int64_t numeric_size = 0;
  std::vector<std::int64_t> category_sizes;
  std::vector<std::int64_t> embedding_sizes;  // empty: one-hot
  std::vector<std::int64_t> hidden_sizes;     // towards the code; at least one
  std::int64_t code_size = 0;
  Activation activation = Activation::kRelu;
};

// kCorrupt or kUnsupported names the key.
Result<TabularPlan> read_tabular_plan(const Json& config, std::string_view source);

// [model] of a recipe: categories = "one_hot" | "embedding", embedding_size = 0 (by the number of values, for each
// column: min(50, round(1.6 * size^0.56)), the rule of fastai), hidden_sizes = [128, 64], code_size = 16, activation =
// "relu" | "gelu" | "silu" | "tanh". Gives config.json without the columns.
struct TabularInput {
  std::int64_t numeric_size = 0;
  std::vector<std::int64_t> category_sizes;
};
Result<Json> initial_tabular_config(SettingsReader& settings, const TabularInput& input);
// Fresh weights. Row 0 of a column's table is that of values which were never seen: it begins at 0, and stays there
// unless it is learnt.
std::map<std::string, Tensor> initial_tabular_tensors(const TabularPlan& plan, std::uint64_t seed);

struct TabularModel {
  TabularPlan plan;
  Graph graph;  // ends in the code, or what vector_projection.hpp makes of it; the reconstructions are values beside it
  ParameterMap parameters;
};

// The whole network, with its vector projection where it has one. kMismatch names missing, extra and misshaped tensors.
Result<TabularModel> build_tabular(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source);

}  // namespace asterism
