// The ways to make a Tokenizer: tokenizer.json, and the choice between the files of a folder (vocab.txt:
// vocab_txt.cpp).
#include <fmt/format.h>

#include <utility>

#include "base/file.hpp"
#include "base/json.hpp"
#include "tokenizer/tokenizer_json.hpp"
#include "tokenizer/vocab_txt.hpp"

namespace asterism {
namespace {

void override_lowercase(const TokenizerOverrides& overrides, tok::TokenizerParts& parts) {
  if (overrides.lowercase == TokenizerOverrides::Lowercase::kAsInFile) {
    return;
  }
  const bool lowercase = overrides.lowercase == TokenizerOverrides::Lowercase::kOn;
  for (tok::NormalizerStep& step : parts.normalizer) {
    if (auto* bert = std::get_if<tok::BertNormalizerOptions>(&step)) {
      bert->lowercase = lowercase;
    }
  }
}

}  // namespace

Result<Tokenizer> Tokenizer::from_json_text(std::string_view text, std::string_view source,
                                            const TokenizerOverrides& overrides) {
  auto parts = tok::read_tokenizer_json(text, source);
  if (!parts) {
    return std::unexpected(parts.error());
  }
  override_lowercase(overrides, *parts);
  return Tokenizer(std::make_unique<const Impl>(std::move(*parts)));
}

Result<Tokenizer> Tokenizer::from_json_file(const std::filesystem::path& path, const TokenizerOverrides& overrides) {
  const auto text = read_file(path, kJsonFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  return from_json_text(*text, path.string(), overrides);
}

Result<Tokenizer> Tokenizer::from_vocab_file(const std::filesystem::path& path, const TokenizerOverrides& overrides) {
  auto parts = tok::read_vocab_txt(path);
  if (!parts) {
    return std::unexpected(parts.error());
  }
  override_lowercase(overrides, *parts);
  return Tokenizer(std::make_unique<const Impl>(std::move(*parts)));
}

Result<Tokenizer> Tokenizer::from_folder(const std::filesystem::path& folder, const TokenizerOverrides& overrides) {
  std::error_code error;
  if (std::filesystem::exists(folder / "tokenizer.json", error)) {
    return from_json_file(folder / "tokenizer.json", overrides);
  }
  if (std::filesystem::exists(folder / "vocab.txt", error)) {
    return from_vocab_file(folder / "vocab.txt", overrides);
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("{}: expected tokenizer.json or vocab.txt, found neither", folder.string()),
              "give the folder of a text model");
}

}  // namespace asterism
