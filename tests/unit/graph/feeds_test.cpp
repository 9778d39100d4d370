#include "graph/feeds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

namespace asterism {
namespace {

using testing::HasSubstr;

Tensor integers(Shape shape, const std::vector<std::int32_t>& values) {
  Tensor tensor(DType::kI32, std::move(shape));
  std::ranges::copy(values, tensor.mutable_as<std::int32_t>().begin());
  return tensor;
}

// Two tables of 10 and 6 rows, attention, pooling: every role but rows of floats.
Graph text_graph() {
  GraphBuilder b;
  const ValueId ids = b.input("ids", DType::kI32, {kDynamicDim});
  const ValueId positions = b.input("positions", DType::kI32, {kDynamicDim});
  const ValueId offsets = b.input("offsets", DType::kI32, {kDynamicDim});
  const ValueId ranges = b.input("ranges", DType::kI32, {kRowDim, 2});
  const ValueId words = b.embedding("words", b.parameter("words.weight", {10, 4}), ids);
  const ValueId places = b.embedding("places", b.parameter("places.weight", {6, 4}), positions);
  const ValueId sum = b.add("sum", words, places);
  const ValueId mixed = b.attention("mixed", {sum, sum, sum, offsets}, {2, 1.0});
  const ValueId pooled = b.pool("pooled", mixed, ranges, Pooling::kMean);
  return b.finish(std::array{pooled}).value();
}

std::vector<Feed> good_feeds() {
  return {{"ids", integers({5}, {0, 9, 3, 2, 1})},
          {"positions", integers({5}, {0, 1, 0, 1, 5})},
          {"offsets", integers({3}, {0, 2, 5})},
          {"ranges", integers({2, 2}, {0, 2, 3, 5})}};
}

TEST(FeedPlan, accepts_feeds_in_any_order_with_extras) {
  const FeedPlan plan = FeedPlan::make(text_graph()).value();
  std::vector<Feed> feeds = good_feeds();
  std::ranges::reverse(feeds);
  feeds.push_back({"unrelated", integers({1}, {7})});
  const auto checked = plan.check(feeds);
  ASSERT_TRUE(checked) << checked.error().to_string();
  EXPECT_EQ(checked->token_count, 5);
  EXPECT_EQ(checked->row_count, 2);
  ASSERT_EQ(checked->tensors.size(), 4U);
}

TEST(FeedPlan, accepts_no_tokens_and_no_texts) {
  const FeedPlan plan = FeedPlan::make(text_graph()).value();
  EXPECT_TRUE(plan.check({{"ids", integers({0}, {})},
                          {"positions", integers({0}, {})},
                          {"offsets", integers({1}, {0})},
                          {"ranges", integers({0, 2}, {})}}));
}

TEST(FeedPlan, refuses_an_input_that_nothing_uses) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kDynamicDim, 4});
  b.input("idle", DType::kI32, {kDynamicDim});
  const ValueId out = b.activation("out", x, Activation::kRelu);
  const auto plan = FeedPlan::make(b.finish(std::array{out}).value());
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, HasSubstr("\"idle\" is used by nothing"));
}

TEST(FeedPlan, refuses_an_input_in_two_roles) {
  GraphBuilder b;
  const ValueId both = b.input("both", DType::kI32, {kDynamicDim});
  const ValueId words = b.embedding("words", b.parameter("w", {10, 4}), both);
  const ValueId out = b.attention("out", {words, words, words, both}, {2, 1.0});
  const auto plan = FeedPlan::make(b.finish(std::array{out}).value());
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, HasSubstr("\"both\" is used in two roles"));
}

struct BadFeed {
  std::string expected;
  std::string feed;
  std::function<Tensor()> tensor;
};

class FeedCheck : public testing::TestWithParam<BadFeed> {};

TEST_P(FeedCheck, refuses_what_could_read_outside_memory) {
  const FeedPlan plan = FeedPlan::make(text_graph()).value();
  std::vector<Feed> feeds = good_feeds();
  std::ranges::find(feeds, GetParam().feed, &Feed::name)->tensor = GetParam().tensor();
  const auto checked = plan.check(feeds);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(checked.error().message, HasSubstr("feed \"" + GetParam().feed + "\": " + GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    All, FeedCheck,
    testing::Values(BadFeed{"id 10 at token 4 is outside the table of 10 rows", "ids",
                            [] {
                              return integers({5}, {0, 9, 3, 2, 10});
                            }},
                    BadFeed{"id -1 at token 0 is outside", "ids",
                            [] {
                              return integers({5}, {-1, 9, 3, 2, 1});
                            }},
                    BadFeed{"id -2147483648 at token 2", "ids",
                            [] {
                              return integers({5}, {0, 0, -2147483647 - 1, 2, 1});
                            }},
                    BadFeed{"id 6 at token 1 is outside the table of 6 rows", "positions",
                            [] {
                              return integers({5}, {0, 6, 0, 1, 2});
                            }},
                    BadFeed{"expected 5 tokens as in the other feeds, found 4", "positions",
                            [] {
                              return integers({4}, {0, 1, 0, 1});
                            }},
                    BadFeed{"expected at least one offset, and the first to be 0", "offsets",
                            [] {
                              return integers({3}, {1, 2, 5});
                            }},
                    BadFeed{"expected at least one offset, found none", "offsets", [] { return integers({0}, {}); }},
                    BadFeed{"expected offsets that never fall, found 1 after 3 at 2", "offsets",
                            [] {
                              return integers({4}, {0, 3, 1, 5});
                            }},
                    BadFeed{"the last offset is 6, but there are 5 tokens", "offsets",
                            [] {
                              return integers({3}, {0, 2, 6});
                            }},
                    BadFeed{"range 1 is [3, 6)", "ranges",
                            [] {
                              return integers({2, 2}, {0, 2, 3, 6});
                            }},
                    BadFeed{"range 0 is [-1, 2)", "ranges",
                            [] {
                              return integers({2, 2}, {-1, 2, 3, 5});
                            }},
                    BadFeed{"range 1 is [4, 3)", "ranges",
                            [] {
                              return integers({2, 2}, {0, 2, 4, 3});
                            }},
                    BadFeed{"expected i32 [rows, 2], found i32 [4]", "ranges",
                            [] {
                              return integers({4}, {0, 2, 3, 5});
                            }},
                    BadFeed{"expected i32 [tokens], found f32 [5]", "ids", [] { return Tensor(DType::kF32, {5}); }},
                    BadFeed{"expected i32 [tokens], found i32 []", "ids", [] { return Tensor(DType::kI32, {}); }}));

TEST(FeedPlan, a_missing_feed_is_named) {
  const FeedPlan plan = FeedPlan::make(text_graph()).value();
  std::vector<Feed> feeds = good_feeds();
  feeds.erase(feeds.begin() + 1);
  const auto checked = plan.check(feeds);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("feed \"positions\": expected [tokens], found no such feed"));
}

}  // namespace
}  // namespace asterism
