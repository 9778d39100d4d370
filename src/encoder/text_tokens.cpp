#include "encoder/text_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "encoder/prompt.hpp"

namespace asterism {

Result<void> check_tokens(std::span<const std::vector<std::uint32_t>> texts, const TokenLimits& limits) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto outside = std::ranges::find_if(texts[i], [&](std::uint32_t id) { return id >= limits.vocabulary_size; });
    if (outside != texts[i].end()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("text {}, token {}: expected an id below {}, the size of the vocabulary, found {}", i,
                              outside - texts[i].begin(), limits.vocabulary_size, *outside),
                  "take the ids from this model's tokenizer");
    }
    if (limits.token_count_max != 0 && texts[i].size() > limits.token_count_max) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("text {}: expected at most {} tokens, as many as the model has positions, found {}", i,
                              limits.token_count_max, texts[i].size()),
                  "cut the text, or let tokenize() do it");
    }
  }
  return {};
}

Embeddings embeddings_for_tokens(std::span<const std::vector<std::uint32_t>> texts, std::size_t dim) {
  Embeddings out;
  out.row_count = texts.size();
  out.dim = dim;
  out.values.resize(texts.size() * dim);
  out.reports.reserve(texts.size());
  for (const auto& text : texts) {
    const auto count = static_cast<std::uint32_t>(text.size());
    out.reports.push_back({.token_count_given = count, .token_count_used = count});
  }
  return out;
}

Result<TokenizeSettings> settings_of_call(const TokenizeSettings& loaded, const TokenizeOptions& options,
                                          const EncoderInfo& info, bool prompt_is_fixed) {
  TokenizeSettings settings = loaded;
  settings.truncate_left = loaded.truncate_left || options.truncate_left;
  if (options.prompt) {
    settings.prompt = *options.prompt;
  } else if (options.prompt_name) {
    auto prompt = find_prompt(info.prompts, *options.prompt_name, info.model);
    if (!prompt) {
      return std::unexpected(prompt.error());
    }
    settings.prompt = *std::move(prompt);
  }
  if (prompt_is_fixed && settings.prompt != loaded.prompt) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("prompt \"{}\": model \"{}\" leaves the prompt's tokens out of its vectors and was loaded "
                            "with \"{}\"",
                            settings.prompt, info.model, loaded.prompt),
                "load the model with this prompt");
  }
  return settings;
}

std::vector<TokenizedText> tokenize_texts(const Tokenizer& tokenizer, const TokenizeSettings& settings,
                                          std::span<const std::string_view> texts, ScratchPool& scratch) {
  std::vector<TokenizedText> out(texts.size());
  auto working = scratch.take();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    tokenize_text(tokenizer, settings, texts[i], *working);
    const Encoding& encoding = working->encoding;
    out[i].ids.assign(encoding.ids.begin(), encoding.ids.end());
    if (out[i].ids.size() < settings.fixed_token_count) {
      out[i].ids.resize(settings.fixed_token_count, static_cast<std::uint32_t>(settings.pad_token));
    }
    out[i].token_count_given = static_cast<std::uint32_t>(encoding.token_count_given);
  }
  scratch.put(std::move(working));
  return out;
}

Result<std::string> decode_ids(const Tokenizer& tokenizer, std::span<const std::uint32_t> ids,
                               bool skip_special_tokens) {
  std::vector<TokenId> known;
  known.reserve(ids.size());
  for (const std::uint32_t id : ids) {
    if (id >= tokenizer.vocabulary_size()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("token {}: expected an id below {}, the size of the vocabulary, found {}", known.size(),
                              tokenizer.vocabulary_size(), id),
                  "take the ids from this model's tokenizer");
    }
    known.push_back(static_cast<TokenId>(id));
  }
  return tokenizer.decode(known, skip_special_tokens);
}

std::vector<TokenPiece> pieces_of_text(const Tokenizer& tokenizer, std::string_view text, bool add_special_tokens) {
  const Encoding encoding = tokenizer.encode(text, {.add_special_tokens = add_special_tokens, .with_offsets = true});
  std::vector<TokenPiece> pieces;
  pieces.reserve(encoding.ids.size());
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const TokenId id = encoding.ids[i];
    const TokenOffset offset = encoding.offsets[i];
    pieces.push_back({.id = static_cast<std::uint32_t>(id),
                      .text = std::string(tokenizer.token(id)),
                      .special = tokenizer.is_special(id),
                      .added = offset.end == 0,
                      .begin = offset.begin,
                      .end = offset.end});
  }
  return pieces;
}

}  // namespace asterism
