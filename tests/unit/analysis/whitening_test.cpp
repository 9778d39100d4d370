#include "analysis/whitening.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace asterism {
namespace {

using testing::HasSubstr;

constexpr std::size_t kDim = 5;

// Far from 0, with deviations from 10 down to 0.1 along directions that are no axes; `varying` of them.
std::vector<float> rows_of(std::size_t count, std::size_t varying = kDim) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  std::vector<float> rows;
  for (std::size_t row = 0; row < count; ++row) {
    std::vector<double> values(kDim, 40.0);
    for (std::size_t k = 0; k < varying; ++k) {
      const double score = 10.0 * std::pow(10.0, -0.5 * static_cast<double>(k)) * normal(random);
      for (std::size_t i = 0; i < kDim; ++i) {
        values[i] += score * std::cos(static_cast<double>((2 * i + 1) * (k + 1)) * 0.31);
      }
    }
    rows.insert(rows.end(), values.begin(), values.end());
  }
  return rows;
}

RowsView view(const std::vector<float>& rows) {
  return {.values = rows, .row_count = rows.size() / kDim, .dim = kDim};
}

TEST(Whitening, covariance_of_whitened_rows_is_the_identity_and_their_mean_0) {
  const std::vector<float> rows = rows_of(300);
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}, kDim}) {
    const auto whitening = Whitening::fit(view(rows), count);
    ASSERT_TRUE(whitening) << whitening.error().to_string();
    ASSERT_EQ(whitening->direction_count(), count);
    const auto white = whitening->transform(view(rows)).value();
    for (std::size_t a = 0; a < count; ++a) {
      double mean = 0.0;
      for (std::size_t row = 0; row < 300; ++row) {
        mean += static_cast<double>(white[row * count + a]) / 300.0;
      }
      // Rows around 40 are rounded by 2e-6, and the smallest deviation is 0.1.
      EXPECT_NEAR(mean, 0.0, 5e-4);
      for (std::size_t b = 0; b < count; ++b) {
        double covariance = 0.0;
        for (std::size_t row = 0; row < 300; ++row) {
          covariance += static_cast<double>(white[row * count + a]) * static_cast<double>(white[row * count + b]) / 299;
        }
        EXPECT_NEAR(covariance, a == b ? 1.0 : 0.0, 1e-4) << a << ", " << b;
      }
    }
  }
}

TEST(Whitening, gives_the_scores_of_pca_over_their_deviations) {
  const std::vector<float> rows = rows_of(100);
  const auto pca = Pca::fit(view(rows), 3).value();
  const auto scores = pca.transform(view(rows)).value();
  const auto white = Whitening::fit(view(rows), 3).value().transform(view(rows)).value();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    EXPECT_NEAR(white[i], static_cast<double>(scores[i]) / std::sqrt(pca.explained_variances()[i % 3]), 1e-4);
  }
}

TEST(Whitening, keeps_only_directions_along_which_the_rows_vary) {
  EXPECT_EQ(Whitening::fit(view(rows_of(100, 2)), kDim).value().direction_count(), 2U);
  EXPECT_EQ(Whitening::fit(view(rows_of(100)), 99).value().direction_count(), kDim);
  // The mean takes one of three rows.
  EXPECT_EQ(Whitening::fit(view(rows_of(3)), kDim).value().direction_count(), 2U);
}

TEST(Whitening, rows_that_can_not_be_whitened_are_refused) {
  const auto message = [](const std::vector<float>& rows, std::size_t count) {
    const auto whitening = Whitening::fit(view(rows), count);
    return whitening ? std::string("no error") : whitening.error().message;
  };
  EXPECT_THAT(message(rows_of(10, 0), 2), HasSubstr("expected rows that vary, found 10 equal rows"));
  EXPECT_THAT(message(rows_of(1), 2), HasSubstr("at least 1 direction and 2 rows, found 2 directions and 1 rows"));
  EXPECT_THAT(message(rows_of(10), 0), HasSubstr("found 0 directions"));
  std::vector<float> broken = rows_of(10);
  broken[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message(broken, 2), HasSubstr("finite"));
  const auto other =
      Whitening::fit(view(rows_of(10)), 2).value().transform({.values = broken, .row_count = 5, .dim = 4});
  EXPECT_THAT(other.error().message, HasSubstr("expected 5 rows of 5 values"));
}

}  // namespace
}  // namespace asterism
