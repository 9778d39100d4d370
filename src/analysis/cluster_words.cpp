#include "analysis/cluster_words.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace asterism {
namespace {

// A word is common that stands in more than one of so many texts, or in more than one of so many clusters (in one of
// a hundred of their texts, and one at least).
constexpr std::uint64_t kTextsPerCommonWord = 20;
constexpr std::size_t kClustersPerCommonWord = 3;
constexpr std::uint64_t kTextsPerUse = 100;
// A common word must be so many times as frequent in a cluster as anywhere to tell something of it, or half as much
// more frequent as a word of that cluster alone.
constexpr double kCommonWordLift = 3.0;

}  // namespace

std::uint32_t ClusterWords::number_of(std::string_view word) {
  const auto [found, added] = numbers_.try_emplace(std::string(word), static_cast<std::uint32_t>(words_.size()));
  if (added) {
    words_.emplace_back(word);
    clustered_.push_back(0);
    everywhere_.emplace_back();
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
  std::ranges::sort(numbers);
  return numbers;
}

void ClusterWords::add(std::size_t cluster, std::span<const std::string> words) {
  Cluster& of = clusters_[cluster];
  const std::vector<std::uint32_t> numbers = numbers_of(words);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    Count& count = of.words[numbers[i]];
    ++count.occurrences;
    ++clustered_[numbers[i]];
    ++everywhere_[numbers[i]].occurrences;
    if (i == 0 || numbers[i] != numbers[i - 1]) {
      ++count.documents;
      ++everywhere_[numbers[i]].documents;
    }
  }
  of.all.occurrences += numbers.size();
  ++of.all.documents;
  all_.occurrences += numbers.size();
  ++all_.documents;
}

void ClusterWords::add_outside(std::span<const std::string> words) {
  const std::vector<std::uint32_t> numbers = numbers_of(words);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    ++everywhere_[numbers[i]].occurrences;
    everywhere_[numbers[i]].documents += i == 0 || numbers[i] != numbers[i - 1] ? 1U : 0U;
  }
  all_.occurrences += numbers.size();
  ++all_.documents;
}

std::vector<bool> ClusterWords::common_words() const {
  std::vector<std::size_t> cluster_counts(words_.size());
  for (const Cluster& cluster : clusters_) {
    for (const auto& [number, count] : cluster.words) {
      cluster_counts[number] += count.documents * kTextsPerUse >= cluster.all.documents ? 1U : 0U;
    }
  }
  std::vector<bool> common(words_.size());
  for (std::size_t w = 0; w < words_.size(); ++w) {
    common[w] = everywhere_[w].documents * kTextsPerCommonWord > all_.documents ||
                cluster_counts[w] * kClustersPerCommonWord > clusters_.size();
  }
  return common;
}

std::vector<ClusterWord> ClusterWords::top_of(const Cluster& cluster, double mean_occurrences,
                                              const std::vector<bool>& common) const {
  const std::uint64_t document_count_min =
      std::min<std::uint64_t>(options_.document_count_min, std::max<std::uint64_t>(cluster.all.documents, 1));
  const auto occurrences = static_cast<double>(cluster.all.occurrences);
  const auto all_occurrences = static_cast<double>(all_.occurrences);
  // What a word of this cluster alone has.
  const double lift_max = all_occurrences / occurrences;
  const double lift_min = std::min(kCommonWordLift, (1.0 + lift_max) / 2.0);
  std::vector<ClusterWord> found;
  for (const auto& [number, count] : cluster.words) {
    const double part = static_cast<double>(count.occurrences) / occurrences;
    const double lift = part * all_occurrences / static_cast<double>(everywhere_[number].occurrences);
    if (count.documents < document_count_min || (options_.drop_common && common[number] && lift < lift_min)) {
      continue;
    }
    const double rarity = std::log(1.0 + mean_occurrences / static_cast<double>(clustered_[number]));
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
    occurrences += static_cast<double>(cluster.all.occurrences);
  }
  // A whole number, as in BERTopic.
  const double mean = std::floor(occurrences / static_cast<double>(std::max<std::size_t>(clusters_.size(), 1)));
  const std::vector<bool> common = common_words();
  std::vector<std::vector<ClusterWord>> found;
  for (const Cluster& cluster : clusters_) {
    found.push_back(top_of(cluster, mean, common));
  }
  return found;
}

}  // namespace asterism
