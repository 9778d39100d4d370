#include "service/arithmetic_expression.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace asterism::service {
namespace {

using Terms = std::vector<ArithmeticTerm>;

Terms parse(std::string_view text) {
  auto terms = parse_arithmetic(text);
  EXPECT_TRUE(terms) << text << ": " << terms.error().to_string();
  return terms ? *terms : Terms{};
}

std::string error_of(std::string_view text) {
  const auto terms = parse_arithmetic(text);
  return terms ? "none" : terms.error().message;
}

TEST(ArithmeticExpression, words_are_added_and_taken_away) {
  EXPECT_EQ(
      parse("king - man + woman"),
      (Terms{{1, OperandKind::kText, "king"}, {-1, OperandKind::kText, "man"}, {1, OperandKind::kText, "woman"}}));
  EXPECT_EQ(parse("  king -man\t+woman\n"), parse("king - man + woman"));
  EXPECT_EQ(parse("- cold + hot"), (Terms{{-1, OperandKind::kText, "cold"}, {1, OperandKind::kText, "hot"}}));
  EXPECT_EQ(parse("word"), (Terms{{1, OperandKind::kText, "word"}}));
}

TEST(ArithmeticExpression, signs_inside_words_are_part_of_them) {
  EXPECT_EQ(
      parse("well-known - c++ + 1984"),
      (Terms{{1, OperandKind::kText, "well-known"}, {-1, OperandKind::kText, "c++"}, {1, OperandKind::kText, "1984"}}));
  EXPECT_EQ(parse("東京 - 日本"), (Terms{{1, OperandKind::kText, "東京"}, {-1, OperandKind::kText, "日本"}}));
}

TEST(ArithmeticExpression, weights_quotes_pictures_and_items) {
  EXPECT_EQ(parse("0.5*red + 2 * \"ice cream\" - .25*@\"my coat.jpg\" + #A-17"),
            (Terms{{0.5, OperandKind::kText, "red"},
                   {2, OperandKind::kText, "ice cream"},
                   {-0.25, OperandKind::kImage, "my coat.jpg"},
                   {1, OperandKind::kId, "A-17"}}));
  EXPECT_EQ(parse(R"("say \"hi\" \\ bye" + "#no id" + @a*b.jpg)"), (Terms{{1, OperandKind::kText, "say \"hi\" \\ bye"},
                                                                          {1, OperandKind::kText, "#no id"},
                                                                          {1, OperandKind::kImage, "a*b.jpg"}}));
}

TEST(ArithmeticExpression, what_was_understood_reads_as_itself) {
  for (const char* text : {"king - man + woman", "- cold + 0.5*hot", "\"ice cream\" - @\"my coat.jpg\" + #A7",
                           "\"a \\\"b\\\" \\\\\"", "\"+\" + \"2*3\" - well-known", "1e-3*x + 1000000*y"}) {
    const Terms terms = parse(text);
    EXPECT_EQ(parse(arithmetic_text(terms)), terms) << arithmetic_text(terms);
  }
  EXPECT_EQ(arithmetic_text(parse("  a   -b + 0.50*\"c\"")), "a - b + 0.5*c");
}

TEST(ArithmeticExpression, faults_are_named_by_column) {
  EXPECT_EQ(error_of(""), "expression: column 1: expected a word, a quoted text, @file or #id, found the end");
  EXPECT_EQ(error_of("ice cream"), "expression: column 5: expected + or - before another term, found 'cream'");
  EXPECT_EQ(error_of("é ü"), "expression: column 3: expected + or - before another term, found 'ü'");
  EXPECT_EQ(error_of("king -"), "expression: column 7: expected a word, a quoted text, @file or #id, found the end");
  EXPECT_EQ(error_of("a + - b"), "expression: column 5: expected a word, a quoted text, @file or #id, found '-'");
  EXPECT_EQ(error_of("\"open"), "expression: column 1: expected a closing quote for the one here, found the end");
  EXPECT_EQ(error_of("a - \"\""), "expression: column 5: expected something in the quotes, found nothing");
  EXPECT_EQ(error_of("\"a\"b"), "expression: column 4: expected a space after the closing quote, found 'b'");
  EXPECT_EQ(error_of("a\"b\""), "expression: column 2: expected a space before a quote, found '\"b\"'");
  EXPECT_EQ(error_of("\"a\\n\""), "expression: column 4: expected \\\" or \\\\ after a backslash, found 'n\"'");
  EXPECT_EQ(error_of("x*0.5"), "expression: column 2: expected a number before *, found '*0.5'");
  EXPECT_EQ(error_of("0*x"), "expression: column 1: expected a weight above 0 and of at most 1000000, found '0*x'");
  EXPECT_EQ(error_of("1000001*x"),
            "expression: column 1: expected a weight above 0 and of at most 1000000, found '1000001*x'");
  EXPECT_EQ(error_of("nan*x"), "expression: column 1: expected a weight above 0 and of at most 1000000, found 'nan*x'");
  EXPECT_EQ(error_of("@ + a"), "expression: column 2: expected the path of a picture after @, found ' '");
  EXPECT_EQ(error_of("#"), "expression: column 2: expected an id after #, found the end");
}

TEST(ArithmeticExpression, limits_hold) {
  std::string text = "a";
  for (std::size_t i = 1; i < kArithmeticTermCountMax; ++i) {
    text += " + a";
  }
  EXPECT_EQ(parse(text).size(), kArithmeticTermCountMax);
  EXPECT_EQ(parse_arithmetic(text + " + a").error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(parse(std::string(kArithmeticSizeBytesMax, 'a')).size(), 1U);
  EXPECT_EQ(parse_arithmetic(std::string(kArithmeticSizeBytesMax + 1, 'a')).error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace asterism::service
