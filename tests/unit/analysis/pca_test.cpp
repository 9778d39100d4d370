#include "analysis/pca.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace asterism {
namespace {

Json golden_cases() {
  auto json = read_json_file(std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/analysis/pca.json");
  return json ? (*json)["cases"] : Json::array();
}

// 1 or -1: what turns our component into the recorded one.
double sign_between(std::span<const double> ours, std::span<const double> theirs) {
  double dot = 0.0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    dot += ours[i] * theirs[i];
  }
  return dot < 0.0 ? -1.0 : 1.0;
}

TEST(Pca, equals_scikit_learn_up_to_sign) {
  const Json cases = golden_cases();
  ASSERT_EQ(cases.size(), 4U);
  for (const Json& golden : cases) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const auto data = golden["data"].get<std::vector<float>>();
    const auto dim = golden["dim"].get<std::size_t>();
    const auto count = golden["components"].get<std::size_t>();
    const RowsView rows{.values = data, .row_count = golden["rows"].get<std::size_t>(), .dim = dim};
    auto pca = Pca::fit(rows, count);
    ASSERT_TRUE(pca) << pca.error().to_string();
    const auto mean = golden["mean"].get<std::vector<double>>();
    const auto principal = golden["principal"].get<std::vector<double>>();
    const auto variances = golden["variances"].get<std::vector<double>>();
    const auto ratios = golden["ratios"].get<std::vector<double>>();
    const auto scores = golden["scores"].get<std::vector<double>>();
    for (std::size_t d = 0; d < dim; ++d) {
      EXPECT_NEAR(pca->mean()[d], mean[d], 1e-9);
    }
    auto transformed = pca->transform(rows);
    ASSERT_TRUE(transformed);
    const double magnitude = std::abs(*std::ranges::max_element(scores, {}, [](double v) { return std::abs(v); }));
    for (std::size_t k = 0; k < count; ++k) {
      EXPECT_NEAR(pca->explained_variances()[k], variances[k], 1e-9 * variances[0]);
      EXPECT_NEAR(pca->explained_variance_ratios()[k], ratios[k], 1e-9);
      const auto ours = pca->components().subspan(k * dim, dim);
      const auto theirs = std::span(principal).subspan(k * dim, dim);
      const double sign = sign_between(ours, theirs);
      for (std::size_t d = 0; d < dim; ++d) {
        EXPECT_NEAR(sign * ours[d], theirs[d], 1e-9);
      }
      for (std::size_t r = 0; r < rows.row_count; ++r) {
        EXPECT_NEAR(sign * (*transformed)[r * count + k], scores[r * count + k], 1e-6 * magnitude);
      }
    }
  }
}

TEST(Pca, largest_entry_of_a_component_is_positive) {
  const Json golden = golden_cases()[0];
  const auto data = golden["data"].get<std::vector<float>>();
  auto pca = Pca::fit({.values = data, .row_count = 60, .dim = 7}, 7);
  ASSERT_TRUE(pca);
  for (std::size_t k = 0; k < 7; ++k) {
    const auto component = pca->components().subspan(k * 7, 7);
    EXPECT_GT(*std::ranges::max_element(component, {}, [](double v) { return std::abs(v); }), 0.0);
  }
}

TEST(Pca, equal_rows_have_no_variance) {
  const std::vector<float> data(12, 2.5F);
  const RowsView rows{.values = data, .row_count = 4, .dim = 3};
  auto pca = Pca::fit(rows, 2);
  ASSERT_TRUE(pca);
  EXPECT_EQ(pca->explained_variances()[0], 0.0);
  EXPECT_EQ(pca->explained_variance_ratios()[0], 0.0);
  auto scores = pca->transform(rows);
  ASSERT_TRUE(scores);
  EXPECT_TRUE(std::ranges::all_of(*scores, [](float v) { return v == 0.0F; }));
}

TEST(Pca, sizes_out_of_range_are_errors) {
  const std::vector<float> data(12, 1.0F);
  EXPECT_FALSE(Pca::fit({.values = data, .row_count = 4, .dim = 3}, 0));
  EXPECT_FALSE(Pca::fit({.values = data, .row_count = 4, .dim = 3}, 4));
  EXPECT_FALSE(Pca::fit({.values = data, .row_count = 1, .dim = 12}, 1));
  EXPECT_FALSE(Pca::fit({.values = data, .row_count = 5, .dim = 3}, 1));
  auto pca = Pca::fit({.values = data, .row_count = 4, .dim = 3}, 3);
  ASSERT_TRUE(pca);
  EXPECT_FALSE(pca->transform({.values = data, .row_count = 3, .dim = 4}));
  auto none = pca->transform({.values = {}, .row_count = 0, .dim = 3});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

TEST(Pca, nan_is_an_error) {
  std::vector<float> data(12, 1.0F);
  data[7] = std::numeric_limits<float>::quiet_NaN();
  auto pca = Pca::fit({.values = data, .row_count = 4, .dim = 3}, 1);
  ASSERT_FALSE(pca);
  EXPECT_EQ(pca.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace asterism
