// Token texts by id and ids by text.
//
// Ownership: owns one arena with all texts. Thread-safety: immutable once built. Cost: one hash probe per look-up, no
// allocation; building takes about a millisecond for 30,000 tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism::tok {

// Ids at and past this are refused: no embedding table is near it, and a lying file must not make us allocate for it.
inline constexpr TokenId kTokenIdEnd = 1 << 24;
// Ids that no token has: pruned vocabularies have a few.
inline constexpr std::size_t kTokenHoleCountMax = 1 << 20;
// Longest token text accepted, in bytes.
inline constexpr std::size_t kTokenSizeBytesMax = 1 << 16;
// All texts together, so that a place in the arena fits 32 bits.
inline constexpr std::size_t kTokenSizeBytesTotalMax = std::size_t{1} << 31U;

struct VocabularyEntry {
  std::string_view text;
  TokenId id;
};

// FNV-1a: may be continued byte by byte, which gives the hashes of all prefixes of a word in one pass.
class TextHash {
 public:
  void add(char byte) noexcept { state_ = (state_ ^ static_cast<std::uint8_t>(byte)) * 0x100000001B3ULL; }
  void add(std::string_view text) noexcept {
    for (const char byte : text) {
      add(byte);
    }
  }
  // FNV's low bits are weak for short texts: mix before use.
  std::uint64_t value() const noexcept {
    const std::uint64_t mixed = (state_ ^ (state_ >> 32U)) * 0x9E3779B97F4A7C15ULL;
    return mixed ^ (mixed >> 29U);
  }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325ULL;
};

// What to do when two entries have the same text.
enum class SameText : std::uint8_t { kRefused, kLastCounts };

class Vocabulary {
 public:
  Vocabulary() = default;
  // Ids may leave holes. kCorrupt when two entries share an id (or a text, unless allowed), or an id is negative;
  // kLimitExceeded past the limits above.
  static Result<Vocabulary> build(std::span<const VocabularyEntry> entries, SameText same_text,
                                  std::string_view source);

  // One past the largest id.
  std::size_t size() const noexcept { return places_.size(); }
  std::size_t token_count() const noexcept { return token_count_; }
  std::size_t token_size_bytes_max() const noexcept { return token_size_bytes_max_; }
  // Empty for a hole or an id outside.
  std::string_view text(TokenId id) const noexcept;
  // -1 when there is none.
  TokenId find(std::string_view text) const noexcept;
  // The same for prefix + text, whose hash the caller has.
  TokenId find_joined(const TextHash& hash, std::string_view prefix, std::string_view text) const noexcept;

 private:
  // Where the arena has the token: a header, then the text. One cache line fewer to a match than through the id.
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t place = kFree;
  };
  struct Header {
    TokenId id;
    std::uint32_t size_bytes;
  };
  static constexpr std::uint32_t kFree = 0xFFFFFFFF;

  Header header(std::uint32_t place) const noexcept;
  std::string_view text_at(std::uint32_t place) const noexcept;
  // Enters the token; the id of another with the same text if there is one, which then stays alone.
  TokenId insert(const VocabularyEntry& entry);

  std::string arena_;
  std::vector<std::uint32_t> places_;  // [size]; kFree for a hole
  std::vector<Slot> slots_;            // a power of two, at most half full
  std::size_t token_count_ = 0;
  std::size_t token_size_bytes_max_ = 0;
};

}  // namespace asterism::tok
