#include "tokenizer/wordpiece.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.hpp"

namespace asterism::tok {
namespace {

struct Match {
  TokenId id = -1;
  std::size_t size_bytes = 0;
};

// Candidates whose hashes are kept between the pass forward and the probes backward; longer tokens are rare enough to
// be hashed again.
constexpr std::size_t kHashedPrefixCount = 128;

// The longest token that spells prefix + a beginning of `rest`.
Match longest_match(const Vocabulary& vocabulary, std::string_view prefix, TextHash hash, std::string_view rest) {
  const std::size_t room =
      vocabulary.token_size_bytes_max() > prefix.size() ? vocabulary.token_size_bytes_max() - prefix.size() : 0;
  const std::size_t length_max = std::min(rest.size(), room);
  const auto is_boundary = [&](std::size_t i) { return i == rest.size() || !is_continuation_byte(rest[i]); };
  if (length_max > kHashedPrefixCount) {
    Match best;
    for (std::size_t length = 1; length <= length_max; ++length) {
      hash.add(rest[length - 1]);
      if (!is_boundary(length)) {
        continue;
      }
      if (const TokenId id = vocabulary.find_joined(hash, prefix, rest.substr(0, length)); id >= 0) {
        best = {id, length};
      }
    }
    return best;
  }
  std::array<TextHash, kHashedPrefixCount> hashes;
  for (std::size_t i = 0; i < length_max; ++i) {
    hash.add(rest[i]);
    hashes[i] = hash;
  }
  for (std::size_t length = length_max; length > 0; --length) {
    if (!is_boundary(length)) {
      continue;
    }
    if (const TokenId id = vocabulary.find_joined(hashes[length - 1], prefix, rest.substr(0, length)); id >= 0) {
      return {id, length};
    }
  }
  return {};
}

bool has_more_chars_than(std::string_view text, std::size_t char_count_max) {
  if (text.size() <= char_count_max) {
    return false;
  }
  const auto count = std::ranges::count_if(text, [](char byte) { return !is_continuation_byte(byte); });
  return static_cast<std::size_t>(count) > char_count_max;
}

}  // namespace

WordPiece::WordPiece(WordPieceOptions options) : options_(std::move(options)) {
  continuing_hash_.add(options_.continuing_prefix);
}

void WordPiece::encode(const Vocabulary& vocabulary, std::string_view word, std::vector<Piece>& pieces) const {
  const std::size_t piece_count_before = pieces.size();
  const auto end_of_word = static_cast<std::uint32_t>(word.size());
  if (has_more_chars_than(word, options_.word_char_count_max)) {
    pieces.push_back({options_.unknown_id, 0, end_of_word});
    return;
  }
  for (std::size_t begin = 0; begin < word.size();) {
    const bool first = begin == 0;
    const Match match = longest_match(vocabulary, first ? std::string_view{} : options_.continuing_prefix,
                                      first ? start_hash_ : continuing_hash_, word.substr(begin));
    if (match.id < 0) {
      pieces.resize(piece_count_before);
      pieces.push_back({options_.unknown_id, 0, end_of_word});
      return;
    }
    const std::size_t end = begin + match.size_bytes;
    pieces.push_back({match.id, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    begin = end;
  }
}

}  // namespace asterism::tok
