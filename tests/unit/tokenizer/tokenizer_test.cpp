#include "tokenizer/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, hello 4, world 5, ##s 6, "," 7, i 8, the combining dot above 9, [MASK] 10 (added)
std::string small_json(const std::string& normalizer = R"({"type": "BertNormalizer", "clean_text": true,
    "handle_chinese_chars": true, "strip_accents": null, "lowercase": true})") {
  return R"({"version": "1.0", "truncation": {"direction": "Right", "max_length": 77, "strategy": "LongestFirst", "stride": 0},
    "added_tokens": [{"id": 10, "content": "[MASK]", "single_word": false, "lstrip": true, "rstrip": false, "normalized": false, "special": true}],
    "normalizer": )" +
         normalizer + R"(, "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
      "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "hello": 4, "world": 5, "##s": 6, ",": 7, "i": 8, "##\u0307": 9}}})";
}

Tokenizer small_tokenizer(const TokenizerOverrides& overrides = {}) {
  auto tokenizer = Tokenizer::from_json_text(small_json(), "small", overrides);
  EXPECT_TRUE(tokenizer) << tokenizer.error().to_string();
  return std::move(*tokenizer);
}

std::vector<TokenId> ids_of(const Tokenizer& tokenizer, std::string_view text) {
  return tokenizer.encode(text, {.add_special_tokens = false}).ids;
}

}  // namespace

TEST(Tokenizer, words_become_pieces_between_the_special_tokens) {
  const Encoding out = small_tokenizer().encode("Hello, worlds", {.with_offsets = true});
  EXPECT_THAT(out.ids, ElementsAre(2, 4, 7, 5, 6, 3));
  EXPECT_THAT(out.offsets, ElementsAre(TokenOffset{0, 0}, TokenOffset{0, 5}, TokenOffset{5, 6}, TokenOffset{7, 12},
                                       TokenOffset{12, 13}, TokenOffset{0, 0}));
  EXPECT_EQ(out.token_count_given, 6U);
  EXPECT_FALSE(out.truncated());
}

TEST(Tokenizer, empty_text_is_the_special_tokens) {
  EXPECT_THAT(small_tokenizer().encode("").ids, ElementsAre(2, 3));
  EXPECT_THAT(small_tokenizer().encode("", {.add_special_tokens = false}).ids, IsEmpty());
}

TEST(Tokenizer, truncation_keeps_the_special_tokens_and_counts_what_was_given) {
  const Tokenizer tokenizer = small_tokenizer();
  const Encoding out = tokenizer.encode("hello world hello world", {.token_count_max = 4, .with_offsets = true});
  EXPECT_THAT(out.ids, ElementsAre(2, 4, 5, 3));
  EXPECT_EQ(out.offsets.size(), 4U);
  EXPECT_EQ(out.token_count_given, 6U);
  EXPECT_TRUE(out.truncated());
  const Encoding bare = tokenizer.encode("hello world hello", {.add_special_tokens = false, .token_count_max = 2});
  EXPECT_THAT(bare.ids, ElementsAre(4, 5));
  EXPECT_EQ(bare.token_count_given, 3U);
}

TEST(Tokenizer, a_limit_that_just_fits_truncates_nothing) {
  const Encoding out = small_tokenizer().encode("hello world", {.token_count_max = 4});
  EXPECT_EQ(out.ids.size(), 4U);
  EXPECT_FALSE(out.truncated());
}

TEST(Tokenizer, a_limit_below_the_special_tokens_is_kept) {
  EXPECT_THAT(small_tokenizer().encode("hello", {.token_count_max = 2}).ids, ElementsAre(2, 3));
  const Encoding out = small_tokenizer().encode("hello", {.token_count_max = 1, .with_offsets = true});
  EXPECT_THAT(out.ids, ElementsAre(2));
  EXPECT_EQ(out.offsets.size(), 1U);
  EXPECT_EQ(out.token_count_given, 3U);
}

TEST(Tokenizer, tokens_and_ids_are_known_in_both_directions) {
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.vocabulary_size(), 11U);
  EXPECT_EQ(tokenizer.token(6), "##s");
  EXPECT_EQ(tokenizer.token(10), "[MASK]");
  EXPECT_EQ(tokenizer.token(11), "");
  EXPECT_EQ(tokenizer.token(-1), "");
  EXPECT_EQ(tokenizer.token_id("##s"), 6);
  EXPECT_EQ(tokenizer.token_id("[MASK]"), 10);
  EXPECT_EQ(tokenizer.token_id("absent"), -1);
  EXPECT_EQ(tokenizer.unknown_id(), 1);
  EXPECT_TRUE(tokenizer.is_special(10));
  EXPECT_FALSE(tokenizer.is_special(4));
  EXPECT_EQ(tokenizer.special_token_count(), 2U);
  EXPECT_EQ(tokenizer.token_count_max_in_file(), 77U);
  EXPECT_EQ(tokenizer.description(), "WordPiece, 11 tokens, lowercase");
}

TEST(Tokenizer, added_tokens_are_found_in_the_raw_text_and_take_the_space_before_them) {
  const Encoding out =
      small_tokenizer().encode("hello  [MASK]world", {.add_special_tokens = false, .with_offsets = true});
  EXPECT_THAT(out.ids, ElementsAre(4, 10, 5));
  EXPECT_THAT(out.offsets, ElementsAre(TokenOffset{0, 5}, TokenOffset{5, 13}, TokenOffset{13, 18}));
}

TEST(Tokenizer, ill_formed_bytes_count_as_replacement_characters_which_cleaning_drops) {
  const Encoding out = small_tokenizer().encode("hel\xE2\x82lo\xFF wor\xF0\x9F\x98ld",
                                                {.add_special_tokens = false, .with_offsets = true});
  EXPECT_THAT(out.ids, ElementsAre(4, 5));
  EXPECT_THAT(out.offsets, ElementsAre(TokenOffset{0, 7}, TokenOffset{9, 17}));
}

TEST(Tokenizer, ill_formed_bytes_equal_the_text_with_replacement_characters_in_their_place) {
  const std::string json = small_json(
      R"({"type": "BertNormalizer", "clean_text": false, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true})");
  auto tokenizer = Tokenizer::from_json_text(json, "unclean");
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(ids_of(*tokenizer, "hello\xFF\xC3 world"), ids_of(*tokenizer, "hello\uFFFD\uFFFD world"));
  EXPECT_THAT(ids_of(*tokenizer, "hello\xFF world"), ElementsAre(1, 5));
}

TEST(Tokenizer, zero_bytes_inside_words_are_text) {
  const std::string json = small_json("null");
  auto tokenizer = Tokenizer::from_json_text(json, "unnormalized");
  ASSERT_TRUE(tokenizer);
  const std::string padded("hello\0\0", 7);
  EXPECT_THAT(ids_of(*tokenizer, "hello"), ElementsAre(4));
  EXPECT_THAT(ids_of(*tokenizer, padded), ElementsAre(1));
  EXPECT_THAT(ids_of(*tokenizer, "hello"), ElementsAre(4));
}

TEST(Tokenizer, lower_case_may_be_put_in_front_or_taken_away) {
  using Lowercase = TokenizerOverrides::Lowercase;
  const Tokenizer off = small_tokenizer({.lowercase = Lowercase::kOff});
  EXPECT_THAT(ids_of(off, "Hello hello"), ElementsAre(1, 4));
  EXPECT_EQ(off.description(), "WordPiece, 11 tokens, cased");
  const std::string cased = small_json(
      R"({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": false, "lowercase": false})");
  auto file = Tokenizer::from_json_text(cased, "cased");
  auto on = Tokenizer::from_json_text(cased, "cased", {.lowercase = Lowercase::kOn});
  auto none = Tokenizer::from_json_text(small_json("null"), "none", {.lowercase = Lowercase::kOn});
  ASSERT_TRUE(file && on && none);
  EXPECT_THAT(ids_of(*file, "HELLO [MASK]"), ElementsAre(1, 10));
  EXPECT_THAT(ids_of(*on, "HELLO [MASK]"), ElementsAre(4, 10));
  EXPECT_THAT(ids_of(*none, "HELLO"), ElementsAre(4));
  EXPECT_EQ(on->description(), "WordPiece, 11 tokens, lowercase");
  // U+0130 becomes two characters; accents stay, because the file keeps them.
  EXPECT_THAT(ids_of(*on, "\u0130"), ElementsAre(8, 9));
}

TEST(Tokenizer, words_past_the_maximum_are_unknown) {
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_THAT(ids_of(tokenizer, "world" + std::string(95, 's')).size(), 96U);
  EXPECT_THAT(ids_of(tokenizer, "world" + std::string(96, 's')), ElementsAre(1));
}

TEST(Tokenizer, long_texts_without_spaces_take_linear_time) {
  const auto seconds_for = [](const Tokenizer& tokenizer, const std::string& text) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(tokenizer.encode(text).ids.empty());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  constexpr std::size_t kMegabyte = 1'000'000;
  std::string marks = "a";
  while (marks.size() < kMegabyte) {
    marks += "\u0307\u0316";
  }
  // Quadratic work would be 10^12 steps, a quarter of an hour at least; linear work is tenths of a second.
  constexpr double kSecondsMax = 60.0;
  EXPECT_LT(seconds_for(small_tokenizer(), std::string(kMegabyte, 'a')), kSecondsMax);
  EXPECT_LT(seconds_for(small_tokenizer(), marks), kSecondsMax);
  EXPECT_LT(seconds_for(small_tokenizer(), std::string(kMegabyte, '[')), kSecondsMax);
  std::string unbounded = small_json("null");
  unbounded.replace(unbounded.find(": 100,"), 6, ": 100000000,");
  auto wordpiece = Tokenizer::from_json_text(unbounded, "unbounded");
  ASSERT_TRUE(wordpiece);
  EXPECT_LT(seconds_for(*wordpiece, "world" + std::string(kMegabyte, 's')), kSecondsMax);
  auto unigram = Tokenizer::from_json_text(R"({"added_tokens": [], "model": {"type": "Unigram", "unk_id": 0,
      "vocab": [["<unk>", 0.0], ["a", -1.0], ["aa", -1.5], ["aaaaaaaa", -4.0]]}})",
                                           "unigram");
  ASSERT_TRUE(unigram) << unigram.error().to_string();
  EXPECT_LT(seconds_for(*unigram, std::string(kMegabyte, 'a')), kSecondsMax);
}

TEST(Tokenizer, what_lies_past_the_longest_text_is_not_seen) {
  const Tokenizer tokenizer = small_tokenizer();
  std::string text(kTextSizeBytesMax - 6, ' ');
  text += " hello";
  EXPECT_THAT(ids_of(tokenizer, text), ElementsAre(4));
  text.insert(text.begin(), ' ');
  EXPECT_THAT(ids_of(tokenizer, text), ElementsAre(1));
}

TEST(Tokenizer, replacements_that_grow_without_end_are_cut) {
  std::string steps;
  for (int i = 0; i < 26; ++i) {
    steps += R"({"type": "Replace", "pattern": {"String": "aa"}, "content": "aaaa"},)";
  }
  steps.pop_back();
  auto tokenizer =
      Tokenizer::from_json_text(small_json(R"({"type": "Sequence", "normalizers": [)" + steps + "]}"), "growing");
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
  // 2^27 bytes if nothing stopped them.
  EXPECT_THAT(ids_of(*tokenizer, "aa"), ElementsAre(1));
}

TEST(Tokenizer, one_tokenizer_serves_many_threads) {
  const Tokenizer tokenizer = small_tokenizer();
  const std::vector<TokenId> expected = tokenizer.encode("Hello, worlds [MASK] caf\u00e9").ids;
  std::vector<std::thread> threads;
  std::vector<int> wrong_counts(4, 0);
  for (int& wrong_count : wrong_counts) {
    threads.emplace_back([&] {
      TokenizerScratch scratch;
      Encoding out;
      for (int i = 0; i < 500; ++i) {
        tokenizer.encode("Hello, worlds [MASK] caf\u00e9", {}, scratch, out);
        wrong_count += out.ids == expected ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(wrong_counts, ElementsAre(0, 0, 0, 0));
}

TEST(Tokenizer, a_moved_tokenizer_encodes_as_before) {
  Tokenizer first = small_tokenizer();
  TokenizerScratch scratch;
  Encoding out;
  first.encode("hello", {}, scratch, out);
  const Tokenizer second = std::move(first);
  second.encode("hello", {}, scratch, out);
  EXPECT_THAT(out.ids, ElementsAre(2, 4, 3));
}

}  // namespace asterism
