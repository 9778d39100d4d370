#include "train/name_pattern.hpp"

#include <gtest/gtest.h>

namespace asterism {
namespace {

std::optional<std::string> taken(std::string_view pattern, std::string_view name) {
  return NamePattern::parse(pattern, "data.label_pattern").value().take(name);
}

TEST(NamePattern, takes_as_little_as_the_rest_allows) {
  EXPECT_EQ(taken("{}_#", "Claude_Monet_12"), "Claude_Monet");
  EXPECT_EQ(taken("{}_*", "Claude_Monet_12"), "Claude");
  EXPECT_EQ(taken("{}-#", "7-3"), "7");
  EXPECT_EQ(taken("*.{}.*", "a.b.c.d"), "b");
  EXPECT_EQ(taken("{}", "all"), "all");
}

TEST(NamePattern, the_whole_name_has_to_match) {
  EXPECT_EQ(taken("{}_#", "Claude_Monet"), std::nullopt);
  EXPECT_EQ(taken("x{}", "yx"), std::nullopt);
  EXPECT_EQ(taken("{}", ""), std::nullopt);
}

TEST(NamePattern, what_it_can_not_mean_is_refused) {
  for (const std::string_view bad : {"", "no hole", "{}{}", "{}*****"}) {
    const auto pattern = NamePattern::parse(bad, "data.group_pattern");
    ASSERT_FALSE(pattern) << bad;
    EXPECT_EQ(pattern.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(pattern.error().message.starts_with("data.group_pattern")) << pattern.error().message;
  }
}

TEST(NamePattern, long_names_cost_little) {
  EXPECT_EQ(taken("*a*a*a{}a*", std::string(200, 'b')), std::nullopt);
}

}  // namespace
}  // namespace asterism
