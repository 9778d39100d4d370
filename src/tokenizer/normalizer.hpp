// The normaliser of a tokenizer.json: a list of steps, each rewriting an aligned text.
//
// Sources: tokenizers/src/normalizers/*.rs and tokenizer/normalizer.rs (behaviour, alignment included). Thread-safety:
// steps are immutable; the texts are the caller's. Cost: linear in the text for each step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tokenizer/aligned_text.hpp"
#include "tokenizer/bert_normalizer.hpp"

namespace asterism::tok {

// A text is cut here between two steps: replacements of a hostile file could make it grow without end. Positions stay
// inside 32 bits, as no other step makes a text more than twelve times as long.
inline constexpr std::size_t kNormalizedSizeBytesMax = 2 * kTextSizeBytesMax;
// Longest text that a step may insert.
inline constexpr std::size_t kInsertedSizeBytesMax = 4096;

struct LowercaseStep {};
struct StripAccentsStep {};

struct NormalFormStep {
  unicode::DecompositionKind kind = unicode::DecompositionKind::kCanonical;
  bool composed = false;
};

struct StripStep {
  bool left = true;
  bool right = true;
};

struct PrependStep {
  std::string text;  // not empty
};

struct ReplaceTextStep {
  std::string pattern;  // not empty
  std::string content;
};

// The regular expressions that occur: one character, or white space, at least `count_min` times in a row.
struct ReplaceRunStep {
  bool whitespace = false;  // \s
  char32_t character = 0;   // when not white space
  std::size_t count_min = 1;
  bool greedy = true;  // false: exactly one at a time
  std::string content;
};

// Several Replace steps of one ASCII character each, done in one pass (model2vec writes 32 of them).
struct ReplaceBytesStep {
  std::array<bool, 128> replaced{};
  std::vector<std::string> contents = std::vector<std::string>(128);
};

using NormalizerStep = std::variant<BertNormalizerOptions, LowercaseStep, StripAccentsStep, NormalFormStep, StripStep,
                                    PrependStep, ReplaceTextStep, ReplaceRunStep, ReplaceBytesStep>;

// Rewrites `text`; `spare` is working memory.
void normalize(const std::vector<NormalizerStep>& steps, AlignedText& text, AlignedText& spare);

// Joins neighbouring one-character replacements where that cannot change the result.
std::vector<NormalizerStep> merge_replacements(std::vector<NormalizerStep> steps);

}  // namespace asterism::tok
