#include <gtest/gtest.h>

#include "service/atlas_search.hpp"

namespace asterism::service {
namespace {

std::string shown(std::string_view expression) {
  const auto terms = parse_expression(expression);
  if (!terms) {
    return "error";
  }
  std::string out;
  for (const ExpressionTerm& term : *terms) {
    out += (term.positive ? "+[" : "-[") + term.text + "]";
  }
  return out;
}

TEST(AtlasExpression, is_a_sum_of_terms) {
  EXPECT_EQ(shown("king - man + woman"), "+[king]-[man]+[woman]");
  EXPECT_EQ(shown("  a red  coat "), "+[a red  coat]");
  EXPECT_EQ(shown("-war + peace"), "-[war]+[peace]");
  EXPECT_EQ(shown("rock-n-roll - well-known"), "+[rock-n-roll]-[well-known]");
  EXPECT_EQ(shown("\"rock + roll\" - rock"), "+[rock + roll]-[rock]");
  EXPECT_EQ(shown("C++ - C"), "+[C++]-[C]");
}

TEST(AtlasExpression, says_what_is_wrong) {
  for (const std::string_view expression : {"", " ", "king -", "king - - man", "+ ", "\"open + quote", "a + \"\""}) {
    EXPECT_EQ(shown(expression), "error") << expression;
  }
  std::string many = "a";
  for (std::size_t i = 1; i < kExpressionTermCountMax; ++i) {
    many += " + a";
  }
  EXPECT_TRUE(parse_expression(many));
  EXPECT_EQ(parse_expression(many + " + a").error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace asterism::service
