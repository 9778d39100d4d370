// vocab.txt with its configuration files, and the choice of file in a folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "scratch_folder.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class VocabTxt : public testing::Test {
 protected:
  void SetUp() override {
    write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n##s\nHello\ncaf\u00e9\ncafe\n\u4e2d\n");
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  Tokenizer load() const {
    auto tokenizer = Tokenizer::from_folder(folder_);
    EXPECT_TRUE(tokenizer) << tokenizer.error().to_string();
    return std::move(*tokenizer);
  }

  Error error() const {
    auto tokenizer = Tokenizer::from_folder(folder_);
    EXPECT_FALSE(tokenizer);
    return tokenizer ? Error{} : tokenizer.error();
  }

  ScratchFolder scratch_{"vocabulary"};
  std::filesystem::path folder_ = scratch_.path();
};

}  // namespace

TEST_F(VocabTxt, defaults_are_those_of_uncased_bert) {
  const Tokenizer tokenizer = load();
  EXPECT_THAT(tokenizer.encode("Hellos CAF\u00c9 [MASK] \u4e2dx").ids, ElementsAre(2, 5, 6, 9, 4, 10, 1, 3));
  EXPECT_EQ(tokenizer.unknown_id(), 1);
  EXPECT_TRUE(tokenizer.is_special(4));
  EXPECT_EQ(tokenizer.vocabulary_size(), 11U);
}

TEST_F(VocabTxt, the_configuration_says_case_accents_and_chinese_characters) {
  write(
      "tokenizer_config.json",
      R"({"do_lower_case": false, "tokenize_chinese_chars": false, "tokenizer_class": "BertTokenizer", "never_split": ["x"]})");
  EXPECT_THAT(load().encode("Hello caf\u00e9 \u4e2dx", {.add_special_tokens = false}).ids, ElementsAre(7, 8, 1));
  write("tokenizer_config.json", R"({"do_lower_case": false, "strip_accents": true})");
  EXPECT_THAT(load().encode("Hello caf\u00e9", {.add_special_tokens = false}).ids, ElementsAre(7, 9));
}

TEST_F(VocabTxt, special_tokens_come_from_the_map_then_the_configuration) {
  write("tokenizer_config.json",
        R"({"cls_token": "hello", "mask_token": "[MASK]", "additional_special_tokens": ["<new>"]})");
  write("special_tokens_map.json", R"({"mask_token": {"content": "<mask>", "lstrip": true, "normalized": false}})");
  const Tokenizer tokenizer = load();
  // <mask> and <new> are not in the vocabulary: they are numbered from its end.
  EXPECT_THAT(tokenizer.encode("Hello <mask><new>").ids, ElementsAre(5, 5, 11, 12, 3));
  EXPECT_EQ(tokenizer.token(11), "<mask>");
  EXPECT_TRUE(tokenizer.is_special(12));
}

TEST_F(VocabTxt, added_tokens_of_the_configuration_count_first) {
  write("tokenizer_config.json", R"({"sep_token": "<s>", "added_tokens_decoder": {
    "12": {"content": "late", "special": false, "lstrip": false, "rstrip": false, "single_word": false, "normalized": true},
    "11": {"content": "early", "special": true, "lstrip": false, "rstrip": false, "single_word": false, "normalized": false}}})");
  EXPECT_THAT(load().encode("late early hello").ids, ElementsAre(2, 12, 11, 5, 13));
}

TEST_F(VocabTxt, a_token_set_to_null_is_none) {
  write("tokenizer_config.json", R"({"mask_token": null})");
  EXPECT_THAT(load().encode("[MASK]").ids, ElementsAre(2, 1, 1, 1, 3));
  write("tokenizer_config.json", R"({"cls_token": null})");
  EXPECT_EQ(error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(error().message, HasSubstr("expected a text for \"cls_token\""));
}

TEST_F(VocabTxt, trailing_space_is_no_part_of_a_token_and_the_last_of_equal_lines_counts) {
  write("vocab.txt", "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\nhello\u3000 \r\nhello\r\n##s\r\n");
  const Tokenizer tokenizer = load();
  EXPECT_THAT(tokenizer.encode("hellos").ids, ElementsAre(2, 6, 7, 3));
  EXPECT_EQ(tokenizer.token(5), "");
  EXPECT_EQ(tokenizer.vocabulary_size(), 8U);
}

TEST_F(VocabTxt, a_missing_final_newline_loses_nothing) {
  write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello");
  EXPECT_THAT(load().encode("hello").ids, ElementsAre(2, 5, 3));
}

TEST_F(VocabTxt, an_unknown_token_outside_the_vocabulary_is_refused) {
  write("vocab.txt", "[PAD]\nhello\n");
  EXPECT_EQ(error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(error().message, HasSubstr("vocab.txt: the unknown token \"[UNK]\" is not in the vocabulary"));
}

TEST_F(VocabTxt, an_empty_or_binary_file_is_refused) {
  write("vocab.txt", "");
  EXPECT_EQ(error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(error().message, HasSubstr("found an empty file"));
  write("vocab.txt", "[UNK]\n\xFF\xFE\n");
  EXPECT_THAT(error().message, HasSubstr("expected UTF-8 text"));
}

TEST_F(VocabTxt, other_tokenizers_and_wrong_settings_are_refused_by_name) {
  write("tokenizer_config.json", R"({"tokenizer_class": "MPNetTokenizer"})");
  EXPECT_EQ(error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(error().message, HasSubstr("tokenizer_class: \"MPNetTokenizer\" is not supported with vocab.txt"));
  write("tokenizer_config.json", R"({"do_lower_case": "yes"})");
  EXPECT_EQ(error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(error().message, HasSubstr("\"do_lower_case\": expected true or false, found \"yes\""));
  write("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "y"}}})");
  EXPECT_THAT(error().message, HasSubstr("added_tokens_decoder[\"x\"]: expected an id as key"));
  write("tokenizer_config.json", R"({"mask_token": {"lstrip": true}})");
  EXPECT_THAT(error().message, HasSubstr("\"content\" is missing"));
  write("tokenizer_config.json", "{");
  EXPECT_EQ(error().code, ErrorCode::kCorrupt);
}

TEST_F(VocabTxt, a_folder_without_either_file_says_what_was_expected) {
  std::filesystem::remove(folder_ / "vocab.txt");
  EXPECT_EQ(error().code, ErrorCode::kNotFound);
  EXPECT_THAT(error().message,
              HasSubstr("expected tokenizer.json, vocab.txt or vocab.json with merges.txt, found none of them"));
  EXPECT_EQ(Tokenizer::from_json_file(folder_ / "tokenizer.json").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Tokenizer::from_vocab_file(folder_ / "vocab.txt").error().code, ErrorCode::kNotFound);
}

TEST_F(VocabTxt, beside_tokenizer_json_the_configuration_of_a_bert_tokenizer_goes_before_its_normalizer) {
  write("tokenizer.json", R"({"added_tokens": [], "pre_tokenizer": {"type": "BertPreTokenizer"},
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
              "vocab": {"[UNK]": 0, "hello": 1, "Hello": 2}}})");
  EXPECT_THAT(load().encode("Hello").ids, ElementsAre(1));
  write("tokenizer_config.json", R"({"do_lower_case": false, "tokenizer_class": "BertTokenizer"})");
  EXPECT_THAT(load().encode("Hello").ids, ElementsAre(2));
  auto file_alone = Tokenizer::from_json_file(folder_ / "tokenizer.json");
  ASSERT_TRUE(file_alone);
  EXPECT_THAT(file_alone->encode("Hello").ids, ElementsAre(1));
  write("tokenizer_config.json", R"({"do_lower_case": false, "tokenizer_class": "PreTrainedTokenizerFast"})");
  EXPECT_THAT(load().encode("Hello").ids, ElementsAre(1));
}

}  // namespace asterism
