#include "store/keyword_query.hpp"

#include <algorithm>
#include <cctype>

namespace asterism {
namespace {

// FTS5 finds words of letters and digits; other ASCII characters part them. Text beyond ASCII may hold words.
bool may_hold_word(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalnum(byte) != 0;
  });
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
}

}  // namespace

std::string keyword_query(std::string_view text) {
  std::string query;
  const auto add = [&query](std::string_view phrase) {
    if (may_hold_word(phrase)) {
      query += query.empty() ? "\"" : " OR \"";
      query += phrase;
      query += '"';
    }
  };
  while (!text.empty()) {
    if (is_space(text.front())) {
      text.remove_prefix(1);
      continue;
    }
    const bool quoted = text.front() == '"';
    if (quoted) {
      text.remove_prefix(1);
    }
    const auto end =
        std::ranges::find_if(text, [quoted](char c) { return c == '"' || (c == '\0') || (!quoted && is_space(c)); });
    const auto length = static_cast<std::size_t>(end - text.begin());
    add(text.substr(0, length));
    text.remove_prefix(length);
    // The end of a phrase belongs to it; a quote after a word begins one.
    if (!text.empty() && (quoted || text.front() != '"')) {
      text.remove_prefix(1);
    }
  }
  return query;
}

}  // namespace asterism
