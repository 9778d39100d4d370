#include "train/report_chart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace asterism {
namespace {

using testing::HasSubstr;

std::vector<MetricsRow> rows(const std::vector<double>& values) {
  std::vector<MetricsRow> out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    out.push_back({.step = static_cast<std::int64_t>(10 * (i + 1)), .values = {{"loss", values[i]}}});
  }
  return out;
}

TEST(ReportChart, curve_goes_from_its_highest_value_at_the_top_to_its_lowest_at_the_bottom) {
  const std::string svg = curve_svg(rows({3.0, 1.0}), "loss");
  // Steps 10 and 20 of 20: the middle and the right edge; 24 and 158 are the plot's top and bottom.
  EXPECT_THAT(svg, HasSubstr(R"(points="237.0,24.0 412.0,158.0 ")"));
  EXPECT_THAT(svg, HasSubstr(">1.5</text>"));
  EXPECT_THAT(svg, HasSubstr("step 20"));
}

TEST(ReportChart, column_of_fewer_than_two_rows_has_no_curve) {
  EXPECT_EQ(curve_svg(rows({1.0, 2.0}), "rate"), "");
  EXPECT_EQ(curve_svg(rows({1.0}), "loss"), "");
  EXPECT_EQ(curve_svg({}, "loss"), "");
}

TEST(ReportChart, constant_column_is_a_level_line) {
  EXPECT_THAT(curve_svg(rows({2.0, 2.0, 2.0}), "loss"), HasSubstr(",158.0 "));
}

}  // namespace
}  // namespace asterism
