// The pre-tokeniser of a tokenizer.json: a list of steps, each cutting segments into smaller ones.
//
// Sources: tokenizers/src/pre_tokenizers/*.rs and tokenizer/normalizer.rs, `split` (behaviour). Thread-safety: steps
// are immutable; texts are the caller's. Cost: linear in the text for each step.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tokenizer/segments.hpp"
#include "tokenizer/word_pattern.hpp"

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

// What a Split cuts at: what matches, or (inverted) what lies between the matches.
enum class SplitAt : std::uint8_t { kMatches, kGaps };

struct PatternSplitStep {
  WordPattern pattern = WordPattern::kGpt2;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  SplitAt at = SplitAt::kMatches;
};

struct TextSplitStep {
  std::string text;  // not empty
  SplitBehavior behavior = SplitBehavior::kIsolated;
  SplitAt at = SplitAt::kMatches;
};

// Every byte becomes the character that stands for it (byte_level.hpp).
struct ByteLevelStep {
  bool add_prefix_space = true;  // in front of every segment without one
  bool splits = true;            // by GPT-2's pattern, before
};

using PreTokenizerStep =
    std::variant<SplitStep, WordRunsStep, MetaspaceStep, PatternSplitStep, TextSplitStep, ByteLevelStep>;

// Working memory of pre_tokenize().
struct PreTokenizeState {
  SegmentedText text;
  SegmentedText prefixed;  // one segment with a space in front
};

// Rewrites `text`. Segments that have an id are left alone.
void pre_tokenize(const std::vector<PreTokenizerStep>& steps, SegmentedText& text, PreTokenizeState& state);

}  // namespace asterism::tok
