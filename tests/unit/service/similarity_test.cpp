#include "service/similarity.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "service/nearest.hpp"

namespace asterism::service {
namespace {

std::string golden(std::string_view name) {
  return std::string(ASTERISM_SOURCE_DIR "/tests/golden/sentence_transformers/") + std::string(name);
}

TEST(Similarity, scores_are_symmetric_with_ones_on_the_diagonal) {
  const auto response = similarity({.model = golden("old_mean_normalize"),
                                    .encoder = {},
                                    .fetch = {},
                                    .items = {"hello", "a stone", "hello"},
                                    .kind = ItemKind::kAuto});
  ASSERT_TRUE(response) << response.error().to_string();
  ASSERT_EQ(response->scores.size(), 9U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(response->scores[i * 3 + i], 1.0F, 1e-5F);
    for (std::size_t j = 0; j < 3; ++j) {
      EXPECT_EQ(response->scores[i * 3 + j], response->scores[j * 3 + i]);
    }
  }
  EXPECT_NEAR(response->scores[2], 1.0F, 1e-5F);
  EXPECT_LT(response->scores[1], 0.99F);
}

TEST(Similarity, fewer_than_two_texts_and_one_past_the_most_are_refused) {
  EXPECT_EQ(similarity({.model = "builtin", .encoder = {}, .fetch = {}, .items = {"one"}, .kind = ItemKind::kAuto})
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  const std::vector<std::string> many(kSimilarityItemCountMax + 1, "a");
  EXPECT_EQ(
      similarity({.model = "builtin", .encoder = {}, .fetch = {}, .items = many, .kind = ItemKind::kAuto}).error().code,
      ErrorCode::kLimitExceeded);
}

TEST(Nearest, a_cancel_before_the_first_window_is_reported) {
  CancelFlag cancel;
  cancel.request();
  NearestRequest request;
  request.queries = {"hello"};
  request.input.inputs = {ASTERISM_SOURCE_DIR "/examples/data/texts.jsonl"};
  request.fetch.cancel = &cancel;
  const auto response = nearest(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kCancelled);
}

TEST(Nearest, no_rows_to_show_is_refused) {
  NearestRequest request;
  request.queries = {"hello"};
  request.top_count = 0;
  EXPECT_EQ(nearest(request).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace asterism::service
