// DistilBERT. Source: Sanh et al. 2019; order of operations as in transformers' modeling_distilbert.py.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "models/checkpoint_names.hpp"
#include "models/families.hpp"
#include "models/text_config.hpp"

namespace asterism {
namespace {

// The defaults of DistilBertConfig: a key that equals its default may be missing from the file.
constexpr TextConfigKeys kKeys{"dim",
                               "n_layers",
                               "n_heads",
                               "hidden_dim",
                               "activation",
                               {.hidden_size = 768,
                                .layer_count = 6,
                                .head_count = 12,
                                .intermediate_size = 3072,
                                .position_count = 512,
                                .vocabulary_size = 30522,
                                .activation = Activation::kGeluErf}};
// The original has it in its code, not in its configuration.
constexpr double kLayerNormEpsilon = 1e-12;

constexpr std::array<std::string_view, 7> kUnused{
    "embeddings.position_ids", "vocab_transform.", "vocab_layer_norm.", "vocab_projector.",
    "pre_classifier.",         "classifier.",      "qa_outputs."};

class DistilBertGraph {
 public:
  explicit DistilBertGraph(const TextConfig& config) : config_(config) {}

  Result<Graph> build() {
    const ValueId ids = builder_.input("input_ids", DType::kI32, {kDynamicDim});
    const ValueId positions = builder_.input("position_ids", DType::kI32, {kDynamicDim});
    const ValueId offsets = builder_.input("offsets", DType::kI32, {kDynamicDim});
    const ValueId words = table("embeddings.word_embeddings", config_.vocabulary_size, ids);
    const ValueId places = table("embeddings.position_embeddings", config_.position_count, positions);
    const ValueId sum = builder_.add("embeddings.add_position", words, places);
    ValueId hidden = layer_norm("embeddings.LayerNorm", sum);
    builder_.alias("embeddings", hidden);
    for (std::int64_t i = 0; i < config_.layer_count; ++i) {
      hidden = layer(fmt::format("transformer.layer.{}", i), hidden, offsets);
    }
    builder_.alias("transformer", hidden);
    builder_.alias("last_hidden_state", hidden);
    return builder_.finish(std::array{hidden});
  }

 private:
  ValueId layer(const std::string& path, ValueId x, ValueId offsets) {
    const std::string attention = path + ".attention";
    const ValueId query = linear(attention + ".q_lin", x, config_.hidden_size);
    const ValueId key = linear(attention + ".k_lin", x, config_.hidden_size);
    const ValueId value = linear(attention + ".v_lin", x, config_.hidden_size);
    const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim()));
    const ValueId mixed =
        builder_.attention(attention + ".mix", {query, key, value, offsets}, {config_.head_count, scale});
    const ValueId attended = linear(attention + ".out_lin", mixed, config_.hidden_size);
    builder_.alias(attention, attended);
    const ValueId first_sum = builder_.add(path + ".add_attention", attended, x);
    const ValueId first = layer_norm(path + ".sa_layer_norm", first_sum);
    const ValueId wide = linear(path + ".ffn.lin1", first, config_.intermediate_size);
    const ValueId active = builder_.activation(path + ".ffn.activation", wide, config_.activation);
    const ValueId narrow = linear(path + ".ffn.lin2", active, config_.hidden_size);
    builder_.alias(path + ".ffn", narrow);
    const ValueId second_sum = builder_.add(path + ".add_ffn", narrow, first);
    const ValueId result = layer_norm(path + ".output_layer_norm", second_sum);
    builder_.alias(path, result);
    return result;
  }

  ValueId table(const std::string& path, std::int64_t rows, ValueId ids) {
    return builder_.embedding(path, builder_.parameter(path + ".weight", {rows, config_.hidden_size}), ids);
  }

  ValueId linear(const std::string& path, ValueId x, std::int64_t size) {
    const Shape& shape = builder_.shape(x);
    const std::int64_t in = shape.size() == 2 ? shape[1] : 1;
    const ValueId weight = builder_.parameter(path + ".weight", {size, in});
    const ValueId bias = builder_.parameter(path + ".bias", {size});
    return builder_.linear(path, x, weight, bias);
  }

  ValueId layer_norm(const std::string& path, ValueId x) {
    const ValueId weight = builder_.parameter(path + ".weight", {config_.hidden_size});
    const ValueId bias = builder_.parameter(path + ".bias", {config_.hidden_size});
    return builder_.layer_norm(path, x, weight, bias, kLayerNormEpsilon);
  }

  const TextConfig& config_;
  GraphBuilder builder_;
};

}  // namespace

Result<TextModel> build_distilbert(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source) {
  const auto parsed = read_text_config(config, kKeys, source);
  if (!parsed) {
    return std::unexpected(parsed.error());
  }
  auto graph = DistilBertGraph(*parsed).build();
  if (!graph) {
    return std::unexpected(graph.error());
  }
  auto parameters = map_checkpoint_names(std::move(tensors), {"distilbert.", kUnused}, source);
  if (!parameters) {
    return std::unexpected(parameters.error());
  }
  return TextModel{"distilbert",        std::move(*graph),      std::move(*parameters),
                   parsed->hidden_size, parsed->position_count, parsed->vocabulary_size};
}

}  // namespace asterism
