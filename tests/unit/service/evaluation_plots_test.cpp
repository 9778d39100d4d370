#include "service/evaluation_plots.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace asterism::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(EvaluationPlots, an_axis_goes_below_0_only_where_values_do) {
  const std::array shares{IntervalBar{.name = "model", .value = 0.02, .low = 0.0, .high = 0.08}};
  EXPECT_THAT(interval_plot("accuracy", shares), HasSubstr(">0.000</text>"));
  EXPECT_THAT(interval_plot("accuracy", shares), Not(HasSubstr(">-")));
  const std::array correlations{IntervalBar{.name = "model", .value = 0.02, .low = -0.1, .high = 0.08}};
  EXPECT_THAT(interval_plot("spearman", correlations), HasSubstr(">-0.109</text>"));
}

TEST(EvaluationPlots, names_are_text_and_what_has_no_value_is_no_plot) {
  const std::array bars{IntervalBar{.name = "<b>", .value = 0.5, .low = 0.4, .high = 0.6}};
  EXPECT_THAT(interval_plot("accuracy", bars), HasSubstr("&lt;b&gt;"));
  EXPECT_EQ(interval_plot("accuracy", std::array{IntervalBar{.name = "model", .value = NAN, .low = NAN, .high = NAN}}),
            "");
}

}  // namespace
}  // namespace asterism::service
