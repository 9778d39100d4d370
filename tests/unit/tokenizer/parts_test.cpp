// The pieces underneath: UTF-8, characters, words of ASCII, the word cache, the vocabulary, added tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/utf8.hpp"
#include "tokenizer/added_tokens.hpp"
#include "tokenizer/ascii_word.hpp"
#include "tokenizer/token_trie.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/vocabulary.hpp"
#include "tokenizer/word_cache.hpp"

namespace asterism::tok {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::vector<std::uint32_t> part_sizes(std::string_view text) {
  std::vector<std::uint32_t> sizes;
  for (std::size_t i = 0; i < text.size(); i += sizes.back()) {
    sizes.push_back(decode_utf8(text, i).size_bytes);
  }
  return sizes;
}

std::u32string decomposed(char32_t c, unicode::DecompositionKind kind) {
  std::array<char32_t, unicode::kDecompositionLengthMax> buffer;
  const auto parts = unicode::decompose(c, kind, buffer);
  return {parts.begin(), parts.end()};
}

std::vector<std::tuple<std::uint32_t, std::uint32_t, TokenId>> found(const AddedTokenFinder& finder,
                                                                     std::string_view text) {
  std::vector<Segment> segments;
  finder.find(text, 0, segments);
  std::vector<std::tuple<std::uint32_t, std::uint32_t, TokenId>> out;
  for (const Segment& segment : segments) {
    out.emplace_back(segment.begin, segment.end, segment.id);
  }
  return out;
}

}  // namespace

// The examples of The Unicode Standard 15, tables 3-8 to 3-11.
TEST(Utf8, each_maximal_subpart_of_ill_formed_text_is_one_character) {
  EXPECT_THAT(part_sizes("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), ElementsAre(1, 1, 1, 1, 1, 1, 1, 1, 1));
  EXPECT_THAT(part_sizes("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), ElementsAre(1, 1, 1, 1, 1, 1, 1, 1, 1));
  EXPECT_THAT(part_sizes("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), ElementsAre(1, 1, 1, 1, 1, 1, 1, 1, 1));
  EXPECT_THAT(part_sizes("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), ElementsAre(2, 1, 3, 2, 1));
}

TEST(Utf8, every_code_point_survives_the_round_trip) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) {
      continue;
    }
    std::string text;
    append_utf8(c, text);
    const DecodedChar decoded = decode_utf8(text, 0);
    ASSERT_TRUE(decoded.well_formed && decoded.code_point == c && decoded.size_bytes == text.size())
        << static_cast<std::uint32_t>(c);
  }
}

TEST(Unicode, decompositions_are_full_and_hangul_is_computed) {
  using enum unicode::DecompositionKind;
  EXPECT_EQ(decomposed(U'a', kCanonical), U"a");
  EXPECT_EQ(decomposed(U'\u1EA5', kCanonical), U"a\u0302\u0301");
  EXPECT_EQ(decomposed(U'\uD4DB', kCanonical), U"\u1111\u1171\u11B6");
  EXPECT_EQ(decomposed(U'\uAC00', kCanonical), U"\u1100\u1161");
  EXPECT_EQ(decomposed(U'\uFB01', kCanonical), U"\uFB01");
  EXPECT_EQ(decomposed(U'\uFB01', kCompatible), U"fi");
  EXPECT_EQ(decomposed(U'\uFDFA', kCompatible).size(), unicode::kDecompositionLengthMax);
}

TEST(Unicode, composition_reverses_decomposition_except_for_exclusions) {
  EXPECT_EQ(unicode::compose(U'e', U'\u0301'), U'\u00E9');
  EXPECT_EQ(unicode::compose(U'\u1111', U'\u1171'), U'\uD4CC');
  EXPECT_EQ(unicode::compose(U'\uD4CC', U'\u11B6'), U'\uD4DB');
  EXPECT_EQ(unicode::compose(U'\uD4DB', U'\u11B6'), U'\0');
  EXPECT_EQ(unicode::compose(U'\u0915', U'\u093C'), U'\0');
  EXPECT_EQ(unicode::compose(U'a', U'b'), U'\0');
}

TEST(Unicode, classes_are_those_of_the_original) {
  using namespace unicode;
  EXPECT_TRUE(has_flag(U'\u3000', kWhitespace));
  EXPECT_FALSE(has_flag(U'\u200B', kWhitespace));
  EXPECT_TRUE(has_flag(U'\u200B', kDropped));
  EXPECT_FALSE(has_flag(U'\n', kDropped));
  EXPECT_TRUE(has_flag(U'$', kPunctuation));
  EXPECT_FALSE(has_flag(U'\u20AC', kPunctuation));
  EXPECT_TRUE(has_flag(U'\u4E2D', kChinese));
  EXPECT_FALSE(has_flag(U'\u3042', kChinese));
  EXPECT_EQ(char_record(0x345).combining_class, 240);
  EXPECT_EQ(char_record(0x130).lower_delta, kLowerOfTwo);
}

TEST(AsciiWord, blocks_stop_at_the_first_byte_that_is_no_letter_or_digit) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool is_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    for (std::size_t place = 0; place < kBlockSizeBytes; ++place) {
      std::string text = "Ab3Xyz9Q";
      text[place] = c;
      const AsciiBlock block = read_ascii_block(text.data(), text.size(), true);
      ASSERT_EQ(block.word_size_bytes, is_word ? kBlockSizeBytes : place) << byte << " at " << place;
      std::string expected(kBlockSizeBytes, '\0');
      for (std::size_t i = 0; i < block.word_size_bytes; ++i) {
        expected[i] = static_cast<char>(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
      }
      ASSERT_EQ(std::string(reinterpret_cast<const char*>(&block.bytes), kBlockSizeBytes), expected);
    }
  }
}

TEST(AsciiWord, short_ends_and_case_are_kept) {
  const AsciiBlock block = read_ascii_block("aB", 2, false);
  EXPECT_EQ(block.word_size_bytes, 2U);
  EXPECT_EQ(block.bytes, 0x4261U);
  EXPECT_EQ(read_ascii_block("", 0, true).word_size_bytes, 0U);
}

TEST(WordCache, words_are_found_until_others_take_their_place) {
  WordCache cache;
  cache.clear();
  const auto key = [](int i) { return WordCache::Key::of("word" + std::to_string(i)); };
  constexpr int kWordCount = 200'000;
  int found_count = 0;
  for (int i = 0; i < kWordCount; ++i) {
    const std::array pieces{Piece{i, 0, 2}, Piece{i + 1, 2, key(i).size_bytes}};
    cache.put(key(i), pieces);
    ASSERT_NE(cache.find(key(i)), nullptr);
  }
  for (int i = 0; i < kWordCount; ++i) {
    if (const WordCache::Entry* entry = cache.find(key(i))) {
      std::vector<TokenId> ids;
      entry->each_piece([&](TokenId id, std::uint32_t, std::uint32_t) { ids.push_back(id); });
      ASSERT_THAT(ids, ElementsAre(i, i + 1));
      ++found_count;
    }
  }
  EXPECT_GT(found_count, static_cast<int>(WordCache::kSetCountMax));
  EXPECT_LE(found_count, static_cast<int>(2 * WordCache::kSetCountMax));
}

TEST(WordCache, a_word_and_its_zero_padded_twin_differ) {
  WordCache cache;
  cache.clear();
  cache.put(WordCache::Key::of("ab"), std::array{Piece{1, 0, 2}});
  EXPECT_NE(cache.find(WordCache::Key::of("ab")), nullptr);
  EXPECT_EQ(cache.find(WordCache::Key::of(std::string_view("ab\0", 3))), nullptr);
}

TEST(WordCache, too_many_pieces_are_not_kept) {
  WordCache cache;
  cache.clear();
  cache.put(WordCache::Key::of("abcd"), std::array{Piece{1, 0, 1}, Piece{2, 1, 2}, Piece{3, 2, 3}, Piece{4, 3, 4}});
  EXPECT_EQ(cache.find(WordCache::Key::of("abcd")), nullptr);
}

TEST(Vocabulary, texts_and_ids_agree_with_many_tokens) {
  std::vector<std::string> texts;
  for (int i = 0; i < 5000; ++i) {
    texts.push_back((i % 3 == 0 ? "##" : "") + std::to_string(i * 7));
  }
  std::vector<VocabularyEntry> entries;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    entries.push_back({texts[i], static_cast<TokenId>(2 * i)});
  }
  const auto vocabulary = Vocabulary::build(entries, SameText::kRefused, "test");
  ASSERT_TRUE(vocabulary) << vocabulary.error().to_string();
  EXPECT_EQ(vocabulary->size(), 9999U);
  EXPECT_EQ(vocabulary->token_count(), 5000U);
  for (const VocabularyEntry& entry : entries) {
    ASSERT_EQ(vocabulary->find(entry.text), entry.id);
    ASSERT_EQ(vocabulary->text(entry.id), entry.text);
    ASSERT_EQ(vocabulary->text(entry.id + 1), "");
  }
  EXPECT_EQ(vocabulary->find("absent"), -1);
  TextHash hash;
  hash.add("##");
  hash.add("63");
  EXPECT_EQ(vocabulary->find_joined(hash, "##", "63"), vocabulary->find("##63"));
}

TEST(TokenTrie, prefixes_come_shortest_first) {
  std::vector<std::pair<std::size_t, TokenId>> seen;
  const auto collect = [&](std::size_t size, TokenId id) { seen.emplace_back(size, id); };
  TokenTrie().each_prefix("abc", collect);
  EXPECT_TRUE(seen.empty());
  const TokenTrie trie(std::vector<VocabularyEntry>{{"ab", 1}, {"abcd", 2}, {"a", 9}, {"b", 4}, {"", 5}, {"a", 3}});
  trie.each_prefix("abcx", collect);
  EXPECT_THAT(seen, ElementsAre(Pair(1, 3), Pair(2, 1)));
  seen.clear();
  trie.each_prefix("abcd", collect);
  EXPECT_THAT(seen, ElementsAre(Pair(1, 3), Pair(2, 1), Pair(4, 2)));
  seen.clear();
  trie.each_prefix("", collect);
  trie.each_prefix("x", collect);
  EXPECT_TRUE(seen.empty());
}

TEST(TokenTrie, nodes_with_many_children_find_each_of_them) {
  std::vector<std::string> texts;
  std::vector<VocabularyEntry> entries;
  for (int byte = 0; byte < 256; ++byte) {
    texts.push_back(std::string("x") + static_cast<char>(byte));
  }
  for (const std::string& text : texts) {
    entries.push_back({text, static_cast<TokenId>(entries.size())});
  }
  const TokenTrie trie(entries);
  for (const VocabularyEntry& entry : entries) {
    TokenId found_id = -1;
    trie.each_prefix(entry.text, [&](std::size_t, TokenId id) { found_id = id; });
    ASSERT_EQ(found_id, entry.id);
  }
}

TEST(AddedTokenFinder, the_longest_at_the_leftmost_place_wins) {
  const AddedTokenFinder finder({{"<a>", {.content = "<a>", .id = 1}},
                                 {"<a><b>", {.content = "<a><b>", .id = 2}},
                                 {"x<", {.content = "x<", .id = 3}}});
  EXPECT_THAT(found(finder, "<a><b><a>x<a>"), ElementsAre(std::tuple(0, 6, 2), std::tuple(6, 9, 1),
                                                          std::tuple(9, 11, 3), std::tuple(11, 13, kNoToken)));
  EXPECT_THAT(found(finder, "none"), ElementsAre(std::tuple(0, 4, kNoToken)));
  EXPECT_TRUE(found(finder, "").empty());
}

TEST(AddedTokenFinder, single_words_are_not_found_inside_words_and_hide_nothing_behind_them) {
  const AddedTokenFinder finder(
      {{"ab", {.content = "ab", .id = 1, .single_word = true}}, {"b", {.content = "b", .id = 2}}});
  EXPECT_THAT(found(finder, "ab"), ElementsAre(std::tuple(0, 2, 1)));
  EXPECT_THAT(found(finder, "-ab!"),
              ElementsAre(std::tuple(0, 1, kNoToken), std::tuple(1, 3, 1), std::tuple(3, 4, kNoToken)));
  EXPECT_THAT(found(finder, "ab\u00e9"), ElementsAre(std::tuple(0, 4, kNoToken)));
  EXPECT_THAT(found(finder, "\u00e9ab"), ElementsAre(std::tuple(0, 4, kNoToken)));
}

}  // namespace asterism::tok
