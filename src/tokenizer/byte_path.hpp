// The fast way through ByteLevel and BPE: words are cut, looked up and merged as the bytes of the input, no copy of the
// text and no list of characters that stand for bytes.
//
// Takes texts that the normaliser leaves alone (or only lower-cases, for ASCII). Results are those of the general way.
// Thread-safety: immutable; state is per thread. Cost: linear in the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/bpe.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/offset_trim.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/word_cache.hpp"

namespace asterism::tok {

// Working memory; valid for one tokenizer until the cache is cleared.
struct ByteState {
  WordCache cache;  // words as bytes of the input
  BpeState bpe;
  std::vector<Piece> pieces;
  std::string buffer;
};

class BytePath {
 public:
  // Nothing when the steps are not a word pattern and ByteLevel, or the vocabulary lacks bytes.
  static std::optional<BytePath> make(const Bpe& model, const std::vector<NormalizerStep>& normalizer,
                                      const std::vector<PreTokenizerStep>& pre_tokenizer);

  bool lowers() const noexcept { return lowers_; }
  // Whether encode() may be given the text; else the general way must take it.
  bool takes(std::string_view text) const noexcept;

  struct Request {
    std::string_view text;  // takes() it
    std::uint32_t begin = 0;
    std::uint32_t end = 0;  // past begin
    bool with_offsets = false;
    std::optional<OffsetTrim> trim;
    std::size_t first_token = 0;  // place of the text's first token in the encoding
  };
  // Appends the tokens of the bytes [begin, end).
  void encode(const Vocabulary& vocabulary, const Bpe& model, const Request& request, ByteState& state,
              Encoding& out) const;

 private:
  enum class TextClass : std::uint8_t { kWellFormed, kComposed, kAscii };
  class Run;

  BytePath() = default;
  bool add_normalizer(const NormalizerStep& step);
  bool is_composed(char32_t c) const noexcept;

  TextClass needs_ = TextClass::kWellFormed;
  WordPattern pattern_ = WordPattern::kGpt2;
  bool drops_gaps_ = false;  // what the pattern does not match, white space among it
  bool splits_again_ = false;
  bool add_prefix_space_ = false;
  bool lowers_ = false;
  std::vector<char32_t> joining_;  // characters that NFC may join to the one before; sorted
};

}  // namespace asterism::tok
