// BERT and every checkpoint that is one: MiniLM, BGE, E5, GTE, multilingual WordPiece models; RoBERTa and XLM-R, which
// differ in where positions begin.
//
// Sources: Devlin et al. 2018, Liu et al. 2019; the order of operations is that of transformers' modeling_bert.py and
// modeling_roberta.py, since float32 sums depend on it.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "models/checkpoint_names.hpp"
#include "models/families.hpp"
#include "models/text_config.hpp"

namespace asterism {
namespace {

// The defaults of BertConfig and its kin: a key that equals its default may be missing from the file.
constexpr TextConfigKeys keys_with(std::int64_t vocabulary_size) {
  return {"hidden_size",
          "num_hidden_layers",
          "num_attention_heads",
          "intermediate_size",
          "hidden_act",
          {.hidden_size = 768,
           .layer_count = 12,
           .head_count = 12,
           .intermediate_size = 3072,
           .position_count = 512,
           .vocabulary_size = vocabulary_size,
           .activation = Activation::kGeluErf}};
}
constexpr std::int64_t kTokenTypeCountDefault = 2;
constexpr double kLayerNormEpsilonDefault = 1e-12;

// The pooler and the heads of BertForPreTraining, BertForMaskedLM, ...ForSequenceClassification,
// ...ForQuestionAnswering; position_ids is a buffer that older versions of the library saved.
constexpr std::array<std::string_view, 5> kUnused{"embeddings.position_ids", "pooler.", "cls.", "classifier.",
                                                  "qa_outputs."};
// The same of RoBERTa's classes; its language model's head has another name.
constexpr std::array<std::string_view, 5> kRobertaUnused{"embeddings.position_ids", "pooler.", "lm_head.",
                                                         "classifier.", "qa_outputs."};

// Which row of the position table the first token of a text has.
enum class FirstPosition : std::uint8_t { kZero, kBehindPadding };

// What tells the families apart.
struct BertKind {
  std::string_view family;
  TextConfigKeys keys;
  FirstPosition first_position = FirstPosition::kZero;
  CheckpointDialect dialect;
};

constexpr BertKind kBert{"bert", keys_with(30522), FirstPosition::kZero, {"bert.", kUnused}};
constexpr BertKind kRoberta{"roberta", keys_with(50265), FirstPosition::kBehindPadding, {"roberta.", kRobertaUnused}};
constexpr BertKind kXlmRoberta{
    "xlm-roberta", keys_with(30522), FirstPosition::kBehindPadding, {"roberta.", kRobertaUnused}};
// Of RobertaConfig and XLMRobertaConfig.
constexpr std::int64_t kPaddingIdDefault = 1;

constexpr std::string_view kPositionTable = "embeddings.position_embeddings.weight";
// The rows that tokens of a text can have, so that positions begin at 0 for every family.
constexpr std::string_view kPositionRows = "embeddings.position_embeddings.weight[used]";

constexpr std::string_view kTokenTypeTable = "embeddings.token_type_embeddings.weight";
// Every text is of type 0: its row is a parameter of its own and the table is not needed.
constexpr std::string_view kTokenTypeRow = "embeddings.token_type_embeddings.weight[0]";

struct BertConfig {
  TextConfig text;
  std::int64_t token_type_count = 0;
  std::int64_t first_position = 0;  // rows of the position table before that of a text's first token
  double layer_norm_epsilon = 0.0;

  std::int64_t token_count_max() const noexcept { return text.position_count - first_position; }
};

// Positions begin behind the padding token's id, so that many rows of the table are never used.
Result<std::int64_t> read_first_position(const Json& config, const TextConfig& text, std::string_view source) {
  const auto padding = json_find<std::int64_t>(config, "pad_token_id", source);
  if (!padding) {
    return std::unexpected(padding.error());
  }
  const std::int64_t id = padding->value_or(kPaddingIdDefault);
  if (id < 0 || id >= text.position_count - 1) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"pad_token_id\": expected 0 to {}, two less than the positions, "
                                                 "found {}",
                                                 source, text.position_count - 2, id));
  }
  return id + 1;
}

Result<BertConfig> read_config(const Json& config, const BertKind& kind, std::string_view source) {
  BertConfig out;
  auto text = read_text_config(config, kind.keys, source);
  if (!text) {
    return std::unexpected(text.error());
  }
  out.text = *text;
  if (kind.first_position == FirstPosition::kBehindPadding) {
    const auto first = read_first_position(config, out.text, source);
    if (!first) {
      return std::unexpected(first.error());
    }
    out.first_position = *first;
  }
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
    const std::string_view rows = config_.first_position == 0 ? kPositionTable : kPositionRows;
    const ValueId place_table = builder_.parameter(std::string(rows), {config_.token_count_max(), text.hidden_size});
    const ValueId places = builder_.embedding("embeddings.position_embeddings", place_table, positions);
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

// Takes the table out of the parameters, once its shape is what the configuration says.
Result<Tensor> take_table(ParameterMap& parameters, std::string_view name, const Shape& expected,
                          std::string_view source) {
  const auto it = parameters.find(name);
  if (it == parameters.end()) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: the weights do not fit the configuration: 1 missing: {}", source, name),
                "check that config.json and the weights belong to the same model");
  }
  if (it->second.shape() != expected) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tensor \"{}\": expected {}, found {}", source, name, shape_to_string(expected),
                            shape_to_string(it->second.shape())),
                "check that config.json and the weights belong to the same model");
  }
  Tensor table = std::move(it->second);
  parameters.erase(it);
  return table;
}

// Replaces tables by the rows of them that are used.
Result<void> take_used_rows(ParameterMap& parameters, const BertConfig& config, std::string_view source) {
  const std::int64_t hidden_size = config.text.hidden_size;
  const auto types = take_table(parameters, kTokenTypeTable, {config.token_type_count, hidden_size}, source);
  if (!types) {
    return std::unexpected(types.error());
  }
  parameters.emplace(kTokenTypeRow, matrix_row(*types, 0));
  if (config.first_position == 0) {
    return {};
  }
  const auto positions = take_table(parameters, kPositionTable, {config.text.position_count, hidden_size}, source);
  if (!positions) {
    return std::unexpected(positions.error());
  }
  parameters.emplace(kPositionRows, matrix_rows_from(*positions, config.first_position));
  return {};
}

Result<TextModel> build(const BertKind& kind, const Json& config, std::map<std::string, Tensor> tensors,
                        std::string_view source) {
  const auto parsed = read_config(config, kind, source);
  if (!parsed) {
    return std::unexpected(parsed.error());
  }
  auto graph = BertGraph(*parsed).build();
  if (!graph) {
    return std::unexpected(graph.error());
  }
  auto parameters = map_checkpoint_names(std::move(tensors), kind.dialect, source);
  if (!parameters) {
    return std::unexpected(parameters.error());
  }
  if (auto ok = take_used_rows(*parameters, *parsed, source); !ok) {
    return std::unexpected(ok.error());
  }
  return TextModel{std::string(kind.family), std::move(*graph),         std::move(*parameters),
                   parsed->text.hidden_size, parsed->token_count_max(), parsed->text.vocabulary_size};
}

}  // namespace

Result<TextModel> build_bert(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source) {
  return build(kBert, config, std::move(tensors), source);
}

Result<TextModel> build_roberta(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source) {
  return build(kRoberta, config, std::move(tensors), source);
}

Result<TextModel> build_xlm_roberta(const Json& config, std::map<std::string, Tensor> tensors,
                                    std::string_view source) {
  return build(kXlmRoberta, config, std::move(tensors), source);
}

}  // namespace asterism
