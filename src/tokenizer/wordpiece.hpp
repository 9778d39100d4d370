// WordPiece: a word into the longest vocabulary pieces from the left, or into one unknown token.
//
// Source: tokenizers/src/models/wordpiece/mod.rs (behaviour). Thread-safety: immutable. Cost: per piece one hash probe
// for each character of the longest token at most, so linear in the word whatever the vocabulary's maximum word length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.hpp"
#include "tokenizer/vocabulary.hpp"

namespace asterism::tok {

// A token and the bytes [begin, end) of the word that it stands for.
struct Piece {
  TokenId id;
  std::uint32_t begin;
  std::uint32_t end;
};

struct WordPieceOptions {
  std::string continuing_prefix = "##";
  std::size_t word_char_count_max = 100;
  TokenId unknown_id = -1;
};

class WordPiece {
 public:
  explicit WordPiece(WordPieceOptions options);
  // Appends to `pieces`; `word` is well-formed UTF-8 and not empty.
  void encode(const Vocabulary& vocabulary, std::string_view word, std::vector<Piece>& pieces) const;
  const WordPieceOptions& options() const noexcept { return options_; }

 private:
  WordPieceOptions options_;
  TextHash start_hash_;
  TextHash continuing_hash_;
};

}  // namespace asterism::tok
