// Cuts the text of a filter into tokens, one at a time. Internal to the parser.
//
// Ownership: looks into the text, which must outlive it. Thread-safety: one thread. Cost: one pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "store/filter_expression.hpp"

namespace asterism {

enum class FilterTokenKind : std::uint8_t {
  kEnd,
  kWord,        // keyword or name as it stands
  kQuotedName,  // in backquotes
  kReserved,    // $id
  kText,        // in single or double quotes
  kNumber,
  kSign,  // ( ) [ ] , . = == != <> < <= > >= && || !
};

struct FilterToken {
  FilterTokenKind kind = FilterTokenKind::kEnd;
  std::size_t begin = 0;      // byte in the text
  std::string_view spelling;  // as it stands
  std::string content;        // of a text or a quoted name: without its quotes
  FilterLiteral number;       // of a number
  // Of a text: in double quotes.
  bool double_quoted = false;
};

// kUsage "filter: at byte 7: expected ..., found ..." with the line and a caret under the place.
std::unexpected<Error> filter_error(std::string_view text, std::size_t at, const std::string& what, std::string hint,
                                    ErrorCode code = ErrorCode::kUsage);

class FilterLexer {
 public:
  explicit FilterLexer(std::string_view text) : text_(text) {}
  Result<FilterToken> next();

 private:
  Result<FilterToken> quoted(FilterToken token);
  Result<FilterToken> number(FilterToken token);
  std::size_t digits_from(std::size_t at) const;

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace asterism
