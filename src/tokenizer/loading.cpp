// The ways to make a Tokenizer: tokenizer.json, and the choice between the files of a folder (vocab.txt:
// vocab_txt.cpp; vocab.json with merges.txt: vocab_json.cpp).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/file.hpp"
#include "base/json.hpp"
#include "tokenizer/special_tokens.hpp"
#include "tokenizer/tokenizer_json.hpp"
#include "tokenizer/vocab_json.hpp"
#include "tokenizer/vocab_txt.hpp"

namespace asterism {
namespace {

// On: a Lowercase step goes in front, as sentence-transformers puts it, unless there is one. Off: nothing lowers.
void override_lowercase(const TokenizerOverrides& overrides, std::vector<tok::NormalizerStep>& steps) {
  using Lowercase = TokenizerOverrides::Lowercase;
  const auto is_lowercase_step = [](const tok::NormalizerStep& step) {
    return std::holds_alternative<tok::LowercaseStep>(step);
  };
  if (overrides.lowercase == Lowercase::kOff) {
    std::erase_if(steps, is_lowercase_step);
    for (tok::NormalizerStep& step : steps) {
      if (auto* bert = std::get_if<tok::BertNormalizerOptions>(&step)) {
        bert->lowercase = false;
      }
    }
  } else if (overrides.lowercase == Lowercase::kOn && std::ranges::none_of(steps, is_lowercase_step)) {
    auto* bert = steps.empty() ? nullptr : std::get_if<tok::BertNormalizerOptions>(&steps.front());
    if (bert != nullptr) {
      bert->lowercase_first = true;
    } else {
      steps.emplace_back(tok::LowercaseStep{});
      std::ranges::rotate(steps, steps.end() - 1);
    }
  }
}

// transformers builds a BERT tokenizer's normaliser from tokenizer_config.json, whatever tokenizer.json says of it.
Result<void> follow_configuration(const std::filesystem::path& folder, std::vector<tok::NormalizerStep>& steps) {
  auto* bert = steps.size() == 1 ? std::get_if<tok::BertNormalizerOptions>(&steps.front()) : nullptr;
  std::error_code error;
  const std::filesystem::path path = folder / "tokenizer_config.json";
  if (bert == nullptr || !std::filesystem::exists(path, error)) {
    return {};
  }
  const auto config = read_json_file(path);
  if (!config) {
    return std::unexpected(config.error());
  }
  const auto is_bert = tok::names_bert_tokenizer(*config, path.string());
  if (!is_bert) {
    return std::unexpected(is_bert.error());
  }
  return *is_bert ? tok::read_normalizer_settings(*config, path.string(), *bert) : Result<void>{};
}

// The padding token that the configuration names goes before that of tokenizer.json.
Result<void> follow_padding(const std::filesystem::path& folder, tok::TokenizerParts& parts) {
  const auto configuration = tok::read_folder_configuration(folder);
  if (!configuration) {
    return std::unexpected(configuration.error());
  }
  const auto token = tok::special_token(*configuration, {"pad_token", ""});
  if (!token) {
    return std::unexpected(token.error());
  }
  if (*token) {
    parts.padding_id = tok::id_of(parts, (*token)->content);
  }
  return {};
}

Result<tok::TokenizerParts> read_json_parts(const std::filesystem::path& path) {
  const auto text = read_file(path, kJsonFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  return tok::read_tokenizer_json(*text, path.string());
}

}  // namespace

Result<Tokenizer> Tokenizer::from_parts(Result<tok::TokenizerParts> parts, const TokenizerOverrides& overrides) {
  if (!parts) {
    return std::unexpected(parts.error());
  }
  override_lowercase(overrides, parts->normalizer);
  return Tokenizer(std::make_unique<const Impl>(std::move(*parts)));
}

Result<Tokenizer> Tokenizer::from_json_text(std::string_view text, std::string_view source,
                                            const TokenizerOverrides& overrides) {
  return from_parts(tok::read_tokenizer_json(text, source), overrides);
}

Result<Tokenizer> Tokenizer::from_json_file(const std::filesystem::path& path, const TokenizerOverrides& overrides) {
  return from_parts(read_json_parts(path), overrides);
}

Result<Tokenizer> Tokenizer::from_vocab_file(const std::filesystem::path& path, const TokenizerOverrides& overrides) {
  return from_parts(tok::read_vocab_txt(path), overrides);
}

Result<Tokenizer> Tokenizer::from_folder(const std::filesystem::path& folder, const TokenizerOverrides& overrides) {
  std::error_code error;
  if (std::filesystem::exists(folder / "tokenizer.json", error)) {
    auto parts = read_json_parts(folder / "tokenizer.json");
    if (parts) {
      if (auto followed = follow_configuration(folder, parts->normalizer); !followed) {
        return std::unexpected(followed.error());
      }
      if (auto followed = follow_padding(folder, *parts); !followed) {
        return std::unexpected(followed.error());
      }
    }
    return from_parts(std::move(parts), overrides);
  }
  if (std::filesystem::exists(folder / "vocab.txt", error)) {
    return from_vocab_file(folder / "vocab.txt", overrides);
  }
  if (std::filesystem::exists(folder / "vocab.json", error) && std::filesystem::exists(folder / "merges.txt", error)) {
    return from_parts(tok::read_vocab_json(folder), overrides);
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("{}: expected tokenizer.json, vocab.txt or vocab.json with merges.txt, found none of them",
                          folder.string()),
              "give the folder of a text model");
}

}  // namespace asterism
