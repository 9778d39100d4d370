// Use case: how many analogies and how much likeness of words a model of word vectors has right.
//
// Question files are those of word2vec (questions-words.txt): ": section" lines, and lines of four words, "a b c d": a
// is to b as c is to d. As gensim's evaluate_word_analogies: the vocabulary is the model's first words; a question with
// a word outside it is not asked and counts against the coverage alone; the question's own words are no answers. Pair
// files are lines of two words and a score that people gave, parted by tabs, spaces or commas; as gensim's
// evaluate_word_pairs, pairs with unknown words are left out.
// Thread-safety: pure functions of a request. Cost: the model is loaded once; questions by the ten thousand a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "analysis/analogy.hpp"
#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "asterism/word_table.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

// A question file or pair file that is larger is kLimitExceeded.
inline constexpr std::size_t kWordTaskFileSizeBytesMax = std::size_t{256} << 20U;
// What analogies are usually sought among: the most frequent words.
inline constexpr std::size_t kAnalogyWordCountDefault = 30'000;

struct WordTaskVocabulary {
  std::size_t word_count_max = kAnalogyWordCountDefault;  // 0 = all
  bool match_case = false;                                // else "Athens" and "athens" are one word, the more frequent
};

struct AnalogyEvaluationRequest {
  std::string model;
  ModelFetch fetch;
  std::size_t thread_count = 0;  // 0 = as many as there are
  std::string questions;         // the file
  WordTaskVocabulary vocabulary;
  std::vector<AnalogyMethod> methods = {AnalogyMethod::kCosAdd};
};

// One line of the file, in order.
struct AnalogyOutcome {
  std::uint32_t section = 0;
  std::uint32_t line = 0;            // from 1
  bool asked = false;                // all four words are in the vocabulary
  std::string text;                  // "a b c d"
  std::vector<std::string> answers;  // [methods]; none where not asked
  std::vector<bool> right;           // [methods]
};

struct AnalogySection {
  std::string name;  // empty for lines before the first
  std::size_t question_count = 0;
  std::size_t asked_count = 0;
  std::vector<std::size_t> right_counts;  // [methods]
};

struct AnalogyEvaluation {
  EncoderInfo model;
  std::vector<AnalogyMethod> methods;
  std::size_t word_count = 0;            // of the vocabulary that was sought in
  std::vector<AnalogySection> sections;  // as in the file, without the sum
  AnalogySection total;
  std::vector<AnalogyOutcome> outcomes;
  std::vector<std::string> problems;  // lines that are no questions, the first few; each costs itself
  std::size_t problem_count = 0;
  double search_time_s = 0.0;  // of finding the answers alone

  // Of those asked; NaN where none was.
  double accuracy(const AnalogySection& section, std::size_t method) const;
};

// kInvalidArgument for a model without words of its own, kCorrupt where no line is a question.
Result<AnalogyEvaluation> evaluate_analogies(const AnalogyEvaluationRequest& request);

struct WordPairsRequest {
  std::string model;
  ModelFetch fetch;
  std::size_t thread_count = 0;
  std::vector<std::string> files;
  WordTaskVocabulary vocabulary = {.word_count_max = 0};
};

struct WordPairOutcome {
  std::string a;
  std::string b;
  double gold = 0.0;
  double cosine = 0.0;  // NaN where a word is unknown
};

struct WordPairsEvaluation {
  std::string file;
  std::vector<WordPairOutcome> outcomes;  // in the order of the file
  std::size_t known_count = 0;            // of those
  double spearman = 0.0;                  // over the known; NaN below two
  double pearson = 0.0;
  std::vector<std::string> problems;
  std::size_t problem_count = 0;
};

Result<std::vector<WordPairsEvaluation>> evaluate_word_pairs(const WordPairsRequest& request);

}  // namespace asterism::service
