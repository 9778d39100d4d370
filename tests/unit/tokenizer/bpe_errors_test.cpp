// What the BPE parts of a tokenizer.json may not say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/json.hpp"
#include "tokenizer/bpe_merges.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

Json bpe_json() {
  return Json::parse(R"({
    "added_tokens": [], "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    "post_processor": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": "u", "continuing_subword_prefix": null,
              "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
              "vocab": {"u": 0, "a": 1, "b": 2, "ab": 3}, "merges": ["a b"]}})");
}

Error error_of(const Json& json) {
  auto tokenizer = Tokenizer::from_json_text(json.dump(), "t.json");
  return tokenizer ? Error{ErrorCode::kInternal, "loaded", {}} : tokenizer.error();
}

Error error_with(const std::string& pointer, Json value) {
  Json json = bpe_json();
  json[Json::json_pointer(pointer)] = std::move(value);
  return error_of(json);
}

void expect_error(const Error& error, ErrorCode code, const std::string& place, const std::string& detail) {
  EXPECT_EQ(error.code, code) << error.message;
  EXPECT_THAT(error.message, HasSubstr("t.json: " + place));
  EXPECT_THAT(error.message, HasSubstr(detail));
}

Json split(const std::string& kind, const std::string& pattern) {
  return Json{{"type", "Split"}, {"pattern", {{kind, pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
}

}  // namespace

TEST(BpeJsonErrors, the_unchanged_file_loads_and_so_do_both_forms_of_merges_and_files_without_a_type) {
  Json json = bpe_json();
  for (int round = 0; round < 2; ++round) {
    auto tokenizer = Tokenizer::from_json_text(json.dump(), "t.json");
    ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
    EXPECT_EQ(tokenizer->encode("abba").ids, (std::vector<TokenId>{3, 2, 1}));
    EXPECT_EQ(tokenizer->description(), "BPE, 4 tokens, cased");
    EXPECT_EQ(tokenizer->unknown_id(), 0);
    json["model"]["merges"] = Json::array({Json::array({"a", "b"})});
    json["model"].erase("type");
  }
  json["model"]["merges"] = Json::array({"#version: 0.2", "a b"});
  EXPECT_TRUE(Tokenizer::from_json_text(json.dump(), "t.json"));
}

TEST(BpeJsonErrors, merges_name_their_place) {
  expect_error(error_with("/model/merges", "a b"), ErrorCode::kCorrupt, "model.merges",
               "expected an array of pairs of tokens, found \"a b\"");
  for (const char* wrong : {"ab", "a b c", "a", ""}) {
    expect_error(error_with("/model/merges/0", wrong), ErrorCode::kCorrupt, "model.merges[0]",
                 "expected two tokens with one space between");
  }
  expect_error(error_with("/model/merges", Json::array({"a b", Json::array({"a", "b"})})), ErrorCode::kCorrupt,
               "model.merges[1]", "expected two tokens with one space between, found an array");
  expect_error(error_with("/model/merges", Json::array({Json::array({"a", "b", "c"})})), ErrorCode::kCorrupt,
               "model.merges[0]", "expected an array of two tokens");
  expect_error(error_with("/model/merges/0", "a x"), ErrorCode::kCorrupt, "model.merges",
               "merge 0 is \"a\" and \"x\", but \"x\" is not in the vocabulary");
  expect_error(error_with("/model/merges/0", "b a"), ErrorCode::kCorrupt, "model.merges",
               "but \"ba\" is not in the vocabulary");
}

TEST(BpeJsonErrors, a_merge_must_leave_something_behind_the_prefix) {
  Json json = bpe_json();
  json["model"]["continuing_subword_prefix"] = "b";
  expect_error(error_of(json), ErrorCode::kCorrupt, "model.merges",
               "expected a text and more than a prefix of 1 bytes");
}

TEST(BpeJsonErrors, merges_past_the_limit_are_refused) {
  Json json = bpe_json();
  json["model"]["merges"] = Json::array();
  std::string text = json.dump();
  std::string merges = "[";
  merges.reserve(6 * tok::kMergeCountMax + 8);
  for (std::size_t i = 0; i < tok::kMergeCountMax; ++i) {
    merges += i == 0 ? "\"a b\"" : ",\"a b\"";
  }
  const std::size_t at = text.find("\"merges\":[]") + 9;
  text.replace(at, 2, merges + "]");
  EXPECT_TRUE(Tokenizer::from_json_text(text, "t.json"));
  text.replace(at, 1, "[\"a b\",");
  auto tokenizer = Tokenizer::from_json_text(text, "t.json");
  ASSERT_FALSE(tokenizer);
  expect_error(tokenizer.error(), ErrorCode::kLimitExceeded, "model.merges",
               "more than 4194304 merges, expected at most 4194304");
}

TEST(BpeJsonErrors, model_settings_that_are_not_implemented_are_named) {
  expect_error(error_with("/model/dropout", 0.1), ErrorCode::kUnsupported, "model.dropout",
               "0.1 is not supported, expected null");
  EXPECT_EQ(error_with("/model/dropout", 0.0).message, "loaded");
  Json json = bpe_json();
  json["model"]["byte_fallback"] = true;
  EXPECT_EQ(error_of(json).message, "loaded");
  json["model"]["end_of_word_suffix"] = "</w>";
  expect_error(error_of(json), ErrorCode::kUnsupported, "model", "\"byte_fallback\" with");
  expect_error(error_with("/model/unk_token", "none"), ErrorCode::kCorrupt, "model",
               "the unknown token \"none\" is not in the vocabulary");
  expect_error(error_with("/model/fuse_unk", 1), ErrorCode::kCorrupt, "model.fuse_unk", "expected true or false");
  expect_error(error_with("/model/surprise", 1), ErrorCode::kUnsupported, "model", "unknown \"surprise\"");
}

TEST(BpeJsonErrors, patterns_to_split_by_are_known_or_named) {
  const auto with = [](const Json& step) { return error_with("/pre_tokenizer", step); };
  EXPECT_EQ(with(split("String", " ")).message, "loaded");
  EXPECT_EQ(with(split("Regex", R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)")).message, "loaded");
  expect_error(with(split("Regex", "[a-z]+")), ErrorCode::kUnsupported, "pre_tokenizer.pattern.Regex",
               "\"[a-z]+\" is not supported, expected the word pattern of GPT-2, CLIP, Llama 3 or Qwen 2");
  expect_error(with(split("String", "")), ErrorCode::kUnsupported, "pre_tokenizer.pattern.String", "not empty");
  expect_error(with(split("Glob", "*")), ErrorCode::kUnsupported, "pre_tokenizer.pattern", "unknown \"Glob\"");
  Json step = split("String", " ");
  step["behavior"] = "Glued";
  expect_error(with(step), ErrorCode::kUnsupported, "pre_tokenizer.behavior", "\"Glued\"");
  step.erase("behavior");
  expect_error(with(step), ErrorCode::kCorrupt, "pre_tokenizer", "\"behavior\" is missing");
  step = Json{{"type", "ByteLevel"}, {"add_prefix_space", true}};
  expect_error(with(step), ErrorCode::kCorrupt, "pre_tokenizer", "\"trim_offsets\" is missing");
}

TEST(BpeJsonErrors, post_processors_in_sequence_trim_first_and_add_tokens_once) {
  const Json trims = Json{{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}};
  const Json ends = Json{{"type", "BertProcessing"}, {"sep", {"a", 1}}, {"cls", {"b", 2}}};
  const auto with = [](const Json& children) {
    return error_with("/post_processor", Json{{"type", "Sequence"}, {"processors", children}});
  };
  EXPECT_EQ(with(Json::array({trims, ends})).message, "loaded");
  EXPECT_EQ(with(Json::array()).message, "loaded");
  for (const Json& wrong : {Json::array({ends, trims}), Json::array({trims, trims}), Json::array({ends, ends})}) {
    expect_error(with(wrong), ErrorCode::kUnsupported, "post_processor.processors", "at most one that trims offsets");
  }
  expect_error(with(Json::array({Json{{"type", "Sequence"}, {"processors", Json::array()}}})), ErrorCode::kUnsupported,
               "post_processor.processors[0].type", "\"Sequence\" is not supported");
}

TEST(BpeJsonErrors, the_padding_token_is_read_and_checked) {
  Json json = bpe_json();
  auto without = Tokenizer::from_json_text(json.dump(), "t.json");
  ASSERT_TRUE(without);
  EXPECT_EQ(without->padding_id(), -1);
  json["padding"] = Json{{"pad_id", 2}, {"strategy", "BatchLongest"}};
  auto with = Tokenizer::from_json_text(json.dump(), "t.json");
  ASSERT_TRUE(with);
  EXPECT_EQ(with->padding_id(), 2);
  expect_error(error_with("/padding", Json{{"pad_id", -1}}), ErrorCode::kCorrupt, "padding.pad_id",
               "expected an integer from 0");
}

}  // namespace asterism
