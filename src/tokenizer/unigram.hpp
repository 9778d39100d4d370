// Unigram: the most probable split of a text into vocabulary tokens (Viterbi).
//
// Source: tokenizers/src/models/unigram/model.rs (behaviour: fused unknown tokens, byte fallback). Thread-safety:
// immutable; working memory is the caller's. Cost: linear in the text times the longest token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tokenizer/token_trie.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/vocabulary.hpp"
#include "tokenizer/wordpiece.hpp"

namespace asterism::tok {

// The best way to reach a byte of the text.
struct UnigramStep {
  double score;
  std::uint32_t begin;  // of the last token; kUnreached before any
  TokenId id;
};

class Unigram {
 public:
  // `scores` by id; unknown_id must be inside.
  Unigram(const Vocabulary& vocabulary, std::span<const double> scores, TokenId unknown_id, bool byte_fallback);
  // Appends to `pieces`; `text` is well-formed UTF-8.
  void encode(const Vocabulary& vocabulary, std::string_view text, std::vector<UnigramStep>& steps,
              std::vector<Piece>& pieces) const;
  TokenId unknown_id() const noexcept { return unknown_id_; }

 private:
  void search(std::string_view text, std::vector<UnigramStep>& steps) const;
  void append(const Vocabulary& vocabulary, std::string_view text, std::uint32_t begin, std::uint32_t end, TokenId id,
              std::vector<Piece>& pieces) const;

  TokenTrie trie_;
  std::vector<double> scores_;
  std::vector<TokenId> byte_ids_;  // [256] with fallback; -1 for a byte without a token
  double unknown_score_ = 0;
  TokenId unknown_id_;
  bool byte_fallback_;
};

}  // namespace asterism::tok
