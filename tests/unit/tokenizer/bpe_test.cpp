// Byte-pair encoding by itself, the word patterns and the trimming of offsets, with answers worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tokenizer/bpe.hpp"
#include "tokenizer/bpe_merges.hpp"
#include "tokenizer/byte_level.hpp"
#include "tokenizer/offset_trim.hpp"
#include "tokenizer/word_pattern.hpp"

namespace asterism::tok {
namespace {

using testing::ElementsAre;

struct Model {
  Vocabulary vocabulary;
  std::vector<BpeMerge> merges;

  Model(const std::vector<std::string>& tokens, const std::vector<std::pair<std::string, std::string>>& pairs) {
    std::vector<VocabularyEntry> entries;
    for (const std::string& token : tokens) {
      entries.push_back({token, static_cast<TokenId>(entries.size())});
    }
    auto built = Vocabulary::build(entries, SameText::kRefused, "test");
    EXPECT_TRUE(built);
    vocabulary = std::move(*built);
    MergeReader reader({}, vocabulary, "test");
    for (const auto& [left, right] : pairs) {
      const auto added = reader.add(left, right);
      EXPECT_TRUE(added) << added.error().message;
    }
    merges = std::move(reader).take();
  }

  std::vector<std::string> encode(std::string_view word, const BpeOptions& options = {}) const {
    const Bpe bpe(options, merges, vocabulary);
    BpeState state;
    std::vector<Piece> pieces;
    bpe.encode(vocabulary, word, state, pieces);
    std::vector<std::string> out;
    for (const Piece& piece : pieces) {
      out.push_back(std::string(vocabulary.text(piece.id)) + "@" + std::to_string(piece.begin) + "-" +
                    std::to_string(piece.end));
    }
    return out;
  }
};

// Merges the first pair of lowest rank again and again: the definition.
std::vector<TokenId> merge_slowly(std::vector<TokenId> ids, const std::vector<BpeMerge>& merges) {
  for (;;) {
    std::size_t best_rank = merges.size();
    std::size_t best = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      for (std::size_t rank = 0; rank < best_rank; ++rank) {
        if (merges[rank].left == ids[i] && merges[rank].right == ids[i + 1]) {
          best_rank = rank;
          best = i;
        }
      }
    }
    if (best_rank == merges.size()) {
      return ids;
    }
    ids[best] = merges[best_rank].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

std::vector<std::string> words(WordPattern pattern, std::string_view text) {
  std::vector<std::string> out;
  each_match(pattern, text, [&](std::size_t begin, std::size_t end, bool matches) {
    out.emplace_back(matches ? "" : "-");
    out.back() += text.substr(begin, end - begin);
  });
  return out;
}

}  // namespace

TEST(Bpe, earlier_merges_go_first_and_of_equal_ones_the_leftmost) {
  const Model model({"a", "b", "c", "ab", "bc", "abc", "aa"}, {{"b", "c"}, {"a", "b"}, {"a", "bc"}, {"a", "a"}});
  EXPECT_THAT(model.encode("abc"), ElementsAre("abc@0-3"));
  EXPECT_THAT(model.encode("abab"), ElementsAre("ab@0-2", "ab@2-4"));
  EXPECT_THAT(model.encode("aaa"), ElementsAre("aa@0-2", "a@2-3"));
}

TEST(Bpe, unknown_characters_are_fused_kept_apart_spelled_in_bytes_or_left_out) {
  const Model model({"a", "?", "<0xC3>", "<0xA9>"}, {});
  EXPECT_THAT(model.encode("xya", {.unknown_id = 1}), ElementsAre("?@0-1", "?@1-2", "a@2-3"));
  EXPECT_THAT(model.encode("xya", {.unknown_id = 1, .fuse_unknown = true}), ElementsAre("?@0-2", "a@2-3"));
  EXPECT_THAT(model.encode("xya"), ElementsAre("a@0-1"));
  EXPECT_THAT(model.encode("xy"), ElementsAre());
  // The unknown x waits behind the bytes of the character after it, as in the original.
  EXPECT_THAT(model.encode("x\u00e9", {.unknown_id = 1, .byte_fallback = true}),
              ElementsAre("<0xC3>@0-1", "<0xA9>@1-2", "?@2-3"));
}

TEST(Bpe, affixes_belong_to_the_characters_inside_and_at_the_end) {
  const Model model({"a", "#a", "#a@", "a@", "#b@"}, {});
  const BpeOptions options{.unknown_id = 0, .continuing_prefix = "#", .word_suffix = "@"};
  EXPECT_THAT(model.encode("aab", options), ElementsAre("a@0-1", "#a@1-2", "#b@@2-3"));
  EXPECT_THAT(model.encode("a", options), ElementsAre("a@@0-1"));
}

TEST(Bpe, a_word_that_is_a_token_may_go_before_the_merges) {
  const Model model({"a", "b", "ab"}, {});
  EXPECT_THAT(model.encode("ab"), ElementsAre("a@0-1", "b@1-2"));
  EXPECT_THAT(model.encode("ab", {.ignore_merges = true}), ElementsAre("ab@0-2"));
}

TEST(Bpe, short_and_long_words_merge_as_the_definition_says) {
  const Model model({"a", "b", "c", "ab", "ba", "aa", "abab", "aab", "cab", "cc", "cabab", "bac"}, {{"a", "b"},
                                                                                                    {"ab", "ab"},
                                                                                                    {"b", "a"},
                                                                                                    {"a", "a"},
                                                                                                    {"c", "ab"},
                                                                                                    {"a", "ab"},
                                                                                                    {"c", "c"},
                                                                                                    {"c", "abab"},
                                                                                                    {"ba", "c"}});
  const Bpe bpe({}, model.merges, model.vocabulary);
  BpeState state;
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    std::string word;
    std::vector<TokenId> ids;
    const std::size_t length = 1 + random() % 250;
    for (std::size_t i = 0; i < length; ++i) {
      ids.push_back(static_cast<TokenId>(random() % 3));
      word += static_cast<char>('a' + ids.back());
    }
    std::vector<Piece> pieces;
    bpe.encode(model.vocabulary, word, state, pieces);
    std::vector<TokenId> found;
    for (const Piece& piece : pieces) {
      found.push_back(piece.id);
      EXPECT_EQ(model.vocabulary.text(piece.id), word.substr(piece.begin, piece.end - piece.begin));
    }
    EXPECT_EQ(found, merge_slowly(ids, model.merges)) << word;
  }
}

TEST(Bpe, a_word_of_a_million_characters_is_merged) {
  const Model model({"a", "aa", "aaaa"}, {{"a", "a"}, {"aa", "aa"}});
  constexpr std::size_t kSize = 1'000'002;
  const Bpe bpe({}, model.merges, model.vocabulary);
  BpeState state;
  std::vector<Piece> pieces;
  bpe.encode(model.vocabulary, std::string(kSize, 'a'), state, pieces);
  ASSERT_EQ(pieces.size(), kSize / 4 + 1);
  EXPECT_EQ(pieces.front().id, 2);
  EXPECT_EQ(pieces.back().id, 1);
  EXPECT_EQ(pieces.back().end, kSize);
}

TEST(Bpe, the_last_of_equal_merges_counts) {
  const std::vector<BpeMerge> merges{{0, 1, 2}, {1, 0, 3}, {0, 1, 4}};
  const MergeTable table(merges);
  EXPECT_EQ(table.find(0, 1).rank, 2U);
  EXPECT_EQ(table.find(0, 1).result, 4);
  EXPECT_EQ(table.find(1, 1).rank, MergeTable::kNoRank);
  EXPECT_EQ(MergeTable().find(0, 0).result, -1);
}

TEST(ByteLevel, printable_bytes_stand_for_themselves_and_the_others_are_moved_up) {
  EXPECT_EQ(byte_char('A'), U'A');
  EXPECT_EQ(kSpaceChar, 0x120U);
  EXPECT_EQ(byte_char('\n'), 0x10AU);
  EXPECT_EQ(kByteChars[0xAD], 0x143U);
  std::vector<char32_t> sorted(kByteChars.begin(), kByteChars.end());
  std::ranges::sort(sorted);
  EXPECT_EQ(std::ranges::adjacent_find(sorted), sorted.end());
}

TEST(WordPattern, gpt2_gives_a_word_the_space_before_it) {
  EXPECT_THAT(words(WordPattern::kGpt2, "Hello  world's 12a\n\n x "),
              ElementsAre("Hello", " ", " world", "'s", " 12", "a", "\n\n", " x", " "));
  EXPECT_THAT(words(WordPattern::kGpt2, " 's'S \t"), ElementsAre(" '", "s", "'", "S", " \t"));
}

TEST(WordPattern, clip_leaves_white_space_out_and_takes_digits_one_by_one) {
  EXPECT_THAT(words(WordPattern::kClip, "it's 12\t!?"), ElementsAre("it", "'s", "- ", "1", "2", "-\t", "!?"));
  EXPECT_THAT(words(WordPattern::kClip, "<|endoftext|>"), ElementsAre("<|", "endoftext", "|>"));
  EXPECT_THAT(words(WordPattern::kClipMarked, "<|endoftext|>"), ElementsAre("<|endoftext|>"));
}

TEST(WordPattern, llama_3_and_qwen_2_ignore_case_and_keep_line_breaks_together) {
  EXPECT_THAT(words(WordPattern::kLlama3, "I'LL 'S'\u017F 1234 (a)\r\n  \n x"),
              ElementsAre("I", "'LL", " '", "S", "'\u017F", " ", "123", "4", " (", "a", ")\r\n", "  \n", " x"));
  EXPECT_THAT(words(WordPattern::kQwen2, "x12\n "), ElementsAre("x", "1", "2", "\n", " "));
}

TEST(WordPattern, only_exact_texts_are_known) {
  EXPECT_EQ(find_word_pattern(R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)"), WordPattern::kClip);
  EXPECT_FALSE(find_word_pattern(R"([\p{L}]+)"));
  EXPECT_FALSE(find_word_pattern(""));
}

TEST(OffsetTrim, counts_characters_of_the_input) {
  const OffsetTrim plain{.add_prefix_space = false};
  const OffsetTrim prefixed{.add_prefix_space = true};
  EXPECT_EQ(trim_offset(plain, "\u0120a", TokenPlace::kFirst, " a", {0, 2}), (TokenOffset{1, 2}));
  EXPECT_EQ(trim_offset(prefixed, "\u0120a", TokenPlace::kFirst, " a", {0, 2}), (TokenOffset{0, 2}));
  EXPECT_EQ(trim_offset(prefixed, "\u0120a", TokenPlace::kLater, "x a", {1, 3}), (TokenOffset{2, 3}));
  EXPECT_EQ(trim_offset(prefixed, "\u0120\u0120a", TokenPlace::kFirst, "  a", {0, 3}), (TokenOffset{2, 3}));
  // A space that came of a character of two bytes.
  EXPECT_EQ(trim_offset(plain, "\u0120a\u0120", TokenPlace::kLater, "x\u00a0a\u00a0", {1, 6}), (TokenOffset{3, 4}));
  EXPECT_EQ(trim_offset(plain, "\u0120\u0120", TokenPlace::kLater, "x  ", {1, 3}), (TokenOffset{3, 3}));
}

}  // namespace asterism::tok
