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
// What a text is made with and not about is short where it is frequent, in every language (Zipf's law of abbreviation,
// 1949; Bentz and Ferrer-i-Cancho 2016): a word in one of so many texts, three at least, that has at most this part of
// the mean length of the different words must be this much more frequent in a cluster to tell something, however much
// that is. "the", "to" and "was" go, and "oil", "cup" and "pin" stay where they are at home.
constexpr std::uint64_t kTextsPerShortWord = 100;
constexpr std::uint64_t kShortWordTextsMin = 3;
constexpr double kShortWordPart = 0.6;
constexpr double kShortWordLift = 5.0;

// Characters, where a byte may be the middle of one.
std::size_t length_of(std::string_view word) {
  return static_cast<std::size_t>(
      std::ranges::count_if(word, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_one_word(std::string_view word) {
  return word.find(' ') == std::string_view::npos;
}

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

// Of those that have one word.
double ClusterWords::mean_length() const {
  std::size_t length_sum = 0;
  std::size_t count = 0;
  for (const std::string& word : words_) {
    length_sum += is_one_word(word) ? length_of(word) : 0;
    count += is_one_word(word) ? 1U : 0U;
  }
  return static_cast<double>(length_sum) / static_cast<double>(std::max<std::size_t>(count, 1));
}

std::vector<ClusterWords::Spread> ClusterWords::spreads() const {
  std::vector<std::size_t> cluster_counts(words_.size());
  for (const Cluster& cluster : clusters_) {
    for (const auto& [number, count] : cluster.words) {
      cluster_counts[number] += count.documents * kTextsPerUse >= cluster.all.documents ? 1U : 0U;
    }
  }
  const double short_length_max = kShortWordPart * mean_length();
  std::vector<Spread> out(words_.size(), Spread::kOwn);
  for (std::size_t w = 0; w < words_.size(); ++w) {
    const std::uint64_t documents = everywhere_[w].documents;
    if (documents >= kShortWordTextsMin && documents * kTextsPerShortWord >= all_.documents && is_one_word(words_[w]) &&
        static_cast<double>(length_of(words_[w])) <= short_length_max) {
      out[w] = Spread::kShort;
    } else if (documents * kTextsPerCommonWord > all_.documents ||
               cluster_counts[w] * kClustersPerCommonWord > clusters_.size()) {
      out[w] = Spread::kCommon;
    }
  }
  return out;
}

std::vector<ClusterWord> ClusterWords::top_of(const Cluster& cluster, double mean_occurrences,
                                              std::span<const Spread> spreads) const {
  const std::uint64_t document_count_min =
      std::min<std::uint64_t>(options_.document_count_min, std::max<std::uint64_t>(cluster.all.documents, 1));
  const auto occurrences = static_cast<double>(cluster.all.occurrences);
  const auto all_occurrences = static_cast<double>(all_.occurrences);
  // What a word of this cluster alone has.
  const double lift_max = all_occurrences / occurrences;
  const double common_lift = std::min(kCommonWordLift, (1.0 + lift_max) / 2.0);
  const auto least_lift = [&](Spread spread) {
    return spread == Spread::kShort ? kShortWordLift : spread == Spread::kCommon ? common_lift : 0.0;
  };
  std::vector<ClusterWord> found;
  for (const auto& [number, count] : cluster.words) {
    const double part = static_cast<double>(count.occurrences) / occurrences;
    const double lift = part * all_occurrences / static_cast<double>(everywhere_[number].occurrences);
    if (count.documents < document_count_min || (options_.drop_common && lift < least_lift(spreads[number]))) {
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
  const std::vector<Spread> spread = spreads();
  std::vector<std::vector<ClusterWord>> found;
  for (const Cluster& cluster : clusters_) {
    found.push_back(top_of(cluster, mean, spread));
  }
  return found;
}

}  // namespace asterism
