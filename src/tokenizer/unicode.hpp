// Classes and mappings of characters, exactly as the `tokenizers` package 0.23.3 sees them.
//
// The package mixes several Unicode versions; these tables record its answers (see unicode_tables.hpp). Thread-safety:
// pure functions over constant data. Cost: two loads per question; a binary search per decomposition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tokenizer/unicode_tables.hpp"

namespace asterism::unicode {

// Bit order is that of FLAGS in tools/goldens/tokenizer_unicode.py.
enum CharFlag : std::uint16_t {
  kDropped = 1U << 0U,      // BertNormalizer's clean_text removes it
  kWhitespace = 1U << 1U,   // Rust's char::is_whitespace and \s of the regular expressions
  kChinese = 1U << 2U,      // BertNormalizer puts spaces around it
  kPunctuation = 1U << 3U,  // BertPreTokenizer and Punctuation split at it
  kNonspacing = 1U << 4U,   // BertNormalizer's strip_accents removes it
  kMark = 1U << 5U,         // StripAccents removes it
  kCanonical = 1U << 6U,    // has a canonical decomposition (NFD changes it)
  kCompatible = 1U << 7U,   // has a compatibility decomposition of its own (NFKD differs from NFD)
  kWord = 1U << 8U,         // \w of the regular expressions
  kLetter = 1U << 9U,       // \p{L} of the regular expressions
  kNumber = 1U << 10U,      // \p{N} of the regular expressions
};

inline constexpr std::int32_t kLowerOfTwo = 0x110000;
inline constexpr char32_t kReplacementCharacter = 0xFFFD;
inline constexpr char32_t kCombiningDotAbove = 0x307;
inline constexpr std::size_t kDecompositionLengthMax = 18;

// `c` must be below 0x110000.
inline const CharRecord& char_record(char32_t c) noexcept {
  const std::size_t page = kPageOfBlock[c >> kPageBits];
  return kCharRecords[kRecordOfChar[(page << kPageBits) | (c & ((1U << kPageBits) - 1))]];
}

inline bool has_flag(char32_t c, CharFlag flag) noexcept {
  return (char_record(c).flags & flag) != 0;
}

enum class DecompositionKind : std::uint8_t { kCanonical, kCompatible };

// Writes the full decomposition of `c` (itself when it has none) and returns the part of `buffer` used.
std::span<const char32_t> decompose(char32_t c, DecompositionKind kind,
                                    std::span<char32_t, kDecompositionLengthMax> buffer) noexcept;

// The character that NFC makes of the pair; 0 when it makes none.
char32_t compose(char32_t first, char32_t second) noexcept;

}  // namespace asterism::unicode
