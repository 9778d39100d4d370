#include "analysis/tfidf.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

namespace asterism {

Result<Tfidf> Tfidf::fit(std::span<const std::vector<std::string>> texts, std::size_t term_count_max) {
  struct Counts {
    std::size_t occurrences = 0;
    std::size_t texts = 0;
  };
  std::unordered_map<std::string_view, Counts> counts;
  for (const std::vector<std::string>& words : texts) {
    for (const std::string& word : words) {
      ++counts[word].occurrences;
    }
    for (const std::string_view word : std::set<std::string_view>(words.begin(), words.end())) {
      ++counts[word].texts;
    }
  }
  if (counts.empty() || term_count_max == 0) {
    return fail(ErrorCode::kInvalidArgument, "TF-IDF: expected texts with words, found none");
  }
  std::vector<std::pair<std::string_view, Counts>> kept(counts.begin(), counts.end());
  std::ranges::sort(kept, [](const auto& a, const auto& b) {
    return a.second.occurrences != b.second.occurrences ? a.second.occurrences > b.second.occurrences
                                                        : a.first < b.first;
  });
  kept.resize(std::min(kept.size(), term_count_max));
  std::ranges::sort(kept, {}, &std::pair<std::string_view, Counts>::first);
  Tfidf out;
  for (const auto& [word, of_word] : kept) {
    out.places_.emplace(word, out.weights_.size());
    const auto all = static_cast<double>(texts.size());
    out.weights_.push_back(std::log((1.0 + all) / (1.0 + static_cast<double>(of_word.texts))) + 1.0);
  }
  return out;
}

std::vector<std::string_view> Tfidf::terms() const {
  std::vector<std::string_view> out;
  for (const auto& [term, place] : places_) {
    out.push_back(term);
  }
  return out;
}

std::vector<float> Tfidf::transform(std::span<const std::vector<std::string>> texts) const {
  std::vector<float> out(texts.size() * term_count());
  std::vector<double> row(term_count());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::ranges::fill(row, 0.0);
    for (const std::string& word : texts[i]) {
      if (const auto found = places_.find(word); found != places_.end()) {
        row[found->second] += weights_[found->second];
      }
    }
    double squares = 0.0;
    for (const double value : row) {
      squares += value * value;
    }
    const double length = squares > 0.0 ? std::sqrt(squares) : 1.0;
    for (std::size_t t = 0; t < row.size(); ++t) {
      out[i * term_count() + t] = static_cast<float>(row[t] / length);
    }
  }
  return out;
}

}  // namespace asterism
