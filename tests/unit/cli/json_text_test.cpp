#include "cli/json_text.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace asterism::cli {
namespace {

TEST(JsonNumber, has_the_fewest_digits_that_give_the_float_back) {
  EXPECT_EQ(json_number(0.7F).dump(), "0.7");
  EXPECT_EQ(static_cast<float>(json_number(0.1234567F).get<double>()), 0.1234567F);
  EXPECT_TRUE(json_number(NAN).is_null());
  EXPECT_TRUE(json_number(INFINITY).is_null());
}

TEST(AppendJsonString, escapes_and_repairs) {
  std::string out;
  append_json_string(out, "##ing");
  append_json_string(out, "a\"b\\c\n");
  append_json_string(out, "é");
  append_json_string(out, "\xFF");
  EXPECT_EQ(out, "\"##ing\"\"a\\\"b\\\\c\\n\"\"é\"\"\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace asterism::cli
