// The fast way through BertNormalizer, BertPreTokenizer and WordPiece: one pass over the input, no copy of the text.
//
// Runs of plain ASCII are cut and looked up in place; a word with any other character in it goes through the same
// BertStream as the general way. Words seen lately come from the scratch's cache. Results are those of the general way.
// Thread-safety: immutable; state is per thread. Cost: linear in the text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/bert_normalizer.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/vocabulary.hpp"
#include "tokenizer/word_cache.hpp"
#include "tokenizer/wordpiece.hpp"

namespace asterism::tok {

// Working memory for WordPiece models; valid for one tokenizer until reset.
struct WordState {
  WordCache cache;
  std::vector<Piece> pieces;
  std::string word;
  std::vector<TokenOffset> word_spans;
  std::optional<BertStream> stream;
};

// The pieces of a word, through the cache. The result lives in `state.pieces`.
void encode_word(const Vocabulary& vocabulary, const WordPiece& model, std::string_view word, WordState& state);

class BertPath {
 public:
  BertPath(const BertNormalizerOptions& options, const Vocabulary& vocabulary, const WordPiece& model);
  // Appends the tokens of the bytes [begin, end) of `text`.
  void encode(const Vocabulary& vocabulary, const WordPiece& model, std::string_view text, std::uint32_t begin,
              std::uint32_t end, bool with_offsets, WordState& state, Encoding& out) const;

 private:
  enum class ByteClass : std::uint8_t { kWord, kSpace, kPunctuation, kOther };
  template <bool WithOffsets>
  class Run;

  ByteClass class_of(char byte) const noexcept { return classes_[static_cast<std::uint8_t>(byte)]; }
  char lower_of(char byte) const noexcept { return lower_[static_cast<std::uint8_t>(byte)]; }

  BertNormalizerOptions options_;
  bool lowers_;
  std::array<ByteClass, 256> classes_{};
  std::array<char, 256> lower_{};
  std::array<TokenId, 256> punctuation_ids_{};
};

}  // namespace asterism::tok
