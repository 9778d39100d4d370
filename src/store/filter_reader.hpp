// The parts of the filter language below predicates: tokens, paths, values, lists. Internal to the parser, which
// derives from it.
//
// Ownership: looks into the text, which must outlive it. Thread-safety: one thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/filter_expression.hpp"
#include "store/filter_lexer.hpp"

namespace asterism {

class FilterReader {
 public:
  explicit FilterReader(std::string_view text) : text_(text), lexer_(text) {}

 protected:
  Result<void> advance();
  // What was read, once the token after it is there.
  template <typename T>
  Result<T> advanced(T value) {
    if (auto read = advance(); !read) {
      return std::unexpected(read.error());
    }
    return value;
  }

  bool at_word(std::string_view word) const;
  bool at_sign(std::string_view sign) const;
  bool at_keyword() const;

  // Errors at the current token.
  std::unexpected<Error> unexpected_token(std::string_view expected, std::string hint = {}) const;
  std::unexpected<Error> limit_error(std::string_view what, std::size_t limit, std::string hint = {}) const;
  // What the current word may have been meant to be; empty when nothing is near.
  std::string word_hint(std::span<const std::string_view> known) const;

  Result<void> expect_sign(std::string_view sign);
  Result<FilterPath> parse_path();
  // "(" path and the sign `end`.
  Result<FilterPath> parse_path_argument(std::string_view end);
  Result<FilterLiteral> parse_value();
  Result<std::vector<FilterLiteral>> parse_list();

  const FilterToken& token() const noexcept { return token_; }
  std::string_view text() const noexcept { return text_; }

 private:
  Result<void> parse_step(FilterPath& path);
  Result<void> append_name(FilterPath& path, std::string name);

  std::string_view text_;
  FilterLexer lexer_;
  FilterToken token_;
  std::size_t literal_count_ = 0;
};

}  // namespace asterism
