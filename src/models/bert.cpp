// BERT and every checkpoint that is one: MiniLM, BGE, E5, GTE, multilingual WordPiece models.
//
// Source: Devlin et al. 2018; the order of operations is that of transformers' modeling_bert.py, since float32 sums
// depend on it.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "models/checkpoint_names.hpp"
#include "models/families.hpp"
#include "models/text_config.hpp"

namespace asterism {
namespace {

// The defaults of BertConfig: a key that equals its default may be missing from the file.
constexpr TextConfigKeys kKeys{"hidden_size",
                               "num_hidden_layers",
                               "num_attention_heads",
                               "intermediate_size",
                               "hidden_act",
                               {.hidden_size = 768,
                                .layer_count = 12,
                                .head_count = 12,
                                .intermediate_size = 3072,
                                .position_count = 512,
                                .vocabulary_size = 30522,
                                .activation = Activation::kGeluErf}};
constexpr std::int64_t kTokenTypeCountDefault = 2;
constexpr double kLayerNormEpsilonDefault = 1e-12;

// The pooler and the heads of BertForPreTraining, BertForMaskedLM, ...ForSequenceClassification,
// ...ForQuestionAnswering; position_ids is a buffer that older versions of the library saved.
constexpr std::array<std::string_view, 5> kUnused{"embeddings.position_ids", "pooler.", "cls.", "classifier.",
                                                  "qa_outputs."};

constexpr std::string_view kTokenTypeTable = "embeddings.token_type_embeddings.weight";
// Every text is of type 0: its row is a parameter of its own and the table is not needed.
constexpr std::string_view kTokenTypeRow = "embeddings.token_type_embeddings.weight[0]";

struct BertConfig {
  TextConfig text;
  std::int64_t token_type_count = 0;
  double layer_norm_epsilon = 0.0;
};

Result<BertConfig> read_config(const Json& config, std::string_view source) {
  BertConfig out;
  auto text = read_text_config(config, kKeys, source);
  if (!text) {
    return std::unexpected(text.error());
  }
  out.text = *text;
  const auto token_types = read_size(config, {"type_vocab_size", kTokenTypeCountMax, kTokenTypeCountDefault}, source);
  if (!token_types) {
    return std::unexpected(token_types.error());
  }
  out.token_type_count = *token_types;
  const auto epsilon = json_find<double>(config, "layer_norm_eps", source);
  if (!epsilon) {
    return std::unexpected(epsilon.error());
  }
  out.layer_norm_epsilon = epsilon->value_or(kLayerNormEpsilonDefault);
  if (!std::isfinite(out.layer_norm_epsilon) || out.layer_norm_epsilon < 0.0 || out.layer_norm_epsilon > 1.0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"layer_norm_eps\": expected 0 to 1, found {}", source, out.layer_norm_epsilon));
  }
  const std::array<std::pair<std::string_view, Json>, 4> fixed{{
      {"position_embedding_type", "absolute"},
      {"is_decoder", false},
      {"add_cross_attention", false},
      {"embedding_size", out.text.hidden_size},
  }};
  for (const auto& [key, accepted] : fixed) {
    if (auto ok = expect_absent_or(config, key, accepted, source); !ok) {
      return std::unexpected(ok.error());
    }
  }
  return out;
}

class BertGraph {
 public:
  explicit BertGraph(const BertConfig& config) : config_(config) {}

  Result<Graph> build() {
    const ValueId ids = builder_.input("input_ids", DType::kI32, {kDynamicDim});
    const ValueId positions = builder_.input("position_ids", DType::kI32, {kDynamicDim});
    const ValueId offsets = builder_.input("offsets", DType::kI32, {kDynamicDim});
    ValueId hidden = embeddings(ids, positions);
    for (std::int64_t i = 0; i < config_.text.layer_count; ++i) {
      hidden = layer(fmt::format("encoder.layer.{}", i), hidden, offsets);
    }
    builder_.alias("encoder", hidden);
    builder_.alias("last_hidden_state", hidden);
    return builder_.finish(std::array{hidden});
  }

 private:
  ValueId embeddings(ValueId ids, ValueId positions) {
    const TextConfig& text = config_.text;
    const ValueId words = table("embeddings.word_embeddings", text.vocabulary_size, ids);
    const ValueId type = builder_.parameter(std::string(kTokenTypeRow), {text.hidden_size});
    const ValueId typed = builder_.add("embeddings.add_token_type", words, type);
    const ValueId places = table("embeddings.position_embeddings", text.position_count, positions);
    const ValueId sum = builder_.add("embeddings.add_position", typed, places);
    const ValueId normed = layer_norm("embeddings.LayerNorm", sum);
    builder_.alias("embeddings", normed);
    return normed;
  }

  ValueId layer(const std::string& path, ValueId x, ValueId offsets) {
    const TextConfig& text = config_.text;
    const std::string self = path + ".attention.self";
    const ValueId query = linear(self + ".query", x, text.hidden_size);
    const ValueId key = linear(self + ".key", x, text.hidden_size);
    const ValueId value = linear(self + ".value", x, text.hidden_size);
    const double scale = 1.0 / std::sqrt(static_cast<double>(text.head_dim()));
    const ValueId mixed = builder_.attention(self, {query, key, value, offsets}, {text.head_count, scale});
    const ValueId attended = residual(path + ".attention.output", mixed, x);
    builder_.alias(path + ".attention", attended);
    const ValueId wide = linear(path + ".intermediate.dense", attended, text.intermediate_size);
    const ValueId active = builder_.activation(path + ".intermediate", wide, text.activation);
    const ValueId result = residual(path + ".output", active, attended);
    builder_.alias(path, result);
    return result;
  }

  // dense(x) + shortcut, normalised: BertSelfOutput and BertOutput.
  ValueId residual(const std::string& path, ValueId x, ValueId shortcut) {
    const ValueId dense = linear(path + ".dense", x, config_.text.hidden_size);
    const ValueId sum = builder_.add(path + ".add", dense, shortcut);
    const ValueId normed = layer_norm(path + ".LayerNorm", sum);
    builder_.alias(path, normed);
    return normed;
  }

  ValueId table(const std::string& path, std::int64_t rows, ValueId ids) {
    return builder_.embedding(path, builder_.parameter(path + ".weight", {rows, config_.text.hidden_size}), ids);
  }

  ValueId linear(const std::string& path, ValueId x, std::int64_t size) {
    const Shape& shape = builder_.shape(x);
    const std::int64_t in = shape.size() == 2 ? shape[1] : 1;
    const ValueId weight = builder_.parameter(path + ".weight", {size, in});
    const ValueId bias = builder_.parameter(path + ".bias", {size});
    return builder_.linear(path, x, weight, bias);
  }

  ValueId layer_norm(const std::string& path, ValueId x) {
    const ValueId weight = builder_.parameter(path + ".weight", {config_.text.hidden_size});
    const ValueId bias = builder_.parameter(path + ".bias", {config_.text.hidden_size});
    return builder_.layer_norm(path, x, weight, bias, config_.layer_norm_epsilon);
  }

  const BertConfig& config_;
  GraphBuilder builder_;
};

// Replaces the table of token types by the one row that is used, once its shape is what the configuration says.
Result<void> take_token_type_row(ParameterMap& parameters, const BertConfig& config, std::string_view source) {
  const auto it = parameters.find(kTokenTypeTable);
  if (it == parameters.end()) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: the weights do not fit the configuration: 1 missing: {}", source, kTokenTypeTable),
                "check that config.json and the weights belong to the same model");
  }
  const Shape expected{config.token_type_count, config.text.hidden_size};
  if (it->second.shape() != expected) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tensor \"{}\": expected {}, found {}", source, kTokenTypeTable,
                            shape_to_string(expected), shape_to_string(it->second.shape())),
                "check that config.json and the weights belong to the same model");
  }
  parameters.emplace(kTokenTypeRow, matrix_row(it->second, 0));
  parameters.erase(it);
  return {};
}

}  // namespace

Result<TextModel> build_bert(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source) {
  const auto parsed = read_config(config, source);
  if (!parsed) {
    return std::unexpected(parsed.error());
  }
  auto graph = BertGraph(*parsed).build();
  if (!graph) {
    return std::unexpected(graph.error());
  }
  auto parameters = map_checkpoint_names(std::move(tensors), {"bert.", kUnused}, source);
  if (!parameters) {
    return std::unexpected(parameters.error());
  }
  if (auto ok = take_token_type_row(*parameters, *parsed, source); !ok) {
    return std::unexpected(ok.error());
  }
  return TextModel{"bert",
                   std::move(*graph),
                   std::move(*parameters),
                   parsed->text.hidden_size,
                   parsed->text.position_count,
                   parsed->text.vocabulary_size};
}

}  // namespace asterism
