// Use case: what is nearest to a sum of words, texts, pictures and items, such as "king - man + woman".
//
// Thread-safety: pure functions of a request. Cost: the model is loaded and the candidates are read or embedded once;
// then a product of each with each term.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "analysis/analogy.hpp"
#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/row_source.hpp"
#include "service/analysis_rows.hpp"
#include "service/arithmetic_expression.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

struct ArithmeticRequest {
  std::string expression;
  std::string model = std::string(kBuiltinModel);
  EncoderOptions encoder;
  ModelFetch fetch;
  // Among what the answer is sought, one of: rows that are embedded by the model; a collection (its own model then
  // makes the terms) or a file of vectors; or neither: the model's own words, the first `word_count_max` of them.
  RowSourceOptions input = {};
  AnalysisRowsRequest vectors = {};  // `input` empty = none
  std::size_t word_count_max = 0;    // 0 = all
  AnalogyMethod method = AnalogyMethod::kCosAdd;
  std::size_t top_count = 10;
  // The expression's own words, texts, pictures and items are left out, unless they are to be kept.
  bool keep_inputs = false;
};

struct ArithmeticHit {
  float score = 0.0F;
  std::string name;       // the word or text; of pictures and of items without a text the path or id
  std::string id = {};    // of an item or row, where it has one
  std::uint64_t row = 0;  // its number among the candidates, from 0
};

struct ArithmeticResponse {
  EncoderInfo model;
  std::string expression;  // as it was understood
  std::vector<ArithmeticTerm> terms;
  std::string candidates;  // "words of the model", "rows", "items"
  std::uint64_t candidate_count = 0;
  std::uint64_t failed_row_count = 0;  // rows that could not be read or embedded
  std::vector<ArithmeticHit> hits;     // best first; equal scores in the order of the candidates
};

// Most answers of one request, and most rows that are embedded for it: they are held in memory.
inline constexpr std::size_t kArithmeticHitCountMax = 100'000;
inline constexpr std::size_t kArithmeticRowCountMax = 5'000'000;

// kNotFound for a word that the model does not know, with words that look like it, and for an id that is not there.
Result<ArithmeticResponse> arithmetic(const ArithmeticRequest& request);

// Whether an input is a collection or a file of vectors, so that it is meant for `vectors`: else its rows are embedded.
bool holds_vectors(const std::string& input);

// The k words of a vocabulary nearest in spelling, most frequent first among equals: for "did you mean".
std::vector<std::string> similar_words(const WordTable& words, std::string_view word, std::size_t k);

}  // namespace asterism::service
