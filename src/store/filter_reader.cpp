#include "store/filter_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "store/filter_words.hpp"

namespace asterism {
namespace {

using Kind = FilterTokenKind;

constexpr std::array<std::string_view, 3> kReservedNames{"$id", "$kind", "$content"};
// Of a long token, an error shows this much.
constexpr std::size_t kShownSizeBytesMax = 60;

std::string shown(std::string_view spelling) {
  if (spelling.size() <= kShownSizeBytesMax) {
    return std::string(spelling);
  }
  std::size_t end = kShownSizeBytesMax;
  while (end > 0 && (static_cast<unsigned char>(spelling[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return std::string(spelling.substr(0, end)) + "...";
}

}  // namespace

Result<void> FilterReader::advance() {
  auto token = lexer_.next();
  if (!token) {
    return std::unexpected(token.error());
  }
  token_ = std::move(*token);
  return {};
}

bool FilterReader::at_word(std::string_view word) const {
  return token_.kind == Kind::kWord && same_word(token_.spelling, word);
}

bool FilterReader::at_keyword() const {
  return token_.kind == Kind::kWord && is_filter_keyword(token_.spelling);
}

bool FilterReader::at_sign(std::string_view sign) const {
  return token_.kind == Kind::kSign && token_.spelling == sign;
}

std::unexpected<Error> FilterReader::unexpected_token(std::string_view expected, std::string hint) const {
  const std::string found =
      token_.kind == Kind::kEnd ? "the end of the filter" : fmt::format("'{}'", shown(token_.spelling));
  return filter_error(text_, token_.begin, fmt::format("expected {}, found {}", expected, found), std::move(hint));
}

std::unexpected<Error> FilterReader::limit_error(std::string_view what, std::size_t limit, std::string hint) const {
  return filter_error(text_, token_.begin, fmt::format("expected at most {} {}, found more", limit, what),
                      std::move(hint), ErrorCode::kLimitExceeded);
}

std::string FilterReader::word_hint(std::span<const std::string_view> known) const {
  const bool word = token_.kind == Kind::kWord || token_.kind == Kind::kReserved;
  return word ? nearest_word_hint(token_.spelling, known) : std::string();
}

Result<void> FilterReader::expect_sign(std::string_view sign) {
  if (!at_sign(sign)) {
    return unexpected_token(fmt::format("'{}'", sign));
  }
  return advance();
}

// "(" path, and the sign after it.
Result<FilterPath> FilterReader::parse_path_argument(std::string_view end) {
  if (auto opened = expect_sign("("); !opened) {
    return std::unexpected(opened.error());
  }
  auto path = parse_path();
  if (!path) {
    return path;
  }
  if (auto closed = expect_sign(end); !closed) {
    return std::unexpected(closed.error());
  }
  return path;
}

Result<FilterPath> FilterReader::parse_path() {
  FilterPath path;
  if (token_.kind == Kind::kReserved) {
    const auto* name = std::ranges::find(kReservedNames, token_.spelling);
    if (name == kReservedNames.end()) {
      return unexpected_token("$id, $kind or $content", word_hint(kReservedNames));
    }
    path.source = name == kReservedNames.begin()       ? FilterSource::kId
                  : name == kReservedNames.begin() + 1 ? FilterSource::kKind
                                                       : FilterSource::kContent;
    return advanced(std::move(path));
  }
  if (token_.kind != Kind::kQuotedName && (token_.kind != Kind::kWord || at_keyword())) {
    return unexpected_token("a column or a comparison",
                            at_keyword() ? "a column of that name is written in backquotes" : "");
  }
  auto named = append_name(path, token_.kind == Kind::kWord ? std::string(token_.spelling) : token_.content);
  while (named && (at_sign(".") || at_sign("["))) {
    named = parse_step(path);
  }
  if (!named) {
    return std::unexpected(named.error());
  }
  return path;
}

// Takes the current token as a key.
Result<void> FilterReader::append_name(FilterPath& path, std::string name) {
  if (name.size() > kFilterNameSizeBytesMax) {
    return limit_error("bytes of a name", kFilterNameSizeBytesMax);
  }
  if (path.steps.size() == kFilterPathStepsMax) {
    return limit_error("steps of a path", kFilterPathStepsMax);
  }
  const auto odd = [](char c) { return c == '"' || c == '\\' || (static_cast<unsigned char>(c) < 0x20); };
  if (std::ranges::any_of(name, odd)) {
    return unexpected_token("a name without double quotes, backslashes and control characters");
  }
  path.steps.emplace_back(std::move(name));
  return advance();
}

Result<void> FilterReader::parse_step(FilterPath& path) {
  const bool bracket = at_sign("[");
  if (auto read = advance(); !read) {
    return read;
  }
  if (!bracket) {
    if (token_.kind != Kind::kWord && token_.kind != Kind::kQuotedName) {
      return unexpected_token("a name after '.'", "the place in an array is written [0]");
    }
    return append_name(path, token_.kind == Kind::kWord ? std::string(token_.spelling) : token_.content);
  }
  if (token_.kind == Kind::kText) {
    auto named = append_name(path, token_.content);
    return named ? expect_sign("]") : named;
  }
  const auto* index = std::get_if<std::int64_t>(&token_.number);
  if (token_.kind != Kind::kNumber || index == nullptr || *index < 0) {
    return unexpected_token("the place in an array (0 is the first) or a key in quotes");
  }
  if (*index > std::int64_t{kFilterArrayIndexMax}) {
    return limit_error("as the place in an array", kFilterArrayIndexMax);
  }
  if (path.steps.size() == kFilterPathStepsMax) {
    return limit_error("steps of a path", kFilterPathStepsMax);
  }
  path.steps.emplace_back(static_cast<std::uint32_t>(*index));
  auto read = advance();
  return read ? expect_sign("]") : read;
}

Result<FilterLiteral> FilterReader::parse_value() {
  if (++literal_count_ > kFilterLiteralsMax) {
    return limit_error("values", kFilterLiteralsMax);
  }
  FilterLiteral value;
  if (token_.kind == Kind::kText) {
    value = token_.content;
  } else if (token_.kind == Kind::kNumber) {
    value = token_.number;
  } else if (at_word("true") || at_word("false")) {
    value = at_word("true");
  } else if (at_word("null")) {
    return unexpected_token("a value", "nothing equals null: write 'is null'");
  } else {
    const bool name = token_.kind == Kind::kWord || token_.kind == Kind::kQuotedName;
    return unexpected_token("a value: text in quotes, a number, true or false",
                            name ? "a text stands in quotes; two columns cannot be compared" : "");
  }
  return advanced(std::move(value));
}

Result<std::vector<FilterLiteral>> FilterReader::parse_list() {
  if (!at_sign("[") && !at_sign("(")) {
    return unexpected_token("a list: [1, 2]");
  }
  const std::string_view end = at_sign("[") ? "]" : ")";
  std::vector<FilterLiteral> values;
  auto read = advance();
  while (read && !(values.empty() && at_sign(end))) {
    auto value = parse_value();
    if (!value) {
      return std::unexpected(value.error());
    }
    values.push_back(std::move(*value));
    if (!at_sign(",")) {
      break;
    }
    read = advance();
  }
  if (!read) {
    return std::unexpected(read.error());
  }
  if (!at_sign(end)) {
    return unexpected_token(fmt::format("',' or '{}'", end));
  }
  return advanced(std::move(values));
}

}  // namespace asterism
