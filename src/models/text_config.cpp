#include "models/text_config.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace asterism {
namespace {

// transformers.activations.ACT2FN. The exact and the tanh form of GELU differ by up to 5e-4: never one for the other.
constexpr std::array<std::pair<std::string_view, Activation>, 16> kActivationNames{{
    {"gelu", Activation::kGeluErf},
    {"gelu_python", Activation::kGeluErf},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_fast", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"gelu_python_tanh", Activation::kGeluTanh},
    {"gelu_accurate", Activation::kGeluTanh},
    {"quick_gelu", Activation::kGeluQuick},
    {"relu", Activation::kRelu},
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"tanh", Activation::kTanh},
    {"sigmoid", Activation::kSigmoid},
    {"linear", Activation::kIdentity},
    {"identity", Activation::kIdentity},
    {"none", Activation::kIdentity},
}};

}  // namespace

Result<std::int64_t> read_size(const Json& config, const SizeRule& rule, std::string_view source) {
  const auto found = json_find<std::int64_t>(config, rule.key, source);
  if (!found) {
    return std::unexpected(found.error());
  }
  const std::int64_t value = found->value_or(rule.missing);
  if (value < 1 || value > rule.most) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"{}\": expected 1 to {}, found {}", source, rule.key, rule.most, value));
  }
  return value;
}

Result<Activation> activation_by_name(std::string_view name, std::string_view source) {
  std::string known;
  for (const auto& [candidate, activation] : kActivationNames) {
    if (candidate == name) {
      return activation;
    }
    known += known.empty() ? "" : ", ";
    known += candidate;
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: activation \"{}\" is not implemented, expected one of {}", source, name, known));
}

Result<void> expect_absent_or(const Json& config, std::string_view key, const Json& accepted, std::string_view source) {
  const auto it = config.find(key);
  if (it == config.end() || it->is_null() || *it == accepted) {
    return {};
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: \"{}\": expected {}, found {}: this changes the model's numbers and is not implemented",
                          source, key, accepted.dump(), it->dump(-1, ' ', false, Json::error_handler_t::replace)));
}

Result<TextConfig> read_text_config(const Json& config, const TextConfigKeys& keys, std::string_view source) {
  TextConfig out;
  const TextConfig& missing = keys.defaults;
  const std::array<std::pair<std::int64_t*, SizeRule>, 6> sizes{{
      {&out.hidden_size, {keys.hidden_size, kHiddenSizeMax, missing.hidden_size}},
      {&out.layer_count, {keys.layer_count, kLayerCountMax, missing.layer_count}},
      {&out.head_count, {keys.head_count, kHiddenSizeMax, missing.head_count}},
      {&out.intermediate_size, {keys.intermediate_size, kIntermediateSizeMax, missing.intermediate_size}},
      {&out.position_count, {"max_position_embeddings", kPositionCountMax, missing.position_count}},
      {&out.vocabulary_size, {"vocab_size", kVocabularySizeMax, missing.vocabulary_size}},
  }};
  for (const auto& [target, rule] : sizes) {
    const auto value = read_size(config, rule, source);
    if (!value) {
      return std::unexpected(value.error());
    }
    *target = *value;
  }
  if (out.hidden_size % out.head_count != 0) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\": expected a multiple of \"{}\" ({}), found {}", source,
                                                 keys.hidden_size, keys.head_count, out.head_count, out.hidden_size));
  }
  const auto name = json_find<std::string>(config, keys.activation, source);
  if (!name) {
    return std::unexpected(name.error());
  }
  const auto activation = *name ? activation_by_name(**name, source) : Result<Activation>(missing.activation);
  if (!activation) {
    return std::unexpected(activation.error());
  }
  out.activation = *activation;
  return out;
}

}  // namespace asterism
