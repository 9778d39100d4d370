// Words that tell what the texts of a cluster are about: class-based TF-IDF.
//
// All texts of a cluster count as one document (Grootendorst 2022, "BERTopic: Neural topic modeling with a class-based
// TF-IDF procedure"): a word's weight is its share of the cluster's words times log(1 + words of a cluster on average /
// how often the word stands anywhere). Words that most clusters share are left out by how evenly they are spread, and
// those that are short and frequent by these two, not by a list: no language is presumed.
// Ownership: values. Thread-safety: none while texts are added. Cost: one look-up a word; memory: one entry for each
// word of a cluster.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace asterism {

struct ClusterWordsOptions {
  std::size_t word_count = 10;         // of each cluster, at most
  std::size_t document_count_min = 2;  // texts of the cluster that a word must stand in; 1 where the cluster has one
  // A word that many texts or many clusters have is left out of those that do not have clearly more of it than the
  // rest; a short one that is frequent of those that do not have five times as much. Of few texts or clusters all of
  // the latter may go.
  bool drop_common = true;
  bool bigrams = false;  // two words that follow each other count as a word too
};

struct ClusterWord {
  std::string word;
  double weight = 0.0;
  std::size_t document_count = 0;  // texts of the cluster that it stands in
};

class ClusterWords {
 public:
  ClusterWords(std::size_t cluster_count, const ClusterWordsOptions& options)
      : options_(options), clusters_(cluster_count) {}

  // The words of one text of a cluster, in their order.
  void add(std::size_t cluster, std::span<const std::string> words);
  // Of a text in no cluster: it counts for how common words are, not for their weights.
  void add_outside(std::span<const std::string> words);

  // For each cluster its words, largest weight first; equal weights by the alphabet.
  std::vector<std::vector<ClusterWord>> top() const;

 private:
  struct Count {
    std::uint64_t occurrences = 0;
    std::uint64_t documents = 0;
  };
  struct Cluster {
    std::unordered_map<std::uint32_t, Count> words;
    Count all;
  };

  std::uint32_t number_of(std::string_view word);
  // The numbers of the words of a text and, where asked for, of its bigrams; sorted.
  std::vector<std::uint32_t> numbers_of(std::span<const std::string> words);
  // What a word must have to tell something of a cluster: nothing, clearly more of it than the rest, far more.
  enum class Spread : std::uint8_t { kOwn, kCommon, kShort };
  double mean_length() const;           // of the different words, in characters
  std::vector<Spread> spreads() const;  // [words]
  std::vector<ClusterWord> top_of(const Cluster& cluster, double mean_occurrences,
                                  std::span<const Spread> spreads) const;

  ClusterWordsOptions options_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<std::string> words_;        // by number
  std::vector<std::uint64_t> clustered_;  // occurrences in clusters, by number
  std::vector<Count> everywhere_;         // in all texts, by number
  std::vector<Cluster> clusters_;
  Count all_;
};

}  // namespace asterism
