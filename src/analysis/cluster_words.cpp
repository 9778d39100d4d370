#include "analysis/cluster_words.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace asterism {
namespace {

// How much more common than in all texts a common word must be in a cluster to tell something of it.
constexpr double kCommonWordLift = 2.0;

}  // namespace

std::uint32_t ClusterWords::number_of(std::string_view word) {
  const auto [found, added] = numbers_.try_emplace(std::string(word), static_cast<std::uint32_t>(words_.size()));
  if (added) {
    words_.emplace_back(word);
    totals_.push_back(0);
    documents_.push_back(0);
  }
  return found->second;
}

std::vector<std::uint32_t> ClusterWords::numbers_of(std::span<const std::string> words) {
  std::vector<std::uint32_t> numbers;
  for (std::size_t i = 0; i < words.size(); ++i) {
    numbers.push_back(number_of(words[i]));
    if (options_.bigrams && i + 1 < words.size()) {
      numbers.push_back(number_of(words[i] + " " + words[i + 1]));
    }
  }
  return numbers;
}

void ClusterWords::add(std::size_t cluster, std::span<const std::string> words) {
  Cluster& of = clusters_[cluster];
  std::vector<std::uint32_t> numbers = numbers_of(words);
  std::ranges::sort(numbers);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    Count& count = of.words[numbers[i]];
    ++count.occurrences;
    ++totals_[numbers[i]];
    if (i == 0 || numbers[i] != numbers[i - 1]) {
      ++count.documents;
      ++documents_[numbers[i]];
    }
  }
  of.occurrences += numbers.size();
  ++of.documents;
  ++document_count_;
}

void ClusterWords::add_outside(std::span<const std::string> words) {
  std::vector<std::uint32_t> numbers = numbers_of(words);
  std::ranges::sort(numbers);
  const auto repeated = std::ranges::unique(numbers);
  numbers.erase(repeated.begin(), repeated.end());
  for (const std::uint32_t number : numbers) {
    ++documents_[number];
  }
  ++document_count_;
}

std::vector<ClusterWord> ClusterWords::top_of(const Cluster& cluster, double mean_occurrences) const {
  const auto document_count_min =
      std::min<std::uint64_t>(options_.document_count_min, std::max<std::uint64_t>(cluster.documents, 1));
  std::vector<ClusterWord> found;
  for (const auto& [number, count] : cluster.words) {
    const double share = static_cast<double>(documents_[number]) / static_cast<double>(document_count_);
    const double own_share = static_cast<double>(count.documents) / static_cast<double>(cluster.documents);
    const bool common = share > options_.document_share_max && own_share < kCommonWordLift * share;
    if (count.documents < document_count_min || common) {
      continue;
    }
    const double part = static_cast<double>(count.occurrences) / static_cast<double>(cluster.occurrences);
    const double rarity = std::log(1.0 + mean_occurrences / static_cast<double>(totals_[number]));
    found.push_back({.word = words_[number], .weight = part * rarity, .document_count = count.documents});
  }
  const auto order = [](const ClusterWord& a, const ClusterWord& b) {
    return std::tuple(-a.weight, std::string_view(a.word)) < std::tuple(-b.weight, std::string_view(b.word));
  };
  const std::size_t kept = std::min(options_.word_count, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end(), order);
  found.resize(kept);
  return found;
}

std::vector<std::vector<ClusterWord>> ClusterWords::top() const {
  double occurrences = 0.0;
  for (const Cluster& cluster : clusters_) {
    occurrences += static_cast<double>(cluster.occurrences);
  }
  // A whole number, as in BERTopic.
  const double mean = std::floor(occurrences / static_cast<double>(std::max<std::size_t>(clusters_.size(), 1)));
  std::vector<std::vector<ClusterWord>> found;
  for (const Cluster& cluster : clusters_) {
    found.push_back(top_of(cluster, mean));
  }
  return found;
}

}  // namespace asterism
