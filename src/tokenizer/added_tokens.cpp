#include "tokenizer/added_tokens.hpp"

#include <algorithm>
#include <cstring>

#include "tokenizer/unicode.hpp"

namespace asterism::tok {
namespace {

char32_t char_before(std::string_view text, std::size_t end) {
  std::size_t i = end - 1;
  while (i > 0 && end - i < 4 && is_continuation_byte(text[i])) {
    --i;
  }
  return decode_utf8(text.substr(0, end), i).code_point;
}

bool inside_word(std::string_view text, std::size_t begin, std::size_t end) {
  return (begin > 0 && unicode::has_flag(char_before(text, begin), unicode::kWord)) ||
         (end < text.size() && unicode::has_flag(decode_utf8(text, end).code_point, unicode::kWord));
}

std::size_t without_space_before(std::string_view text, std::size_t begin) {
  while (begin > 0 && unicode::has_flag(char_before(text, begin), unicode::kWhitespace)) {
    do {
      --begin;
    } while (is_continuation_byte(text[begin]));
  }
  return begin;
}

std::size_t without_space_behind(std::string_view text, std::size_t end) {
  while (end < text.size()) {
    const DecodedChar c = decode_utf8(text, end);
    if (!unicode::has_flag(c.code_point, unicode::kWhitespace)) {
      break;
    }
    end += c.size_bytes;
  }
  return end;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(const std::vector<AddedPattern>& patterns) {
  std::vector<VocabularyEntry> entries;
  for (const AddedPattern& pattern : patterns) {
    const auto first = static_cast<unsigned char>(pattern.text.front());
    only_first_byte_ = tokens_.empty() || only_first_byte_ == first ? first : -1;
    is_first_byte_[first] = true;
    entries.push_back({pattern.text, static_cast<TokenId>(tokens_.size())});
    tokens_.push_back(pattern.token);
  }
  trie_ = TokenTrie(entries);
}

std::size_t AddedTokenFinder::next_candidate(std::string_view text, std::size_t from) const noexcept {
  if (tokens_.empty() || from >= text.size()) {
    return text.size();
  }
  if (only_first_byte_ >= 0) {
    const void* at = std::memchr(text.data() + from, only_first_byte_, text.size() - from);
    return at == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
  }
  while (from < text.size() && !is_first_byte_[static_cast<unsigned char>(text[from])]) {
    ++from;
  }
  return from;
}

bool AddedTokenFinder::next_hit(std::string_view text, std::size_t from, Hit& hit) const {
  for (std::size_t at = next_candidate(text, from); at < text.size(); at = next_candidate(text, at + 1)) {
    std::size_t size_bytes = 0;
    trie_.each_prefix(text.substr(at), [&](std::size_t length, TokenId index) {
      size_bytes = length;
      hit.token = &tokens_[static_cast<std::size_t>(index)];
    });
    if (size_bytes > 0) {
      hit.begin = at;
      hit.end = at + size_bytes;
      return true;
    }
  }
  return false;
}

void AddedTokenFinder::find(std::string_view text, std::uint32_t shift, std::vector<Segment>& out) const {
  const auto push = [&](std::size_t begin, std::size_t end, TokenId id) {
    if (begin < end) {
      out.push_back({static_cast<std::uint32_t>(begin) + shift, static_cast<std::uint32_t>(end) + shift, id});
    }
  };
  std::size_t done = 0;
  Hit hit{};
  for (std::size_t from = 0; next_hit(text, from, hit); from = hit.end) {
    const AddedToken& token = *hit.token;
    if (token.single_word && inside_word(text, hit.begin, hit.end)) {
      continue;
    }
    // White space taken by the token before is not taken twice; the search itself goes on behind the bare token.
    const std::size_t begin = token.lstrip ? std::max(without_space_before(text, hit.begin), done) : hit.begin;
    const std::size_t end = token.rstrip ? without_space_behind(text, hit.end) : hit.end;
    push(done, begin, kNoToken);
    push(begin, end, token.id);
    done = end;
  }
  push(done, text.size(), kNoToken);
}

}  // namespace asterism::tok
