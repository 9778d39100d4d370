// Added tokens: cut out of the text before (or after) normalisation, whole, whatever the model would make of them.
//
// Source: tokenizers/src/tokenizer/added_vocabulary.rs (behaviour). Thread-safety: immutable once built. Cost: linear
// in the text; a search for one byte value (memchr) as long as all tokens begin with the same.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/segments.hpp"
#include "tokenizer/token_trie.hpp"

namespace asterism::tok {

struct AddedToken {
  std::string content;
  TokenId id = kNoToken;
  bool single_word = false;  // not inside a word
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // and behind it
  bool normalized = false;   // looked for in the normalised text, in its own normalised form
  bool special = false;
};

// An added token and the text it is looked for as.
struct AddedPattern {
  std::string text;  // not empty
  AddedToken token;
};

// Finds a set of added tokens: at each place the longest, from the left.
class AddedTokenFinder {
 public:
  AddedTokenFinder() = default;
  // Of equal patterns the last counts.
  explicit AddedTokenFinder(const std::vector<AddedPattern>& patterns);
  bool empty() const noexcept { return tokens_.empty(); }
  // False where find() certainly finds nothing.
  bool may_find_in(std::string_view text) const noexcept { return next_candidate(text, 0) < text.size(); }
  // Appends segments that cover `text`; positions are shifted by `shift`.
  void find(std::string_view text, std::uint32_t shift, std::vector<Segment>& out) const;

 private:
  struct Hit {
    std::size_t begin;
    std::size_t end;
    const AddedToken* token;
  };
  std::size_t next_candidate(std::string_view text, std::size_t from) const noexcept;
  bool next_hit(std::string_view text, std::size_t from, Hit& hit) const;

  TokenTrie trie_;  // ids are indices into tokens_
  std::vector<AddedToken> tokens_;
  std::array<bool, 256> is_first_byte_{};
  int only_first_byte_ = -1;  // when all tokens share it
};

}  // namespace asterism::tok
