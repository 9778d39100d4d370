#include "tokenizer/unicode.hpp"

#include <algorithm>
#include <utility>

namespace asterism::unicode {
namespace {

// Hangul syllables by arithmetic: The Unicode Standard, section 3.12.
constexpr char32_t kSyllableBase = 0xAC00;
constexpr char32_t kLeadBase = 0x1100;
constexpr char32_t kVowelBase = 0x1161;
constexpr char32_t kTailBase = 0x11A7;
constexpr char32_t kLeadCount = 19;
constexpr char32_t kVowelCount = 21;
constexpr char32_t kTailCount = 28;
constexpr char32_t kSyllableCount = kLeadCount * kVowelCount * kTailCount;

const Decomposition* find(std::span<const Decomposition> table, char32_t c) noexcept {
  const auto it = std::ranges::lower_bound(table, c, {}, &Decomposition::from);
  return it != table.end() && it->from == c ? &*it : nullptr;
}

}  // namespace

std::span<const char32_t> decompose(char32_t c, DecompositionKind kind,
                                    std::span<char32_t, kDecompositionLengthMax> buffer) noexcept {
  const std::uint16_t flags = char_record(c).flags;
  const Decomposition* found = nullptr;
  if (kind == DecompositionKind::kCompatible && (flags & kCompatible) != 0) {
    found = find(kCompatibleDecompositions, c);
  } else if ((flags & kCanonical) != 0) {
    if (c >= kSyllableBase && c < kSyllableBase + kSyllableCount) {
      const char32_t index = c - kSyllableBase;
      const char32_t tail = index % kTailCount;
      buffer[0] = kLeadBase + index / (kVowelCount * kTailCount);
      buffer[1] = kVowelBase + index % (kVowelCount * kTailCount) / kTailCount;
      buffer[2] = kTailBase + tail;
      return buffer.first(tail == 0 ? 2 : 3);
    }
    found = find(kCanonicalDecompositions, c);
  }
  if (found == nullptr) {
    buffer[0] = c;
    return buffer.first(1);
  }
  return std::span(kDecompositionPool).subspan(found->begin, found->length);
}

char32_t compose(char32_t first, char32_t second) noexcept {
  if (first >= kLeadBase && first < kLeadBase + kLeadCount && second >= kVowelBase &&
      second < kVowelBase + kVowelCount) {
    return kSyllableBase + ((first - kLeadBase) * kVowelCount + (second - kVowelBase)) * kTailCount;
  }
  if (first >= kSyllableBase && first < kSyllableBase + kSyllableCount && (first - kSyllableBase) % kTailCount == 0 &&
      second > kTailBase && second < kTailBase + kTailCount) {
    return first + (second - kTailBase);
  }
  const auto key = [](const Composition& pair) { return std::pair{pair.first, pair.second}; };
  const auto it = std::ranges::lower_bound(kCompositions, std::pair{first, second}, {}, key);
  return it != kCompositions.end() && it->first == first && it->second == second ? it->composed : 0;
}

}  // namespace asterism::unicode
