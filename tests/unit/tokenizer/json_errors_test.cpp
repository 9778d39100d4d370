// What from_json_text() refuses, and that it says which part of the file, what it expected and what it found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/json.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

Json wordpiece_json() {
  return Json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 1, "content": "[UNK]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
              "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "hello": 4, "##s": 5}}})");
}

Json unigram_json() {
  Json json = wordpiece_json();
  json["post_processor"] = nullptr;
  json["added_tokens"] = Json::array();
  json["model"] = Json::parse(
      R"({"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.5]], "byte_fallback": false})");
  return json;
}

Error error_of(const std::string& text) {
  auto tokenizer = Tokenizer::from_json_text(text, "t.json");
  if (tokenizer) {
    return {ErrorCode::kInternal, "loaded", {}};
  }
  return tokenizer.error();
}

// The file with `value` at `pointer` ("/model/type").
Error error_with(Json json, const std::string& pointer, Json value) {
  json[Json::json_pointer(pointer)] = std::move(value);
  return error_of(json.dump());
}

Error error_without(Json json, const std::string& pointer) {
  const Json::json_pointer place(pointer);
  json[place.parent_pointer()].erase(place.back());
  return error_of(json.dump());
}

void expect_error(const Error& error, ErrorCode code, const std::string& place, const std::string& detail) {
  EXPECT_EQ(error.code, code) << error.message;
  EXPECT_THAT(error.message, HasSubstr("t.json"));
  EXPECT_THAT(error.message, HasSubstr(place));
  EXPECT_THAT(error.message, HasSubstr(detail));
}

}  // namespace

TEST(TokenizerJsonErrors, the_unchanged_files_load) {
  EXPECT_TRUE(Tokenizer::from_json_text(wordpiece_json().dump(), "t.json"));
  EXPECT_TRUE(Tokenizer::from_json_text(unigram_json().dump(), "t.json"));
}

TEST(TokenizerJsonErrors, truncated_and_malformed_text_is_corrupt) {
  const std::string whole = wordpiece_json().dump();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(error_of(whole.substr(0, size)).code, ErrorCode::kCorrupt) << "cut at " << size;
  }
  expect_error(error_of("[1, 2]"), ErrorCode::kCorrupt, "t.json", "expected an object, found an array");
  expect_error(error_of("{\"version\": \"\xFF\"}"), ErrorCode::kCorrupt, "t.json", "expected JSON");
}

TEST(TokenizerJsonErrors, nesting_past_the_limit_is_refused) {
  expect_error(error_of(std::string(kJsonDepthMax + 1, '[') + std::string(kJsonDepthMax + 1, ']')),
               ErrorCode::kLimitExceeded, "t.json", "nested deeper than 128");
}

TEST(TokenizerJsonErrors, unsupported_types_are_named_with_their_place) {
  const Json json = wordpiece_json();
  const Json sequence = Json::parse(
      R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Precompiled", "precompiled_charsmap": ""}]})");
  expect_error(error_with(json, "/normalizer", sequence), ErrorCode::kUnsupported, "normalizer.normalizers[1].type",
               "\"Precompiled\" is not supported, expected BertNormalizer");
  expect_error(error_with(json, "/normalizer/type", "Nmt"), ErrorCode::kUnsupported, "normalizer.type", "\"Nmt\"");
  expect_error(error_with(json, "/pre_tokenizer/type", "UnicodeScripts"), ErrorCode::kUnsupported, "pre_tokenizer.type",
               "\"UnicodeScripts\" is not supported, expected BertPreTokenizer");
  expect_error(
      error_with(json, "/pre_tokenizer", Json::parse(R"({"type": "Sequence", "pretokenizers": [{"type": "Digits"}]})")),
      ErrorCode::kUnsupported, "pre_tokenizer.pretokenizers[0].type", "\"Digits\"");
  expect_error(error_with(json, "/post_processor/type", "Decorate"), ErrorCode::kUnsupported, "post_processor.type",
               "expected TemplateProcessing");
  expect_error(error_with(json, "/model/type", "WordLevel"), ErrorCode::kUnsupported, "model.type",
               "\"WordLevel\" is not supported, expected WordPiece, Unigram or BPE");
  expect_error(error_with(json, "/version", "2.0"), ErrorCode::kUnsupported, "version",
               "\"2.0\" is not supported, expected \"1.0\"");
}

TEST(TokenizerJsonErrors, unknown_keys_are_named) {
  const Json json = wordpiece_json();
  expect_error(error_with(json, "/surprise", 1), ErrorCode::kUnsupported, "unknown \"surprise\"", "expected only");
  expect_error(error_with(json, "/normalizer/surprise", 1), ErrorCode::kUnsupported, "normalizer: unknown \"surprise\"",
               "expected only");
  expect_error(error_with(json, "/pre_tokenizer/surprise", 1), ErrorCode::kUnsupported,
               "pre_tokenizer: unknown \"surprise\"", "expected only");
  expect_error(error_with(json, "/post_processor/surprise", 1), ErrorCode::kUnsupported,
               "post_processor: unknown \"surprise\"", "expected only");
  expect_error(error_with(json, "/model/surprise", 1), ErrorCode::kUnsupported, "model: unknown \"surprise\"",
               "expected only");
  expect_error(error_with(json, "/added_tokens/0/surprise", 1), ErrorCode::kUnsupported,
               "added_tokens[0]: unknown \"surprise\"", "expected only");
  expect_error(error_with(json, "/truncation", Json{{"max_length", 3}, {"surprise", 1}}), ErrorCode::kUnsupported,
               "truncation: unknown \"surprise\"", "expected only");
  expect_error(error_with(unigram_json(), "/model/surprise", 1), ErrorCode::kUnsupported, "model: unknown \"surprise\"",
               "expected only");
}

TEST(TokenizerJsonErrors, missing_parts_are_named) {
  const Json json = wordpiece_json();
  for (const std::string key : {"unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"}) {
    expect_error(error_without(json, "/model/" + key), ErrorCode::kCorrupt, "model", "\"" + key + "\" is missing");
  }
  expect_error(error_without(json, "/model"), ErrorCode::kCorrupt, "t.json", "\"model\" is missing");
  expect_error(error_without(json, "/normalizer/lowercase"), ErrorCode::kCorrupt, "normalizer",
               "\"lowercase\" is missing");
  expect_error(error_without(json, "/normalizer/type"), ErrorCode::kCorrupt, "normalizer", "\"type\" is missing");
  expect_error(error_without(json, "/post_processor/cls"), ErrorCode::kCorrupt, "post_processor", "\"cls\" is missing");
  expect_error(error_without(json, "/added_tokens/0/lstrip"), ErrorCode::kCorrupt, "added_tokens[0]",
               "\"lstrip\" is missing");
  expect_error(error_without(unigram_json(), "/model/unk_id"), ErrorCode::kCorrupt, "model", "\"unk_id\" is missing");
  expect_error(error_without(unigram_json(), "/model/type"), ErrorCode::kCorrupt, "model", "\"type\" is missing");
}

TEST(TokenizerJsonErrors, values_of_the_wrong_type_say_what_was_expected) {
  const Json json = wordpiece_json();
  expect_error(error_with(json, "/normalizer", 3), ErrorCode::kCorrupt, "normalizer", "expected an object, found 3");
  expect_error(error_with(json, "/normalizer/lowercase", "yes"), ErrorCode::kCorrupt, "normalizer.lowercase",
               "expected true or false, found \"yes\"");
  expect_error(error_with(json, "/model/vocab", Json::array()), ErrorCode::kCorrupt, "model.vocab",
               "expected an object of tokens and ids, found an array");
  expect_error(error_with(json, "/model/vocab/hello", "4"), ErrorCode::kCorrupt, "model.vocab[\"hello\"]",
               "expected an id from 0 to 16777215, found \"4\"");
  expect_error(error_with(json, "/model/max_input_chars_per_word", 1.5), ErrorCode::kCorrupt,
               "model.max_input_chars_per_word", "found 1.5");
  expect_error(error_with(json, "/added_tokens", Json::object()), ErrorCode::kCorrupt, "added_tokens",
               "expected an array, found an object");
  expect_error(error_with(json, "/truncation", Json{{"max_length", "long"}}), ErrorCode::kCorrupt,
               "truncation.max_length", "found \"long\"");
  expect_error(error_with(json, "/truncation", Json{{"max_length", 3}, {"direction", "Up"}}), ErrorCode::kUnsupported,
               "truncation.direction", "\"Up\"");
  expect_error(error_with(unigram_json(), "/model/vocab/1", Json::array({"a"})), ErrorCode::kCorrupt, "model.vocab[1]",
               "expected a token's text and score");
  expect_error(error_with(unigram_json(), "/model/vocab/1", Json::array({"a", "b"})), ErrorCode::kCorrupt,
               "model.vocab[1]", "expected a token's text and score");
}

TEST(TokenizerJsonErrors, ids_out_of_range_are_refused) {
  const Json json = wordpiece_json();
  constexpr std::int64_t kIdEnd = 1 << 24;
  expect_error(error_with(json, "/model/vocab/hello", -1), ErrorCode::kCorrupt, "model.vocab[\"hello\"]", "found -1");
  expect_error(error_with(json, "/model/vocab/hello", kIdEnd), ErrorCode::kCorrupt, "model.vocab[\"hello\"]",
               "found 16777216");
  expect_error(error_with(json, "/model/vocab/hello", 18446744073709551615ULL), ErrorCode::kCorrupt,
               "model.vocab[\"hello\"]", "found 18446744073709551615");
  expect_error(error_with(json, "/post_processor/cls/1", 6), ErrorCode::kMismatch, "post_processor",
               "special token id 6 is past the vocabulary, expected less than 6");
  expect_error(error_with(json, "/added_tokens/0/id", kIdEnd), ErrorCode::kCorrupt, "added_tokens[0].id",
               "expected an integer from 0 to 16777215");
  expect_error(error_with(unigram_json(), "/model/unk_id", 2), ErrorCode::kCorrupt, "model.unk_id",
               "expected an integer from 0 to 1, found 2");
}

TEST(TokenizerJsonErrors, duplicate_ids_and_texts_are_refused) {
  expect_error(error_with(wordpiece_json(), "/model/vocab/hello", 5), ErrorCode::kCorrupt, "model.vocab",
               "share the id 5");
  std::string text = wordpiece_json().dump();
  text.replace(text.find("\"hello\":4"), 9, "\"##s\":4");
  expect_error(error_of(text), ErrorCode::kCorrupt, "model.vocab", "token \"##s\" appears twice, with the ids 4 and 5");
  expect_error(error_with(unigram_json(), "/model/vocab/1/0", "<unk>"), ErrorCode::kCorrupt, "model.vocab",
               "appears twice");
}

TEST(TokenizerJsonErrors, an_unknown_token_outside_the_vocabulary_is_refused) {
  expect_error(error_with(wordpiece_json(), "/model/unk_token", "[NONE]"), ErrorCode::kCorrupt, "model",
               "the unknown token \"[NONE]\" is not in the vocabulary");
}

TEST(TokenizerJsonErrors, an_empty_vocabulary_is_refused) {
  expect_error(error_with(wordpiece_json(), "/model/vocab", Json::object()), ErrorCode::kCorrupt, "model.vocab",
               "expected at least one token, found none");
  expect_error(error_with(unigram_json(), "/model/vocab", Json::array()), ErrorCode::kCorrupt, "model.vocab",
               "expected at least one token, found none");
}

TEST(TokenizerJsonErrors, holes_load_up_to_a_limit) {
  Json json = wordpiece_json();
  constexpr std::int64_t kHoleCountMax = 1 << 20;
  json["model"]["vocab"]["##s"] = 9;
  auto tokenizer = Tokenizer::from_json_text(json.dump(), "t.json");
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
  EXPECT_EQ(tokenizer->vocabulary_size(), 10U);
  EXPECT_EQ(tokenizer->token(5), "");
  EXPECT_EQ(tokenizer->token(9), "##s");
  EXPECT_EQ(tokenizer->encode("hellos", {.add_special_tokens = false}).ids, (std::vector<TokenId>{4, 9}));
  json["model"]["vocab"]["##s"] = kHoleCountMax + 5;
  EXPECT_TRUE(Tokenizer::from_json_text(json.dump(), "t.json"));
  json["model"]["vocab"]["##s"] = kHoleCountMax + 6;
  expect_error(error_of(json.dump()), ErrorCode::kLimitExceeded, "model.vocab", "expected at most 1048576 unused ids");
}

TEST(TokenizerJsonErrors, an_added_token_that_the_original_would_number_differently_is_refused) {
  Json json = wordpiece_json();
  Json token = json["added_tokens"][0];
  token["content"] = "[NEW]";
  token["id"] = 6;
  json["added_tokens"].push_back(token);
  EXPECT_TRUE(Tokenizer::from_json_text(json.dump(), "t.json"));
  json["added_tokens"][1]["id"] = 7;
  expect_error(error_of(json.dump()), ErrorCode::kMismatch, "added_tokens",
               "\"[NEW]\" says it has the id 7, but the vocabulary and the tokens before it give it 6");
  json["added_tokens"][1]["id"] = 6;
  json["model"]["vocab"]["##s"] = 6;
  json["model"]["vocab"]["##t"] = 7;
  json["added_tokens"][1]["id"] = 7;
  expect_error(error_of(json.dump()), ErrorCode::kMismatch, "added_tokens",
               "\"[NEW]\" would be numbered 7, which is \"##t\" already");
}

TEST(TokenizerJsonErrors, patterns_outside_the_known_forms_are_named) {
  const auto with_pattern = [](const Json& pattern) {
    return error_with(wordpiece_json(), "/normalizer",
                      Json{{"type", "Replace"}, {"pattern", pattern}, {"content", ""}});
  };
  for (const std::string regex : {"a|b", "[ab]", "a*", "a?", ".", "^a", "\\d+", "a{0,}", "a{2}", "a{,2}", "ab", "(a)",
                                  "a++", "\\", "a{9999999999999999999999,}"}) {
    expect_error(with_pattern(Json{{"Regex", regex}}), ErrorCode::kUnsupported, "normalizer.pattern.Regex",
                 "is not supported, expected a character or \\s");
  }
  expect_error(with_pattern(Json{{"String", ""}}), ErrorCode::kUnsupported, "normalizer.pattern.String",
               "expected a pattern that is not empty");
  expect_error(with_pattern(Json::object()), ErrorCode::kCorrupt, "normalizer.pattern", "expected exactly one of");
  expect_error(with_pattern(Json{{"Glob", "*"}}), ErrorCode::kUnsupported, "normalizer.pattern", "unknown \"Glob\"");
}

TEST(TokenizerJsonErrors, inserted_texts_past_the_limit_are_refused) {
  constexpr std::size_t kSizeMax = 4096;
  Json json = wordpiece_json();
  json["normalizer"] = Json{{"type", "Prepend"}, {"prepend", std::string(kSizeMax, 'x')}};
  EXPECT_TRUE(Tokenizer::from_json_text(json.dump(), "t.json"));
  json["normalizer"]["prepend"] = std::string(kSizeMax + 1, 'x');
  expect_error(error_of(json.dump()), ErrorCode::kLimitExceeded, "normalizer.prepend",
               "4097 bytes long, expected at most 4096");
  json["normalizer"] =
      Json{{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(kSizeMax + 1, 'x')}};
  expect_error(error_of(json.dump()), ErrorCode::kLimitExceeded, "normalizer.content",
               "4097 bytes long, expected at most 4096");
  json["normalizer"] = Json{{"type", "Prepend"}, {"prepend", ""}};
  expect_error(error_of(json.dump()), ErrorCode::kUnsupported, "normalizer.prepend",
               "expected a text that is not empty");
}

TEST(TokenizerJsonErrors, metaspace_and_punctuation_settings_are_checked) {
  const auto with = [](const char* text) { return error_with(wordpiece_json(), "/pre_tokenizer", Json::parse(text)); };
  expect_error(with(R"({"type": "Metaspace", "replacement": "ab"})"), ErrorCode::kCorrupt, "pre_tokenizer.replacement",
               "expected one character, found \"ab\"");
  expect_error(with(R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"})"), ErrorCode::kUnsupported,
               "pre_tokenizer.prepend_scheme", "\"last\"");
  expect_error(
      with(R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "add_prefix_space": false})"),
      ErrorCode::kCorrupt, "pre_tokenizer", "\"add_prefix_space\" is false");
  expect_error(with(R"({"type": "Punctuation", "behavior": "Glued"})"), ErrorCode::kUnsupported,
               "pre_tokenizer.behavior", "\"Glued\"");
}

TEST(TokenizerJsonErrors, templates_that_do_not_hold_the_text_once_are_refused) {
  const auto with = [](const char* single) {
    Json processor = Json::parse(
        R"({"type": "TemplateProcessing", "pair": [], "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}}})");
    processor["single"] = Json::parse(single);
    return error_with(wordpiece_json(), "/post_processor", processor);
  };
  expect_error(with(R"([])"), ErrorCode::kUnsupported, "post_processor.single", "the sequence \"A\" exactly once");
  expect_error(with(R"([{"Sequence": {"id": "B", "type_id": 0}}])"), ErrorCode::kUnsupported, "post_processor.single",
               "the sequence \"A\" exactly once");
  expect_error(with(R"([{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}])"),
               ErrorCode::kUnsupported, "post_processor.single", "exactly once");
  expect_error(with(R"([{"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}])"),
               ErrorCode::kCorrupt, "post_processor.special_tokens", "\"[SEP]\" is missing");
  expect_error(with(R"([{"Other": {}}])"), ErrorCode::kCorrupt, "post_processor.single[0]",
               "expected \"Sequence\" or \"SpecialToken\"");
}

TEST(TokenizerJsonErrors, a_token_text_past_the_limit_is_refused) {
  constexpr std::size_t kSizeMax = 1 << 16;
  Json json = wordpiece_json();
  json["model"]["vocab"][std::string(kSizeMax, 'x')] = 6;
  EXPECT_TRUE(Tokenizer::from_json_text(json.dump(), "t.json"));
  json["model"]["vocab"][std::string(kSizeMax + 1, 'x')] = 7;
  expect_error(error_of(json.dump()), ErrorCode::kLimitExceeded, "model.vocab",
               "65537 bytes long, expected at most 65536");
}

}  // namespace asterism
