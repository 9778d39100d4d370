// Byte-pair encoding: the characters of a word, joined pair by pair in the order of the merges.
//
// Source: tokenizers/src/models/bpe/{model,word}.rs (behaviour: unknown characters, byte fallback, ties from the left).
// Thread-safety: immutable; working memory is the caller's. Cost: short words by scanning the pairs again after each
// merge, long ones with a heap: n log n in the word.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.hpp"
#include "tokenizer/vocabulary.hpp"
#include "tokenizer/wordpiece.hpp"

namespace asterism::tok {

struct BpeOptions {
  TokenId unknown_id = -1;  // -1: characters that the vocabulary lacks are left out
  bool fuse_unknown = false;
  bool byte_fallback = false;
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges make of it
  std::string continuing_prefix{};
  std::string word_suffix{};
};

// `left` and `right` side by side become `result`.
struct BpeMerge {
  TokenId left;
  TokenId right;
  TokenId result;
};

// Rank and result of a pair.
class MergeTable {
 public:
  static constexpr std::uint32_t kNoRank = 0xFFFFFFFF;
  struct Found {
    std::uint32_t rank = kNoRank;  // smaller goes first
    TokenId result = -1;
  };

  MergeTable() = default;
  // The rank is the place in the list; of equal pairs the last counts.
  explicit MergeTable(std::span<const BpeMerge> merges);

  Found find(TokenId left, TokenId right) const noexcept {
    const std::uint64_t key = key_of(left, right);
    for (std::size_t slot = hash(key) & mask_;; slot = (slot + 1) & mask_) {
      const Slot& s = slots_[slot];
      if (s.key == key) {
        return s.found;
      }
      if (s.key == kFree) {
        return {};
      }
    }
  }

 private:
  struct Slot {
    std::uint64_t key = kFree;
    Found found;
  };
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};

  static std::uint64_t key_of(TokenId left, TokenId right) noexcept {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32U) | static_cast<std::uint32_t>(right);
  }
  static std::uint64_t hash(std::uint64_t key) noexcept {
    const std::uint64_t mixed = key * 0x9E3779B97F4A7C15ULL;
    return mixed ^ (mixed >> 32U);
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1);  // a power of two, at most half full
  std::size_t mask_ = 0;
};

// Working memory for the words of one thread.
struct BpeState {
  struct Symbol {
    TokenId id;
    std::uint32_t size_bytes;  // of the word; 0: joined into the one before
  };
  struct Links {
    std::uint32_t previous;
    std::uint32_t next;
  };
  struct Candidate {
    std::uint64_t order;  // rank, then place in the word
    TokenId result;
  };
  std::vector<Symbol> symbols;
  std::vector<MergeTable::Found> pairs;
  std::vector<Links> links;
  std::vector<Candidate> heap;
  std::string text;
};

class Bpe {
 public:
  Bpe(BpeOptions options, std::span<const BpeMerge> merges, const Vocabulary& vocabulary);
  // Appends to `pieces`; `word` is well-formed UTF-8 and not empty.
  void encode(const Vocabulary& vocabulary, std::string_view word, BpeState& state, std::vector<Piece>& pieces) const;
  // The same for a word whose bytes stand for the characters that ByteLevel makes of them; pieces count those bytes.
  // Needs covers_bytes().
  void encode_bytes(const Vocabulary& vocabulary, std::string_view word, BpeState& state,
                    std::vector<Piece>& pieces) const;
  // Whether every byte has a character in the vocabulary wherever it stands in a word.
  bool covers_bytes() const noexcept { return covers_bytes_; }
  const BpeOptions& options() const noexcept { return options_; }

 private:
  // Where in the word a character stands: affixes depend on it.
  static constexpr unsigned kFirst = 1;
  static constexpr unsigned kLast = 2;
  static constexpr unsigned kPlaceCount = 4;
  static constexpr char32_t kTableEnd = 0x180;  // past the characters that stand for bytes

  TokenId find_char(const Vocabulary& vocabulary, std::string_view spelled, unsigned place, std::string& buffer) const;
  void split(const Vocabulary& vocabulary, std::string_view word, BpeState& state) const;
  bool add_bytes(std::string_view spelled, BpeState& state) const;
  void merge_short(BpeState& state) const;
  void merge_long(BpeState& state) const;
  void merge(BpeState& state, std::vector<Piece>& pieces) const;

  BpeOptions options_;
  MergeTable merges_;
  std::array<std::array<TokenId, kTableEnd>, kPlaceCount> char_ids_{};
  std::array<std::array<TokenId, 256>, kPlaceCount> byte_char_ids_{};  // of ByteLevel's characters
  std::vector<TokenId> fallback_ids_;                                  // [256] with fallback
  bool covers_bytes_ = true;
};

}  // namespace asterism::tok
