// The words of the filter language. Internal to the parser and the printer.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace asterism {

// Keywords and functions, in any letter case. A name that is one of them is quoted where a path starts.
inline constexpr std::array<std::string_view, 15> kFilterKeywords{"and",
                                                                  "or",
                                                                  "not",
                                                                  "in",
                                                                  "like",
                                                                  "is",
                                                                  "null",
                                                                  "true",
                                                                  "false",
                                                                  "exists",
                                                                  "between",
                                                                  "array_contains",
                                                                  "array_contains_any",
                                                                  "array_contains_all",
                                                                  "array_length"};

// Whether they are the same word, ASCII letters in any case.
constexpr bool same_word(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) {
    return false;
  }
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) {
      return false;
    }
  }
  return true;
}

constexpr bool is_filter_keyword(std::string_view name) noexcept {
  for (const std::string_view keyword : kFilterKeywords) {
    if (same_word(name, keyword)) {
      return true;
    }
  }
  return false;
}

}  // namespace asterism
