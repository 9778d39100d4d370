// Encoding in two steps: text to ids, ids to vectors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

Encoder load(std::string_view golden, EncoderOptions options = {}) {
  options.precision = Precision::kF32;
  options.thread_count = 2;
  auto encoder = Encoder::load(std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/" + std::string(golden), options);
  EXPECT_TRUE(encoder) << encoder.error().to_string();
  return *std::move(encoder);
}

std::vector<std::vector<std::uint32_t>> ids_of(const std::vector<TokenizedText>& texts) {
  std::vector<std::vector<std::uint32_t>> ids;
  for (const TokenizedText& text : texts) {
    ids.push_back(text.ids);
  }
  return ids;
}

class EncoderTokens : public testing::TestWithParam<const char*> {};

TEST_P(EncoderTokens, TheTwoStepsGiveTheVectorsOfTheOne) {
  const Encoder encoder = load(GetParam());
  std::string long_text;
  for (int i = 0; i < 2000; ++i) {
    long_text += "the river and garden train ";
  }
  const std::vector<std::string_view> texts{"the river", "", "a garden, and a train", long_text};
  const auto whole = encoder.encode(texts);
  const auto tokens = encoder.tokenize(texts);
  ASSERT_TRUE(whole);
  ASSERT_TRUE(tokens);
  const auto vectors = encoder.encode_tokens(ids_of(*tokens));
  ASSERT_TRUE(vectors) << vectors.error().to_string();
  EXPECT_EQ(vectors->dim, whole->dim);
  EXPECT_THAT(vectors->values, testing::Pointwise(testing::FloatNear(1e-5F), whole->values));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ((*tokens)[i].token_count_given, whole->reports[i].token_count_given);
    EXPECT_EQ((*tokens)[i].ids.size(), whole->reports[i].token_count_used);
  }
}

TEST_P(EncoderTokens, IdsOutsideTheVocabularyAreRefusedByName) {
  const Encoder encoder = load(GetParam());
  const std::vector<std::vector<std::uint32_t>> texts{{1}, {1, 0xFFFFFFF0U}};
  const auto vectors = encoder.encode_tokens(texts);
  ASSERT_FALSE(vectors);
  EXPECT_EQ(vectors.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(vectors.error().message, HasSubstr("text 1, token 1"));
  EXPECT_FALSE(encoder.decode(texts[1], false));
}

TEST_P(EncoderTokens, APromptIsPutInFrontOfOneCallOnly) {
  const Encoder encoder = load(GetParam());
  const std::string_view text = "river";
  const std::string_view prompted = "the river";
  TokenizeOptions options;
  options.prompt = "the ";
  EXPECT_EQ(encoder.tokenize({&text, 1}, options)->front().ids, encoder.tokenize({&prompted, 1})->front().ids);
  EXPECT_NE(encoder.tokenize({&text, 1})->front().ids, encoder.tokenize({&prompted, 1})->front().ids);
  options = {};
  options.prompt_name = "no such prompt";
  EXPECT_EQ(encoder.tokenize({&text, 1}, options).error().code, ErrorCode::kNotFound);
}

TEST_P(EncoderTokens, VectorsOfTokensHaveTheMeanThatPoolingTakes) {
  EncoderOptions options;
  options.normalize = false;
  const Encoder pooled = load(GetParam(), options);
  EXPECT_TRUE(pooled.info().normalized_by_default);
  EXPECT_FALSE(pooled.info().normalized);
  options.pooling = "none";
  const Encoder encoder = load(GetParam(), options);
  EXPECT_TRUE(encoder.info().normalized_by_default);
  const std::vector<std::string_view> texts{"a garden, and a train", "", "the river", "train garden river garden"};
  const auto ids = ids_of(*pooled.tokenize(texts));
  EXPECT_EQ(ids, ids_of(*encoder.tokenize(texts)));
  const auto vectors = pooled.encode_tokens(ids);
  const auto tokens = encoder.encode_each_token(ids);
  ASSERT_TRUE(vectors);
  ASSERT_TRUE(tokens) << tokens.error().to_string();
  ASSERT_EQ(tokens->dim, vectors->dim);
  ASSERT_EQ(tokens->token_counts.size(), texts.size());
  std::size_t begin = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(tokens->token_counts[i], ids[i].size());
    for (std::size_t column = 0; column < tokens->dim && !ids[i].empty(); ++column) {
      double sum = 0.0;
      for (std::size_t token = 0; token < ids[i].size(); ++token) {
        sum += static_cast<double>(tokens->values[(begin + token) * tokens->dim + column]);
      }
      EXPECT_NEAR(sum / static_cast<double>(ids[i].size()), vectors->row(i)[column], 1e-5) << i << ", " << column;
    }
    begin += ids[i].size();
  }
  EXPECT_EQ(tokens->values.size(), begin * tokens->dim);
  EXPECT_EQ(encoder.encode_each_token(std::vector<std::vector<std::uint32_t>>{{0xFFFFFFF0U}}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(EncoderTokensText, WithoutPoolingThereIsNoVectorOfAText) {
  EncoderOptions options;
  options.pooling = "none";
  const Encoder encoder = load("sentence_transformers/old_mean_normalize", options);
  const std::string_view text = "river";
  EXPECT_EQ(encoder.encode({&text, 1}).error().code, ErrorCode::kUnsupported);
  const std::vector<std::vector<std::uint32_t>> ids{{1}};
  EXPECT_EQ(encoder.encode_tokens(ids).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(load("sentence_transformers/old_mean_normalize").encode_each_token(ids).error().code,
            ErrorCode::kUnsupported);
}

INSTANTIATE_TEST_SUITE_P(Models, EncoderTokens,
                         testing::Values("sentence_transformers/old_mean_normalize", "static/f32_normalize"));

TEST(EncoderTokensText, CutFromTheLeftKeepsTheEndAndTheSpecialTokens) {
  EncoderOptions options;
  options.token_count_max = 5;
  const Encoder encoder = load("sentence_transformers/old_mean_normalize", options);
  const std::string_view text = "the river and garden train the river and garden";
  TokenizeOptions left;
  left.truncate_left = true;
  const auto right_ids = encoder.tokenize({&text, 1})->front().ids;
  const auto left_ids = encoder.tokenize({&text, 1}, left)->front().ids;
  ASSERT_EQ(left_ids.size(), 5U);
  EXPECT_EQ(left_ids.front(), right_ids.front());
  EXPECT_EQ(left_ids.back(), right_ids.back());
  EXPECT_NE(left_ids, right_ids);
}

TEST(EncoderTokensText, PiecesSayWhereTheyStandAndIdsGiveTheTextBack) {
  auto encoder = Encoder::load("builtin");
  ASSERT_TRUE(encoder);
  const std::string text = "river trains, unbelievably";
  const auto pieces = encoder->token_pieces(text, true);
  ASSERT_TRUE(pieces);
  std::vector<std::uint32_t> ids;
  for (const TokenPiece& piece : *pieces) {
    ids.push_back(piece.id);
    if (piece.added) {
      EXPECT_TRUE(piece.special);
      EXPECT_EQ(piece.end, 0U);
    } else {
      EXPECT_GT(piece.end, piece.begin);
      EXPECT_LE(piece.end, text.size());
    }
  }
  EXPECT_EQ(encoder->decode(ids, true), text);
}

}  // namespace
}  // namespace asterism
