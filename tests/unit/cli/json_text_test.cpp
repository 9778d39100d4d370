#include "cli/json_text.hpp"

#include <gtest/gtest.h>

namespace asterism::cli {
namespace {

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
