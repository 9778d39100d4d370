#include "asterism/neighbors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace asterism {
namespace {

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  std::ranges::generate(values, [&] { return normal(random); });
  return values;
}

double cosine_in_double(std::span<const float> a, std::span<const float> b) {
  double dot = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

TEST(CosineSimilarity, equals_the_definition) {
  for (const std::size_t dim : {1U, 2U, 7U, 16U, 63U, 256U, 385U}) {
    const auto a = random_values(dim, 1);
    const auto b = random_values(dim, 2);
    EXPECT_NEAR(cosine_similarity(a, b), cosine_in_double(a, b), 2e-6);
  }
}

TEST(CosineSimilarity, zero_vector_and_parallel_vectors) {
  const std::vector<float> zero(8, 0.0F);
  const std::vector<float> a{1e-3F, 2e-3F, 3e-3F, 4e-3F, 5e-3F, 6e-3F, 7e-3F, 8e-3F};
  EXPECT_EQ(cosine_similarity(zero, a), 0.0F);
  EXPECT_LE(cosine_similarity(a, a), 1.0F);
  EXPECT_NEAR(cosine_similarity(a, a), 1.0F, 1e-6F);
}

TEST(NearestNeighbors, equals_a_full_sort) {
  const std::size_t rows = 3000;
  const std::size_t dim = 33;
  const auto values = random_values(rows * dim, 3);
  const auto query = random_values(dim, 4);
  const MatrixView view{.values = values, .row_count = rows, .dim = dim};
  auto found = nearest_neighbors(view, query, 25);
  ASSERT_TRUE(found);
  std::vector<std::size_t> order(rows);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t row) {
    return cosine_in_double(std::span(values).subspan(row * dim, dim), query);
  });
  ASSERT_EQ(found->size(), 25U);
  for (std::size_t i = 0; i < found->size(); ++i) {
    EXPECT_EQ((*found)[i].row, order[i]);
  }
}

TEST(NearestNeighbors, equal_scores_come_in_row_order_and_nan_never) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{1, 0, nan, 1, 1, 0, 0, 0, 1, 0};
  const std::vector<float> query{2, 0};
  auto found = nearest_neighbors({.values = values, .row_count = 5, .dim = 2}, query, 10);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 4U);
  EXPECT_EQ((*found)[0].row, 0U);
  EXPECT_EQ((*found)[1].row, 2U);
  EXPECT_EQ((*found)[2].row, 4U);
  EXPECT_EQ((*found)[3].row, 3U);
}

TEST(NearestNeighbors, lengths_that_disagree_are_an_error) {
  const std::vector<float> values(6, 1.0F);
  const std::vector<float> query(2, 1.0F);
  EXPECT_FALSE(nearest_neighbors({.values = values, .row_count = 2, .dim = 3}, query, 1));
  const std::vector<float> fitting(3, 1.0F);
  EXPECT_FALSE(nearest_neighbors({.values = values, .row_count = 3, .dim = 3}, fitting, 1));
  auto none = nearest_neighbors({.values = values, .row_count = 2, .dim = 3}, fitting, 0);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

}  // namespace
}  // namespace asterism
