#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "analysis/estimators.hpp"
#include "analysis/row_products.hpp"
#include "base/counter_random.hpp"
#include "base/json.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

Json golden() {
  auto json = read_json_file(std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/reductions/linear.json");
  return json ? *std::move(json) : Json();
}

struct Fitted {
  std::vector<float> data;
  std::vector<std::int32_t> labels = {};
  Result<FittedEstimator> result = fail(ErrorCode::kInternal, "not fitted");
};

Fitted fit_case(const Json& recorded) {
  Fitted out{.data = recorded["data"].get<std::vector<float>>()};
  if (recorded.contains("labels")) {
    out.labels = recorded["labels"].get<std::vector<std::int32_t>>();
  }
  ThreadPool pool(2);
  out.result = fit_estimator(recorded["method"].get<std::string>(),
                             {.rows = {.values = out.data,
                                       .row_count = recorded["rows"].get<std::size_t>(),
                                       .dim = recorded["dim"].get<std::size_t>()},
                              .labels = out.labels,
                              .options = recorded["options"]},
                             {.pool = pool});
  return out;
}

std::vector<double> array_of(const EstimatorState& state, std::string_view name) {
  const auto found = std::ranges::find(state.arrays, name, &EstimatorState::Array::name);
  if (found == state.arrays.end()) {
    return {};
  }
  const auto values = found->values.as<double>();
  return {values.begin(), values.end()};
}

// Each component may be turned round.
void expect_places_near(const std::vector<float>& ours, const std::vector<double>& theirs, std::size_t count) {
  ASSERT_EQ(ours.size(), theirs.size());
  const double magnitude = std::abs(*std::ranges::max_element(theirs, {}, [](double v) { return std::abs(v); }));
  for (std::size_t k = 0; k < count; ++k) {
    double dot = 0.0;
    for (std::size_t at = k; at < ours.size(); at += count) {
      dot += static_cast<double>(ours[at]) * theirs[at];
    }
    for (std::size_t at = k; at < ours.size(); at += count) {
      EXPECT_NEAR(std::copysign(1.0, dot) * static_cast<double>(ours[at]), theirs[at], 2e-6 * magnitude)
          << "component " << k << ", row " << at / count;
    }
  }
}

TEST(LinearMethods, equal_scikit_learn_up_to_sign) {
  const Json cases = golden()["cases"];
  ASSERT_EQ(cases.size(), 8U);
  for (const Json& recorded : cases) {
    SCOPED_TRACE(recorded["method"].get<std::string>() + " " + recorded["name"].get<std::string>());
    const Fitted fitted = fit_case(recorded);
    ASSERT_TRUE(fitted.result) << fitted.result.error().to_string();
    const auto places = recorded["places"].get<std::vector<double>>();
    const std::size_t count = places.size() / recorded["rows"].get<std::size_t>();
    ASSERT_EQ(fitted.result->estimator->component_count(), count);
    expect_places_near(fitted.result->embedding, places, count);
    const EstimatorState state = fitted.result->estimator->state();
    for (const auto& [name, values] : recorded["values"].items()) {
      const auto theirs = values.get<std::vector<double>>();
      const auto ours = array_of(state, name);
      ASSERT_EQ(ours.size(), theirs.size()) << name;
      for (std::size_t k = 0; k < theirs.size(); ++k) {
        EXPECT_NEAR(ours[k], theirs[k], 1e-9 * std::max(1.0, theirs[0])) << name << " " << k;
      }
    }
  }
}

// Rows with a spectrum that falls: component d has deviation 0.9^d, about a point away from the origin.
std::vector<float> decaying_rows(std::size_t row_count, std::size_t dim) {
  const CounterRandom random(5);
  std::vector<float> values(row_count * dim);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(random.normal(i) * std::pow(0.9, static_cast<double>(i % dim)) + 3.0);
  }
  return values;
}

std::vector<double> variances_of(const std::vector<float>& values, std::size_t dim, Json options) {
  ThreadPool pool(2);
  const auto fitted = fit_estimator(
      "pca", {.rows = {.values = values, .row_count = values.size() / dim, .dim = dim}, .options = options},
      {.pool = pool});
  return fitted ? array_of(fitted->estimator->state(), "explained_variances") : std::vector<double>();
}

TEST(LinearMethods, randomised_directions_are_those_of_the_exact_solver) {
  const auto rows = decaying_rows(2000, 120);
  const auto exact = variances_of(rows, 120, {{"components", 10}, {"solver", "exact"}});
  const auto randomized = variances_of(rows, 120, {{"components", 10}, {"solver", "randomized"}});
  ASSERT_EQ(exact.size(), 10U);
  ASSERT_EQ(randomized.size(), 10U);
  for (std::size_t k = 0; k < 10; ++k) {
    EXPECT_NEAR(randomized[k], exact[k], 1e-5 * exact[0]) << k;
  }
}

// Many rows go through products in float, few through double: the first half of the rows, twice, has the variances of
// that half but for the divisor.
TEST(LinearMethods, products_in_float_agree_with_those_in_double) {
  constexpr std::size_t kDim = 96;
  constexpr std::size_t kRows = 7000;
  static_assert(kRows * kDim * kDim < kPlainProductsMax && 2 * kRows * kDim * kDim > kPlainProductsMax);
  const auto half = decaying_rows(kRows, kDim);
  auto twice = half;
  twice.insert(twice.end(), half.begin(), half.end());
  const auto in_double = variances_of(half, kDim, {{"components", 20}});
  const auto in_float = variances_of(twice, kDim, {{"components", 20}});
  ASSERT_EQ(in_double.size(), 20U);
  ASSERT_EQ(in_float.size(), 20U);
  const double divisors = static_cast<double>(2 * (kRows - 1)) / static_cast<double>(2 * kRows - 1);
  for (std::size_t k = 0; k < 20; ++k) {
    // Float over 256 rows: a relative error of some 1e-6 at worst.
    EXPECT_NEAR(in_float[k], in_double[k] * divisors, 1e-6 * in_double[0]) << k;
  }
}

TEST(LinearMethods, large_fits_give_the_same_bytes_with_any_number_of_threads) {
  constexpr std::size_t kDim = 96;
  constexpr std::size_t kRows = 14000;
  static_assert(kRows * kDim * kDim > kPlainProductsMax);
  const auto rows = decaying_rows(kRows, kDim);
  for (const char* solver : {"exact", "randomized"}) {
    std::vector<std::vector<float>> places;
    for (const std::size_t thread_count : {1U, 2U, 3U}) {
      ThreadPool pool(thread_count);
      auto fitted = fit_estimator("pca",
                                  {.rows = {.values = rows, .row_count = kRows, .dim = kDim},
                                   .options = {{"components", 5}, {"solver", solver}, {"iterations", 2}}},
                                  {.pool = pool});
      ASSERT_TRUE(fitted) << fitted.error().to_string();
      places.push_back(std::move(fitted->embedding));
    }
    EXPECT_EQ(places[0], places[1]) << solver;
    EXPECT_EQ(places[0], places[2]) << solver;
  }
}

// Fewer rows than dimensions go by the products of rows; turned round, by those of columns.
TEST(LinearMethods, a_matrix_and_its_transpose_have_the_same_singular_values) {
  constexpr std::size_t kRows = 240;
  constexpr std::size_t kDim = 1300;
  static_assert(kDim * kRows * kRows > kPlainProductsMax);
  const auto wide = decaying_rows(kRows, kDim);
  std::vector<float> tall(wide.size());
  for (std::size_t i = 0; i < wide.size(); ++i) {
    tall[i % kDim * kRows + i / kDim] = wide[i];
  }
  ThreadPool pool(2);
  const auto values = [&](const std::vector<float>& rows, std::size_t dim) {
    const auto fitted = fit_estimator("svd",
                                      {.rows = {.values = rows, .row_count = rows.size() / dim, .dim = dim},
                                       .options = {{"components", 12}, {"solver", "exact"}}},
                                      {.pool = pool});
    return fitted ? array_of(fitted->estimator->state(), "singular_values") : std::vector<double>();
  };
  const auto by_rows = values(wide, kDim);
  const auto by_columns = values(tall, kRows);
  ASSERT_EQ(by_rows.size(), 12U);
  ASSERT_EQ(by_columns.size(), 12U);
  for (std::size_t k = 0; k < 12; ++k) {
    EXPECT_NEAR(by_rows[k] * by_rows[k], by_columns[k] * by_columns[k], 1e-6 * by_rows[0] * by_rows[0]) << k;
  }
}

TEST(LinearMethods, whitening_places_all_rows_at_0_along_a_constant_direction) {
  std::vector<float> rows(30 * 3, 1.0F);
  for (std::size_t row = 0; row < 30; ++row) {
    rows[row * 3] = static_cast<float>(row);
  }
  ThreadPool pool(1);
  const auto fitted = fit_estimator(
      "pca", {.rows = {.values = rows, .row_count = 30, .dim = 3}, .options = {{"components", 2}, {"whiten", true}}},
      {.pool = pool});
  ASSERT_TRUE(fitted) << fitted.error().to_string();
  for (std::size_t row = 0; row < 30; ++row) {
    EXPECT_EQ(fitted->embedding[row * 2 + 1], 0.0F);
  }
}

TEST(LinearMethods, random_projections_keep_distances) {
  const auto rows = decaying_rows(40, 400);
  for (const char* kind : {"gaussian", "sparse"}) {
    ThreadPool pool(1);
    const auto fitted = fit_estimator("random-projection",
                                      {.rows = {.values = rows, .row_count = 40, .dim = 400},
                                       .options = {{"distortion", 0.5}, {"kind", kind}, {"seed", 3}}},
                                      {.pool = pool});
    ASSERT_TRUE(fitted) << fitted.error().to_string();
    const std::size_t count = fitted->estimator->component_count();
    EXPECT_LT(count, 400U);
    const auto square = [](const float* a, const float* b, std::size_t dim) {
      double sum = 0.0;
      for (std::size_t d = 0; d < dim; ++d) {
        sum += std::pow(static_cast<double>(a[d]) - static_cast<double>(b[d]), 2);
      }
      return sum;
    };
    for (std::size_t a = 0; a < 40; ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        const double before = square(&rows[a * 400], &rows[b * 400], 400);
        const double after = square(&fitted->embedding[a * count], &fitted->embedding[b * count], count);
        EXPECT_NEAR(after / before, 1.0, 0.5) << kind << " " << a << " " << b;
      }
    }
  }
}

TEST(LinearMethods, johnson_lindenstrauss_counts_are_scikit_learns) {
  for (const Json& recorded : golden()["johnson_lindenstrauss"]) {
    const auto row_count = recorded[0].get<std::size_t>();
    if (row_count > 1000) {
      continue;  // too many rows to fit for a number
    }
    const std::vector<float> rows(row_count * 16000, 1.0F);
    ThreadPool pool(1);
    const auto fitted = fit_estimator(
        "random-projection",
        {.rows = {.values = rows, .row_count = row_count, .dim = 16000}, .options = {{"distortion", recorded[1]}}},
        {.pool = pool});
    ASSERT_TRUE(fitted) << fitted.error().to_string();
    EXPECT_EQ(fitted->estimator->component_count(), recorded[2].get<std::size_t>());
  }
}

TEST(LinearMethods, sizes_that_cannot_be_are_named) {
  const auto rows = decaying_rows(20, 8);
  ThreadPool pool(1);
  const auto message = [&](std::string_view method, Json options, std::vector<std::int32_t> labels) {
    const auto fitted = fit_estimator(
        method, {.rows = {.values = rows, .row_count = 20, .dim = 8}, .labels = labels, .options = std::move(options)},
        {.pool = pool});
    return fitted ? std::string() : fitted.error().message;
  };
  EXPECT_NE(message("pca", {{"components", 9}}, {}).find("1 to 8 components"), std::string::npos);
  EXPECT_NE(message("svd", {{"components", 9}}, {}).find("1 to 8 components"), std::string::npos);
  EXPECT_NE(message("random-projection", {{"distortion", 0.1}}, {}).find("take 2567 components"), std::string::npos);
  EXPECT_NE(message("lda", {}, {}).find("expected a label for each of 20 rows, found none"), std::string::npos);
  EXPECT_NE(message("lda", {}, std::vector<std::int32_t>(20, 3)).find("at least 2 classes, found 1"),
            std::string::npos);
  EXPECT_NE(message("lda", {}, std::vector<std::int32_t>(20, kNoLabel)).find("found 0"), std::string::npos);
  std::vector<std::int32_t> halves(20, 0);
  std::fill(halves.begin() + 10, halves.end(), 1);
  EXPECT_NE(message("lda", {{"components", 2}}, halves).find("at most 1 components for 2 classes"), std::string::npos);
  std::vector<std::int32_t> each(20);
  for (std::size_t i = 0; i < 20; ++i) {
    each[i] = static_cast<std::int32_t>(i);
  }
  EXPECT_NE(message("lda", {}, each).find("more labelled rows than classes"), std::string::npos);
}

TEST(LinearMethods, equal_rows_within_classes_need_shrinkage) {
  std::vector<float> rows;
  std::vector<std::int32_t> labels;
  for (std::int32_t i = 0; i < 12; ++i) {
    labels.push_back(i % 3);
    rows.insert(rows.end(), {static_cast<float>(i % 3), static_cast<float>(i % 3 == 1), 2.0F});
  }
  ThreadPool pool(1);
  FitRequest request{.rows = {.values = rows, .row_count = 12, .dim = 3}, .labels = labels};
  const auto refused = fit_estimator("lda", request, {.pool = pool});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find("shrinkage"), std::string::npos);
  request.options = {{"shrinkage", 0.1}};
  const auto fitted = fit_estimator("lda", request, {.pool = pool});
  ASSERT_TRUE(fitted) << fitted.error().to_string();
  EXPECT_EQ(fitted->estimator->component_count(), 2U);
  EXPECT_TRUE(std::ranges::all_of(fitted->embedding, [](float v) { return std::isfinite(v); }));
}

}  // namespace
}  // namespace asterism
