// The pre-tokeniser of a tokenizer.json: a list of steps, each cutting segments into smaller ones.
//
// Sources: tokenizers/src/pre_tokenizers/*.rs and tokenizer/normalizer.rs, `split` (behaviour). Thread-safety: steps
// are immutable; texts are the caller's. Cost: linear in the text for each step.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "tokenizer/segments.hpp"

namespace asterism::tok {

// What becomes of a character that separates.
enum class SplitBehavior : std::uint8_t { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

enum class SplitClass : std::uint8_t { kWhitespace, kPunctuation };

struct SplitStep {
  SplitClass at = SplitClass::kWhitespace;
  SplitBehavior behavior = SplitBehavior::kRemoved;
};

// Runs of word characters, and runs of what is neither word character nor white space (\w+|[^\w\s]+).
struct WordRunsStep {};

// Spaces become `replacement`, which also goes in front, and segments are cut before it.
struct MetaspaceStep {
  enum class Prepend : std::uint8_t { kAlways, kFirst, kNever };
  char32_t replacement = 0x2581;
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};

using PreTokenizerStep = std::variant<SplitStep, WordRunsStep, MetaspaceStep>;

// Rewrites `text`; `spare` is working memory. Segments that have an id are left alone.
void pre_tokenize(const std::vector<PreTokenizerStep>& steps, SegmentedText& text, SegmentedText& spare);

}  // namespace asterism::tok
