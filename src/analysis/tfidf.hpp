// TF-IDF: texts as how often their words occur, rare words counting more. The baseline that embeddings of texts must
// beat.
//
// As scikit-learn's TfidfVectorizer with its defaults over words that were split already: counts times
// ln((1 + texts) / (1 + texts with the word)) + 1, rows scaled to length 1; with `term_count_max` the most frequent
// words alone, equally frequent ones in the order of their bytes (max_features; its order of ties is not defined). A
// text without known words is zeros. Ownership: values. Thread-safety: a fitted Tfidf is immutable. Cost: one pass over
// the words; rows are dense, [texts, terms].
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

class Tfidf {
 public:
  // kInvalidArgument where no text has a word.
  static Result<Tfidf> fit(std::span<const std::vector<std::string>> texts, std::size_t term_count_max);

  std::size_t term_count() const noexcept { return weights_.size(); }
  // In the order of their bytes.
  std::vector<std::string_view> terms() const;
  // [texts, term_count]
  std::vector<float> transform(std::span<const std::vector<std::string>> texts) const;

 private:
  std::map<std::string, std::size_t, std::less<>> places_;
  std::vector<double> weights_;  // [term_count]: inverse document frequencies
};

}  // namespace asterism
