#include "analysis/retrieval_scores.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <ranges>

namespace asterism {
namespace {

double discounted_gain(std::span<const std::int32_t> grades, std::size_t k) {
  double sum = 0.0;
  for (std::size_t i = 0; i < std::min(grades.size(), k); ++i) {
    if (grades[i] > 0) {
      sum += grades[i] / std::log2(static_cast<double>(i) + 2.0);
    }
  }
  return sum;
}

}  // namespace

RetrievalScores retrieval_scores(std::span<const std::int32_t> found, std::span<const std::int32_t> judged,
                                 std::size_t k) {
  RetrievalScores scores;
  std::vector<std::int32_t> ideal(judged.begin(), judged.end());
  std::ranges::sort(ideal, std::ranges::greater{});
  const auto relevant_count = static_cast<std::size_t>(std::ranges::count_if(ideal, [](auto g) { return g > 0; }));
  if (relevant_count == 0 || k == 0) {
    return scores;
  }
  const auto relevant = static_cast<double>(relevant_count);
  std::size_t right_count = 0;
  for (std::size_t i = 0; i < std::min(found.size(), k); ++i) {
    if (found[i] <= 0) {
      continue;
    }
    ++right_count;
    const auto rank = static_cast<double>(i + 1);
    scores.average_precision += static_cast<double>(right_count) / rank;
    if (right_count == 1) {
      scores.reciprocal_rank = 1.0 / rank;
    }
  }
  scores.average_precision /= relevant;
  scores.recall = static_cast<double>(right_count) / relevant;
  scores.precision = static_cast<double>(right_count) / static_cast<double>(k);
  scores.ndcg = discounted_gain(found, k) / discounted_gain(ideal, k);
  const auto first = found.subspan(0, std::min(found.size(), relevant_count));
  scores.r_precision = static_cast<double>(std::ranges::count_if(first, [](auto g) { return g > 0; })) / relevant;
  return scores;
}

void sort_as_trec(std::vector<FoundDocument>& found) {
  std::ranges::sort(found, [](const FoundDocument& a, const FoundDocument& b) {
    const auto score_a = static_cast<float>(a.score);
    const auto score_b = static_cast<float>(b.score);
    return score_a != score_b ? score_a > score_b : a.id > b.id;
  });
}

}  // namespace asterism
