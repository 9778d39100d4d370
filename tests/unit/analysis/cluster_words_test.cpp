#include "analysis/cluster_words.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "analysis_support.hpp"

namespace asterism {
namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::vector<std::string> names(const std::vector<ClusterWord>& words) {
  std::vector<std::string> out;
  for (const ClusterWord& word : words) {
    out.push_back(word.word);
  }
  return out;
}

TEST(ClusterWords, weights_are_those_of_bertopic) {
  const Json golden = structure_golden()["cluster_words"];
  const auto texts = golden["texts"].get<std::vector<std::string>>();
  const auto labels = golden["labels"].get<std::vector<std::size_t>>();
  const Json& expected = golden["weights"];
  ASSERT_EQ(expected.size(), 3U);
  ClusterWords words(3, {.word_count = 1000, .document_count_min = 1, .drop_common = false});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    words.add(labels[i], split(texts[i]));
  }
  const auto top = words.top();
  for (std::size_t c = 0; c < 3; ++c) {
    ASSERT_EQ(top[c].size(), expected[c].size());
    for (const ClusterWord& word : top[c]) {
      EXPECT_NEAR(word.weight, expected[c][word.word].get<double>(), 1e-9) << word.word;
    }
  }
}

TEST(ClusterWords, words_that_all_clusters_share_are_left_out_and_those_of_one_stay) {
  ClusterWords words(2, {.word_count = 3});
  for (int i = 0; i < 20; ++i) {
    words.add(0, split("the card is lost"));
    words.add(1, split("the rate is high"));
  }
  const auto top = words.top();
  EXPECT_EQ(names(top[0]), (std::vector<std::string>{"card", "lost"}));
  EXPECT_EQ(names(top[1]), (std::vector<std::string>{"high", "rate"}));
}

TEST(ClusterWords, texts_in_no_cluster_make_words_common) {
  ClusterWords words(1, {.word_count = 5});
  words.add(0, split("red apple"));
  words.add(0, split("red apple"));
  for (int i = 0; i < 10; ++i) {
    words.add_outside(split("red stone"));
  }
  EXPECT_EQ(names(words.top()[0]), (std::vector<std::string>{"apple"}));
}

// In a third of all texts, and nearly all of "to" and "was" in one cluster: no share tells them from "ball".
TEST(ClusterWords, short_frequent_words_are_left_out_unless_they_are_far_more_frequent_than_elsewhere) {
  ClusterWords words(2, {.word_count = 9});
  for (int i = 0; i < 10; ++i) {
    words.add(0, split("ball was thrown to striker"));
    words.add(1, split("oil prices climbed"));
  }
  for (int i = 0; i < 60; ++i) {
    words.add_outside(split("waterproof leather jacket"));
  }
  for (int i = 0; i < 2; ++i) {
    words.add_outside(split("something was brought to someone"));
    words.add_outside(split("something was brought to someone"));
  }
  const auto top = words.top();
  EXPECT_EQ(names(top[0]), (std::vector<std::string>{"ball", "striker", "thrown"}));
  EXPECT_EQ(names(top[1]), (std::vector<std::string>{"climbed", "oil", "prices"}));
}

TEST(ClusterWords, length_is_that_of_characters) {
  ClusterWords words(2, {.word_count = 3});
  for (int i = 0; i < 10; ++i) {
    words.add(0, split("\u671d\u98df \u65e9\u996d"));  // all words of two characters: none is short
    words.add(1, split("\u665a\u9910 \u591c\u5bb5"));
  }
  EXPECT_EQ(words.top()[0].size(), 2U);
}

TEST(ClusterWords, two_words_that_follow_each_other_count_where_asked_for) {
  ClusterWords words(2, {.word_count = 1, .document_count_min = 1, .drop_common = false, .bigrams = true});
  words.add(0, split("new york new york"));
  words.add(1, split("old york"));
  EXPECT_EQ(names(words.top()[0]), (std::vector<std::string>{"new"}));
  bool found = false;
  ClusterWords all(2, {.word_count = 9, .document_count_min = 1, .drop_common = false, .bigrams = true});
  all.add(0, split("new york new york"));
  all.add(1, split("old york"));
  const auto top = all.top();
  for (const ClusterWord& word : top[0]) {
    found = found || word.word == "new york";
  }
  EXPECT_TRUE(found);
}

TEST(ClusterWords, of_empty_texts_and_empty_clusters_there_are_none) {
  ClusterWords words(3, {});
  words.add(0, {});
  words.add(1, split("alone"));
  const auto top = words.top();
  EXPECT_TRUE(top[0].empty());
  EXPECT_EQ(names(top[1]), (std::vector<std::string>{"alone"}));
  EXPECT_TRUE(top[2].empty());
}

}  // namespace
}  // namespace asterism
