#include "tokenizer/tokenizer_json.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

namespace asterism::tok {
namespace {

constexpr std::string_view kVersion = "1.0";

Result<AddedToken> read_added_token(const JsonView& item) {
  if (auto only = item.expect_only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
      !only) {
    return std::unexpected(only.error());
  }
  AddedToken token;
  const auto id = item.get_integer("id", 0, kTokenIdEnd - 1);
  const auto content = item.get_string("content");
  if (!id || !content) {
    return std::unexpected(id ? content.error() : id.error());
  }
  token.id = static_cast<TokenId>(*id);
  token.content = *content;
  const std::initializer_list<std::pair<std::string_view, bool*>> flags{{"single_word", &token.single_word},
                                                                        {"lstrip", &token.lstrip},
                                                                        {"rstrip", &token.rstrip},
                                                                        {"normalized", &token.normalized},
                                                                        {"special", &token.special}};
  for (const auto& [key, place] : flags) {
    const auto flag = item.get_bool(key);
    if (!flag) {
      return std::unexpected(flag.error());
    }
    *place = *flag;
  }
  return token;
}

Result<void> read_added_tokens(const JsonView& section, TokenizerParts& parts) {
  const auto items = section.as_array();
  if (!items) {
    return std::unexpected(items.error());
  }
  std::vector<AddedToken> tokens;
  for (const JsonView& item : *items) {
    auto token = read_added_token(item);
    if (!token) {
      return std::unexpected(token.error());
    }
    tokens.push_back(std::move(*token));
  }
  return add_tokens(std::move(tokens), AddedIds::kDeclared, section.place(), parts);
}

// The word at `key`, which must be one of those the original has; nothing when it is missing.
Result<void> check_word(const JsonView& section, std::string_view key, std::initializer_list<std::string_view> known) {
  const auto value = section.find(key);
  if (!value) {
    return std::unexpected(value.error());
  }
  if (!*value) {
    return {};
  }
  const auto word = (*value)->as_string();
  if (!word) {
    return std::unexpected(word.error());
  }
  if (std::ranges::find(known, *word) == known.end()) {
    return (*value)->unsupported(fmt::format("\"{}\"", fmt::join(known, "\" or \"")));
  }
  return {};
}

// Only the length is kept: the caller decides whether and where to cut; a second sequence and overflowing parts do not
// exist.
Result<std::size_t> read_truncation(const JsonView& section) {
  if (auto only = section.expect_only({"direction", "max_length", "strategy", "stride"}); !only) {
    return std::unexpected(only.error());
  }
  if (auto word = check_word(section, "direction", {"Right", "Left"}); !word) {
    return std::unexpected(word.error());
  }
  if (auto word = check_word(section, "strategy", {"LongestFirst", "OnlyFirst", "OnlySecond"}); !word) {
    return std::unexpected(word.error());
  }
  const auto length = section.get_integer("max_length", 0, std::numeric_limits<std::int64_t>::max());
  if (!length) {
    return std::unexpected(length.error());
  }
  return static_cast<std::size_t>(*length);
}

// Of the padding only the token is kept; nothing where the section does not say.
Result<TokenId> read_padding(const JsonView& section) {
  const auto id = section.find("pad_id");
  if (!id || !*id) {
    return id ? Result<TokenId>(kNoToken) : std::unexpected(id.error());
  }
  const auto number = (*id)->as_integer(0, kTokenIdEnd - 1);
  return number ? Result<TokenId>(static_cast<TokenId>(*number)) : std::unexpected(number.error());
}

Result<void> read_version(const JsonView& root) {
  const auto version = root.find("version");
  if (!version) {
    return std::unexpected(version.error());
  }
  if (!*version) {
    return {};
  }
  const auto text = (*version)->as_string();
  if (!text) {
    return std::unexpected(text.error());
  }
  return *text == kVersion ? Result<void>{} : (*version)->unsupported("\"1.0\"");
}

// Calls read(section) if the section is there and not null.
template <typename Read>
Result<void> read_section(const JsonView& root, std::string_view key, Read&& read) {
  const auto section = root.find(key);
  if (!section) {
    return std::unexpected(section.error());
  }
  return *section ? read(**section) : Result<void>{};
}

// Stores what a reader returns.
template <typename T>
Result<void> store(Result<T> result, T& place) {
  if (!result) {
    return std::unexpected(result.error());
  }
  place = std::move(*result);
  return {};
}

}  // namespace

Result<void> add_tokens(std::vector<AddedToken> tokens, AddedIds ids, std::string_view place, TokenizerParts& parts) {
  // Tokens that the vocabulary lacks are numbered from its count on, in the order of the file.
  auto next_id = static_cast<TokenId>(parts.vocabulary.token_count());
  std::unordered_map<std::string_view, std::size_t> known;
  std::vector<AddedToken>& added = parts.added_tokens;
  added.reserve(tokens.size());
  for (AddedToken& token : tokens) {
    if (token.content.empty()) {
      continue;
    }
    const auto before = known.find(token.content);
    TokenId id = before != known.end() ? added[before->second].id : parts.vocabulary.find(token.content);
    if (id < 0) {
      id = next_id++;
      if (!parts.vocabulary.text(id).empty()) {
        return fail(ErrorCode::kMismatch,
                    fmt::format("{}: the token \"{}\" would be numbered {}, which is \"{}\" already", place,
                                token.content, id, parts.vocabulary.text(id)),
                    "the vocabulary has holes: number it without");
      }
    }
    if (ids == AddedIds::kAssigned) {
      token.id = id;
    }
    if (id != token.id) {
      return fail(
          ErrorCode::kMismatch,
          fmt::format(
              "{}: the token \"{}\" says it has the id {}, but the vocabulary and the tokens before it give it {}",
              place, token.content, token.id, id),
          "the vocabulary and the added tokens come from different models, or the vocabulary has holes");
    }
    if (before != known.end()) {
      added[before->second] = std::move(token);
    } else {
      added.push_back(std::move(token));
      known.emplace(added.back().content, added.size() - 1);
    }
  }
  return {};
}

Result<PatternText> read_pattern(const JsonView& section) {
  if (auto only = section.expect_only({"String", "Regex"}); !only) {
    return std::unexpected(only.error());
  }
  const auto text = section.find("String");
  const auto regex = section.find("Regex");
  if (!text || !regex) {
    return std::unexpected(text ? regex.error() : text.error());
  }
  if (text->has_value() == regex->has_value()) {
    return section.wrong("exactly one of \"String\" and \"Regex\"");
  }
  const JsonView& value = text->has_value() ? **text : **regex;
  const auto spelling = value.as_string();
  if (!spelling) {
    return std::unexpected(spelling.error());
  }
  if (spelling->empty()) {
    return value.unsupported("a pattern that is not empty");
  }
  return PatternText{value, *spelling, regex->has_value()};
}

Result<void> check_parts(const TokenizerParts& parts, std::string_view source) {
  std::size_t id_end = parts.vocabulary.size();
  for (const AddedToken& token : parts.added_tokens) {
    id_end = std::max(id_end, static_cast<std::size_t>(token.id) + 1);
  }
  const SpecialFrame& frame = parts.post_processor.frame;
  for (const std::vector<TokenId>* side : {&frame.before, &frame.after}) {
    for (const TokenId id : *side) {
      if (static_cast<std::size_t>(id) >= id_end) {
        return fail(
            ErrorCode::kMismatch,
            fmt::format("{}: post_processor: the special token id {} is past the vocabulary, expected less than {}",
                        source, id, id_end));
      }
    }
  }
  return {};
}

Result<TokenizerParts> read_tokenizer_json(std::string_view text, std::string_view source) {
  const auto document = JsonDocument::parse(text, source);
  if (!document) {
    return std::unexpected(document.error());
  }
  const JsonView root = document->root();
  TokenizerParts parts;
  const auto model = [&](const JsonView& section) { return read_model(section, parts); };
  const auto added_tokens = [&](const JsonView& section) { return read_added_tokens(section, parts); };
  const auto normalizer = [&](const JsonView& section) { return store(read_normalizer(section), parts.normalizer); };
  const auto pre_tokenizer = [&](const JsonView& section) {
    return store(read_pre_tokenizer(section), parts.pre_tokenizer);
  };
  const auto post_processor = [&](const JsonView& section) {
    return store(read_post_processor(section), parts.post_processor);
  };
  const auto truncation = [&](const JsonView& section) {
    return store(read_truncation(section), parts.token_count_max);
  };
  const auto padding = [&](const JsonView& section) { return store(read_padding(section), parts.padding_id); };
  const std::initializer_list<std::pair<std::string_view, std::function<Result<void>(const JsonView&)>>> sections{
      {"model", model},
      {"normalizer", normalizer},
      {"pre_tokenizer", pre_tokenizer},
      {"post_processor", post_processor},
      {"truncation", truncation},
      {"padding", padding},
      {"added_tokens", added_tokens}};
  if (auto only = root.expect_only({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                                    "post_processor", "decoder", "model"});
      !only) {
    return std::unexpected(only.error());
  }
  if (auto version = read_version(root); !version) {
    return std::unexpected(version.error());
  }
  if (auto present = root.get("model"); !present) {
    return std::unexpected(present.error());
  }
  for (const auto& [key, read] : sections) {
    if (auto done = read_section(root, key, read); !done) {
      return std::unexpected(done.error());
    }
  }
  if (auto checked = check_parts(parts, source); !checked) {
    return std::unexpected(checked.error());
  }
  return parts;
}

}  // namespace asterism::tok
