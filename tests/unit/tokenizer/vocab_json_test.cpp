// vocab.json with merges.txt: what transformers makes of the old files of RoBERTa, CLIP and GPT-2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/json.hpp"
#include "scratch_folder.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kText = "Don't stop: the caf\u00e9 \u6771\u4eac <mask> 123  <|endoftext|> \U0001F600";

class VocabJson : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  // The vocabulary and merges of a golden as the old files; its tokenizer.json for comparison.
  Tokenizer split_golden(const std::string& name) const {
    const auto path = std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/tokenizer" / (name + ".json");
    const auto document = read_json_file(path);
    EXPECT_TRUE(document);
    write("vocab.json", document->at("model").at("vocab").dump());
    std::string merges = "#version: 0.2\n";
    for (const Json& pair : document->at("model").at("merges")) {
      merges += pair.at(0).get<std::string>() + " " + pair.at(1).get<std::string>() + "\n";
    }
    write("merges.txt", merges);
    auto tokenizer = Tokenizer::from_json_file(path);
    EXPECT_TRUE(tokenizer) << tokenizer.error().to_string();
    return std::move(*tokenizer);
  }

  Tokenizer load() const {
    auto tokenizer = Tokenizer::from_folder(folder_);
    EXPECT_TRUE(tokenizer) << tokenizer.error().to_string();
    return std::move(*tokenizer);
  }

  void expect_error(ErrorCode code, const std::string& detail) const {
    auto tokenizer = Tokenizer::from_folder(folder_);
    ASSERT_FALSE(tokenizer);
    EXPECT_EQ(tokenizer.error().code, code);
    EXPECT_THAT(tokenizer.error().message, HasSubstr(detail));
  }

  ScratchFolder scratch_{"vocabulary"};
  std::filesystem::path folder_ = scratch_.path();
};

void expect_same(const Tokenizer& a, const Tokenizer& b, const std::string& text) {
  const Encoding first = a.encode(text, {.with_offsets = true});
  const Encoding second = b.encode(text, {.with_offsets = true});
  EXPECT_EQ(first.ids, second.ids) << text;
  EXPECT_EQ(first.offsets, second.offsets) << text;
}

}  // namespace

TEST_F(VocabJson, roberta_is_that_of_its_tokenizer_json) {
  const Tokenizer expected = split_golden("roberta");
  write("tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizer"})");
  write("special_tokens_map.json", R"({"mask_token": {"content": "<mask>", "lstrip": true, "rstrip": false,
                                                      "normalized": false, "single_word": false}})");
  const Tokenizer tokenizer = load();
  expect_same(tokenizer, expected, kText);
  EXPECT_EQ(tokenizer.beginning_id(), tokenizer.token_id("<s>"));
  EXPECT_EQ(tokenizer.end_id(), tokenizer.token_id("</s>"));
  EXPECT_EQ(tokenizer.padding_id(), 1);
  EXPECT_EQ(expected.padding_id(), 1);
  EXPECT_EQ(tokenizer.unknown_id(), -1);
}

TEST_F(VocabJson, clip_is_that_of_its_tokenizer_json_and_pads_with_the_end) {
  const Tokenizer expected = split_golden("clip");
  write("config.json", R"({"model_type": "clip"})");
  const Tokenizer tokenizer = load();
  expect_same(tokenizer, expected, kText);
  EXPECT_EQ(tokenizer.beginning_id(), tokenizer.token_id("<|startoftext|>"));
  EXPECT_EQ(tokenizer.end_id(), tokenizer.token_id("<|endoftext|>"));
  EXPECT_EQ(tokenizer.padding_id(), tokenizer.end_id());
  EXPECT_EQ(tokenizer.unknown_id(), tokenizer.end_id());
}

TEST_F(VocabJson, truncation_keeps_the_end_token) {
  split_golden("clip");
  write("config.json", R"({"model_type": "clip"})");
  const Tokenizer tokenizer = load();
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += "cat ";
  }
  constexpr std::size_t kClipLength = 77;
  const Encoding out = tokenizer.encode(text, {.token_count_max = kClipLength});
  ASSERT_EQ(out.ids.size(), kClipLength);
  EXPECT_EQ(out.ids.front(), tokenizer.beginning_id());
  EXPECT_EQ(out.ids.back(), tokenizer.end_id());
  EXPECT_TRUE(out.truncated());
}

TEST_F(VocabJson, gpt2_adds_nothing_around_the_text) {
  split_golden("roberta");
  write("config.json", R"({"model_type": "gpt2"})");
  const Tokenizer tokenizer = load();
  EXPECT_EQ(tokenizer.special_token_count(), 0U);
  EXPECT_EQ(tokenizer.beginning_id(), -1);
  EXPECT_EQ(tokenizer.padding_id(), -1);
  // New special tokens are numbered behind the vocabulary.
  EXPECT_EQ(tokenizer.encode("<|endoftext|>").ids, (std::vector<TokenId>{1401}));
  write("tokenizer_config.json", R"({"add_bos_token": true})");
  expect_error(ErrorCode::kUnsupported, "add_bos_token is true");
}

TEST_F(VocabJson, settings_of_the_configuration_are_honoured) {
  split_golden("roberta");
  write("tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizerFast", "add_prefix_space": true,
                                     "cls_token": "<pad>", "pad_token": "</s>"})");
  const Tokenizer tokenizer = load();
  EXPECT_EQ(tokenizer.encode("the").ids, tokenizer.encode(" the").ids);
  EXPECT_EQ(tokenizer.beginning_id(), 1);
  EXPECT_EQ(tokenizer.padding_id(), 2);
}

TEST_F(VocabJson, the_configuration_names_the_padding_of_a_tokenizer_json) {
  const Tokenizer golden = split_golden("clip");
  std::filesystem::copy_file(std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/tokenizer/clip.json",
                             folder_ / "tokenizer.json");
  EXPECT_EQ(load().padding_id(), -1);
  write("tokenizer_config.json", R"({"tokenizer_class": "CLIPTokenizer", "pad_token": "<|endoftext|>"})");
  EXPECT_EQ(load().padding_id(), golden.end_id());
}

TEST_F(VocabJson, what_is_wrong_is_named) {
  split_golden("roberta");
  expect_error(ErrorCode::kNotFound, "config.json");
  write("config.json", R"({"model_type": "bert"})");
  expect_error(ErrorCode::kUnsupported, "\"bert\" is not supported with vocab.json, expected one of \"clip\"");
  write("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})");
  expect_error(ErrorCode::kUnsupported, "tokenizer_class: \"T5Tokenizer\" is not supported with vocab.json");
  write("tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizer"})");
  write("merges.txt", "#version: 0.2\nt h\nth\n");
  expect_error(ErrorCode::kCorrupt, "merges.txt: line 3: expected two tokens with one space between, found \"th\"");
  write("merges.txt", "t \u4e2d\n");
  expect_error(ErrorCode::kCorrupt, "is not in the vocabulary");
  write("merges.txt", "t \xFF\n");
  expect_error(ErrorCode::kCorrupt, "merges.txt: expected UTF-8 text");
  write("merges.txt", "");
  write("vocab.json", "[1]");
  expect_error(ErrorCode::kCorrupt, "vocab.json: expected an object of tokens and ids");
  std::filesystem::remove(folder_ / "merges.txt");
  expect_error(ErrorCode::kNotFound, "vocab.json with merges.txt, found none of them");
}

}  // namespace asterism
