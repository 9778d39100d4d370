#include "encoder/module_config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/json.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTokenValues = "token_embeddings";
constexpr std::string_view kTextValues = "sentence_embedding";

// Old dialect: one boolean a mode. The order is the order of concatenation, whatever the order in the file.
constexpr std::array<std::pair<std::string_view, Pooling>, 6> kLegacyPoolingKeys{{
    {"pooling_mode_cls_token", Pooling::kCls},
    {"pooling_mode_max_tokens", Pooling::kMax},
    {"pooling_mode_mean_tokens", Pooling::kMean},
    {"pooling_mode_mean_sqrt_len_tokens", Pooling::kMeanSqrtLen},
    {"pooling_mode_weightedmean_tokens", Pooling::kWeightedMean},
    {"pooling_mode_lasttoken", Pooling::kLastToken},
}};

// torch.nn classes as they behave when built without arguments.
constexpr std::array<std::pair<std::string_view, Activation>, 6> kTorchActivations{{
    {"Identity", Activation::kIdentity},
    {"Tanh", Activation::kTanh},
    {"ReLU", Activation::kRelu},
    {"GELU", Activation::kGeluErf},
    {"Sigmoid", Activation::kSigmoid},
    {"SiLU", Activation::kSilu},
}};

std::optional<Pooling> pooling_by_name(std::string_view name) {
  if (name == "mean_sqrt_len_tokens") {
    return Pooling::kMeanSqrtLen;
  }
  for (const Pooling mode : all_poolings()) {
    if (pooling_name(mode) == name) {
      return mode;
    }
  }
  return std::nullopt;
}

Result<Pooling> require_pooling(std::string_view name, std::string_view source) {
  if (const auto mode = pooling_by_name(name)) {
    return *mode;
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: unknown pooling mode \"{}\": expected cls, max, mean, mean_sqrt_len, weightedmean or "
                          "lasttoken, or several joined by '+'",
                          source, name));
}

Result<Json> read_config(const fs::path& folder) {
  return read_json_file(folder / "config.json");
}

std::string config_path(const fs::path& folder) {
  return (folder / "config.json").string();
}

// New dialect: a name, or a list of names in the order of concatenation.
Result<std::vector<Pooling>> read_pooling_mode(const Json& value, const std::string& source) {
  const std::string where = source + ": \"pooling_mode\"";
  std::vector<Pooling> modes;
  const auto add = [&](const Json& name) -> Result<void> {
    if (!name.is_string()) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: expected a mode or a list of modes, found {}", where, name.type_name()));
    }
    auto mode = require_pooling(name.get<std::string>(), where);
    if (!mode) {
      return std::unexpected(mode.error());
    }
    modes.push_back(*mode);
    return {};
  };
  if (value.is_array()) {
    for (const Json& name : value) {
      if (auto added = add(name); !added) {
        return std::unexpected(added.error());
      }
    }
  } else if (auto added = add(value); !added) {
    return std::unexpected(added.error());
  }
  if (modes.empty()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected at least one mode, found an empty list", where));
  }
  return modes;
}

Result<std::vector<Pooling>> read_legacy_pooling(const Json& config, const std::string& source) {
  std::vector<Pooling> modes;
  for (const auto& [key, mode] : kLegacyPoolingKeys) {
    auto on = json_find<bool>(config, key, source);
    if (!on) {
      return std::unexpected(on.error());
    }
    if (on->value_or(false)) {
      modes.push_back(mode);
    }
  }
  if (modes.empty()) {
    modes.push_back(Pooling::kMean);  // as the original: no mode set means mean
  }
  return modes;
}

// Reads module_input_name and module_output_name: a module must write where it reads, or the chain is not a chain.
Result<bool> read_on_tokens(const Json& config, const std::string& source) {
  auto input = json_find<std::string>(config, "module_input_name", source);
  if (!input) {
    return std::unexpected(input.error());
  }
  auto output = json_find<std::string>(config, "module_output_name", source);
  if (!output) {
    return std::unexpected(output.error());
  }
  const std::string name = input->value_or(std::string(kTextValues));
  if (name != kTextValues && name != kTokenValues) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"module_input_name\": expected \"{}\" or \"{}\", found \"{}\"", source, kTextValues,
                            kTokenValues, name));
  }
  if (*output && **output != name) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: \"module_output_name\": expected \"{}\", as its input, found \"{}\"", source, name, **output));
  }
  return name == kTokenValues;
}

Result<Activation> read_activation(const Json& config, const std::string& source) {
  const auto it = config.find("activation_function");
  if (it == config.end()) {
    return Activation::kTanh;
  }
  const std::string name = it->is_string() ? it->get<std::string>() : it->dump();
  if (name.starts_with("torch.nn.")) {
    const std::string_view last = std::string_view(name).substr(name.rfind('.') + 1);
    for (const auto& [torch_name, activation] : kTorchActivations) {
      if (torch_name == last) {
        return activation;
      }
    }
  }
  std::vector<std::string_view> known;
  for (const auto& entry : kTorchActivations) {
    known.push_back(entry.first);
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: \"activation_function\": expected one of torch.nn's {}, found {}", source,
                          fmt::join(known, ", "), name));
}

ModuleSpec make_spec(const fs::path& folder) {
  ModuleSpec spec;
  spec.folder = folder;
  spec.name = folder.filename().empty() ? folder.parent_path().filename().string() : folder.filename().string();
  return spec;
}

Result<std::int64_t> require_size(const Json& config, std::string_view key, const std::string& source) {
  auto size = json_get<std::int64_t>(config, key, source);
  if (size && *size <= 0) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\": expected a positive size, found {}", source, key, *size));
  }
  return size;
}

}  // namespace

Result<std::vector<Pooling>> parse_pooling_modes(std::string_view text, std::string_view source) {
  std::vector<Pooling> modes;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('+', begin), text.size());
    auto mode = require_pooling(text.substr(begin, end - begin), source);
    if (!mode) {
      return std::unexpected(mode.error());
    }
    modes.push_back(*mode);
    begin = end + 1;
  }
  return modes;
}

std::string pooling_modes_name(const std::vector<Pooling>& modes) {
  std::string text;
  for (const Pooling mode : modes) {
    text += text.empty() ? "" : "+";
    text += pooling_name(mode);
  }
  return text;
}

Result<ModuleSpec> read_pooling_module(const fs::path& folder) {
  auto config = read_config(folder);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string source = config_path(folder);
  auto known = json_expect_only(
      *config,
      {"word_embedding_dimension", "embedding_dimension", "pooling_mode", "include_prompt", "pooling_mode_cls_token",
       "pooling_mode_max_tokens", "pooling_mode_mean_tokens", "pooling_mode_mean_sqrt_len_tokens",
       "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"},
      source);
  if (!known) {
    return std::unexpected(known.error());
  }
  const auto mode = config->find("pooling_mode");
  auto modes = mode != config->end() ? read_pooling_mode(*mode, source) : read_legacy_pooling(*config, source);
  if (!modes) {
    return std::unexpected(modes.error());
  }
  auto include_prompt = json_find<bool>(*config, "include_prompt", source);
  if (!include_prompt) {
    return std::unexpected(include_prompt.error());
  }
  auto dim = json_find<std::int64_t>(
      *config, config->contains("embedding_dimension") ? "embedding_dimension" : "word_embedding_dimension", source);
  if (!dim) {
    return std::unexpected(dim.error());
  }
  ModuleSpec spec = make_spec(folder);
  spec.on_tokens = true;
  spec.module = PoolingModule{
      .modes = *std::move(modes), .include_prompt = include_prompt->value_or(true), .input_dim = dim->value_or(0)};
  return spec;
}

Result<ModuleSpec> read_dense_module(const fs::path& folder) {
  auto config = read_config(folder);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string source = config_path(folder);
  auto known = json_expect_only(*config,
                                {"in_features", "out_features", "bias", "activation_function", "module_input_name",
                                 "module_output_name", "use_residual"},
                                source);
  if (!known) {
    return std::unexpected(known.error());
  }
  auto input_dim = require_size(*config, "in_features", source);
  auto output_dim = require_size(*config, "out_features", source);
  auto bias = json_find<bool>(*config, "bias", source);
  auto residual = json_find<bool>(*config, "use_residual", source);
  auto activation = read_activation(*config, source);
  auto on_tokens = read_on_tokens(*config, source);
  for (const Error* error : {input_dim ? nullptr : &input_dim.error(), output_dim ? nullptr : &output_dim.error(),
                             bias ? nullptr : &bias.error(), residual ? nullptr : &residual.error(),
                             activation ? nullptr : &activation.error(), on_tokens ? nullptr : &on_tokens.error()}) {
    if (error != nullptr) {
      return std::unexpected(*error);
    }
  }
  ModuleSpec spec = make_spec(folder);
  spec.on_tokens = *on_tokens;
  spec.module = DenseModule{.input_dim = *input_dim,
                            .output_dim = *output_dim,
                            .bias = bias->value_or(true),
                            .residual = residual->value_or(false),
                            .activation = *activation};
  return spec;
}

Result<ModuleSpec> read_layer_norm_module(const fs::path& folder) {
  auto config = read_config(folder);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string source = config_path(folder);
  if (auto known = json_expect_only(*config, {"dimension"}, source); !known) {
    return std::unexpected(known.error());
  }
  auto dim = require_size(*config, "dimension", source);
  if (!dim) {
    return std::unexpected(dim.error());
  }
  ModuleSpec spec = make_spec(folder);
  spec.module = LayerNormModule{.dim = *dim};
  return spec;
}

Result<ModuleSpec> read_normalize_module(const fs::path& folder) {
  ModuleSpec spec = make_spec(folder);
  spec.module = NormalizeModule{};
  std::error_code ignored;
  if (!fs::exists(folder / "config.json", ignored)) {
    return spec;
  }
  auto config = read_config(folder);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string source = config_path(folder);
  if (auto known = json_expect_only(*config, {"module_input_name", "module_output_name"}, source); !known) {
    return std::unexpected(known.error());
  }
  auto on_tokens = read_on_tokens(*config, source);
  if (!on_tokens) {
    return std::unexpected(on_tokens.error());
  }
  spec.on_tokens = *on_tokens;
  return spec;
}

}  // namespace asterism
