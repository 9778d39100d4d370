#include "encoder/transformer_settings.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// The names under which sentence-transformers has written this file, in the order in which it looks.
constexpr std::array<std::string_view, 7> kSettingsFiles{
    "sentence_bert_config.json",      "sentence_roberta_config.json", "sentence_distilbert_config.json",
    "sentence_camembert_config.json", "sentence_albert_config.json",  "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json"};

// "No limit" is written as 1e30 by transformers; past this a length is no limit.
constexpr double kTokenCountUnlimited = 1e9;

bool file_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_empty(const Json& value) {
  return value.is_null() || (value.is_structured() && value.empty());
}

// A length in tokens; nullopt when absent or practically infinite.
Result<std::optional<std::size_t>> find_length(const Json& object, std::string_view key, const std::string& source) {
  auto value = json_find<double>(object, key, source);
  if (!value) {
    return std::unexpected(value.error());
  }
  if (!*value || **value >= kTokenCountUnlimited) {
    return std::optional<std::size_t>{};
  }
  if (**value < 1.0 || std::floor(**value) != **value) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"{}\": expected a length in tokens of at least 1, found {}", source, key, **value));
  }
  return std::optional<std::size_t>{static_cast<std::size_t>(**value)};
}

Result<void> expect_value(const Json& config, std::string_view key, const Json& expected, const std::string& source) {
  const auto it = config.find(key);
  if (it == config.end() || it->is_null() || *it == expected) {
    return {};
  }
  return fail(ErrorCode::kUnsupported, fmt::format("{}: \"{}\": expected {} (a text encoder), found {}", source, key,
                                                   expected.dump(), it->dump()));
}

// The arguments that the original hands on to transformers: only those that cannot change our numbers pass.
Result<void> expect_harmless_arguments(const Json& config, const std::string& source) {
  for (const std::string_view key : {"processing_kwargs", "config_args", "config_kwargs", "query_length",
                                     "document_length", "query_expansion", "tokenizer_name_or_path"}) {
    if (const auto it = config.find(key); it != config.end() && !is_empty(*it)) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: \"{}\": expected nothing, found {}", source, key, it->dump()));
    }
  }
  for (const std::string_view key : {"model_args", "model_kwargs"}) {
    if (const auto it = config.find(key); it != config.end() && !is_empty(*it)) {
      // Which attention kernel, and whether a pooler that we leave out is built: neither changes the result.
      auto known = json_expect_only(*it, {"attn_implementation", "add_pooling_layer", "trust_remote_code"},
                                    fmt::format("{}: \"{}\"", source, key));
      if (!known) {
        return known;
      }
    }
  }
  return {};
}

Result<void> read_settings_file(ModelLayout& layout, const fs::path& path) {
  auto config = read_json_file(path);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string source = path.string();
  auto known = json_expect_only(
      *config,
      {"max_seq_length", "do_lower_case", "model_args", "model_kwargs", "tokenizer_args", "processor_kwargs",
       "config_args", "config_kwargs", "tokenizer_name_or_path", "transformer_task", "modality_config",
       "module_output_name", "processing_kwargs", "unpad_inputs", "query_length", "document_length", "query_expansion"},
      source);
  if (!known) {
    return known;
  }
  const Json text_only = {{"text", {{"method", "forward"}, {"method_output_name", "last_hidden_state"}}}};
  for (const auto& [key, expected] : {std::pair<std::string_view, Json>{"transformer_task", "feature-extraction"},
                                      std::pair<std::string_view, Json>{"modality_config", text_only},
                                      std::pair<std::string_view, Json>{"module_output_name", "token_embeddings"}}) {
    if (auto same = expect_value(*config, key, expected, source); !same) {
      return same;
    }
  }
  if (auto harmless = expect_harmless_arguments(*config, source); !harmless) {
    return harmless;
  }
  auto lowercase = json_find<bool>(*config, "do_lower_case", source);
  if (!lowercase) {
    return std::unexpected(lowercase.error());
  }
  layout.lowercase = lowercase->value_or(false);
  auto length = find_length(*config, "max_seq_length", source);
  std::string key = "max_seq_length";
  for (const std::string_view arguments : {"tokenizer_args", "processor_kwargs"}) {
    const auto it = config->find(arguments);
    if (it == config->end() || is_empty(*it)) {
      continue;
    }
    const std::string where = fmt::format("{}: \"{}\"", source, arguments);
    if (auto only = json_expect_only(*it, {"model_max_length", "trust_remote_code"}, where); !only) {
      return only;
    }
    if (it->contains("model_max_length")) {
      length = find_length(*it, "model_max_length", where);
      key = fmt::format("{}.model_max_length", arguments);
    }
  }
  if (!length) {
    return std::unexpected(length.error());
  }
  if (*length) {
    layout.token_count_max = **length;
    layout.token_count_max_source = fmt::format("{}: \"{}\"", source, key);
  }
  return {};
}

Result<void> read_tokenizer_settings(ModelLayout& layout, const fs::path& path) {
  auto config = read_json_file(path);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string source = path.string();
  auto side = json_find<std::string>(*config, "truncation_side", source);
  if (!side) {
    return std::unexpected(side.error());
  }
  if (*side && **side != "right" && **side != "left") {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"truncation_side\": expected \"right\" or \"left\", found \"{}\"", source, **side));
  }
  layout.truncate_left = *side && **side == "left";
  if (layout.token_count_max) {
    return {};
  }
  auto length = find_length(*config, "model_max_length", source);
  if (!length) {
    return std::unexpected(length.error());
  }
  if (*length) {
    layout.token_count_max = **length;
    layout.token_count_max_source = source + ": \"model_max_length\"";
    layout.token_count_max_capped = true;
  }
  return {};
}

}  // namespace

Result<void> read_transformer_settings(ModelLayout& layout) {
  if (layout.sentence_transformers) {
    for (const std::string_view name : kSettingsFiles) {
      if (const fs::path path = layout.first_folder / name; file_exists(path)) {
        if (auto read = read_settings_file(layout, path); !read) {
          return read;
        }
        break;
      }
    }
  }
  if (const fs::path path = layout.first_folder / "tokenizer_config.json"; file_exists(path)) {
    return read_tokenizer_settings(layout, path);
  }
  return {};
}

}  // namespace asterism
