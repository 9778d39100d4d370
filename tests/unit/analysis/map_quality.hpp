// How well a map keeps its rows together: what the tests of t-SNE and PaCMAP ask.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "analysis/rows_view.hpp"
#include "base/counter_random.hpp"

namespace asterism {

struct Blobs {
  std::vector<float> values;
  std::vector<std::size_t> blob;
  std::size_t row_count;
  std::size_t dim;
  RowsView view() const { return {.values = values, .row_count = row_count, .dim = dim}; }
};

// Rows of `blob_count` blobs of deviation 1 around centres some 10 apart.
inline Blobs make_blobs(std::size_t row_count, std::size_t dim, std::size_t blob_count, std::uint64_t seed = 1) {
  const CounterRandom random(seed);
  const CounterRandom centers(seed, 1);
  Blobs blobs{std::vector<float>(row_count * dim), std::vector<std::size_t>(row_count), row_count, dim};
  for (std::size_t row = 0; row < row_count; ++row) {
    blobs.blob[row] = row % blob_count;
    for (std::size_t d = 0; d < dim; ++d) {
      blobs.values[row * dim + d] =
          static_cast<float>(10.0 * centers.normal(blobs.blob[row] * dim + d) / 2.0 + random.normal(row * dim + d));
    }
  }
  return blobs;
}

inline double square_between(std::span<const float> values, std::size_t dim, std::size_t a, std::size_t b) {
  double sum = 0.0;
  for (std::size_t d = 0; d < dim; ++d) {
    const double difference = static_cast<double>(values[a * dim + d]) - static_cast<double>(values[b * dim + d]);
    sum += difference * difference;
  }
  return sum;
}

// Other rows by distance from `row`, nearest first.
inline std::vector<std::size_t> ranked(std::span<const float> values, std::size_t dim, std::size_t row) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t other = 0; other < values.size() / dim; ++other) {
    if (other != row) {
      order.emplace_back(square_between(values, dim, row, other), other);
    }
  }
  std::ranges::sort(order);
  std::vector<std::size_t> out;
  std::ranges::transform(order, std::back_inserter(out), [](const auto& entry) { return entry.second; });
  return out;
}

// Venna and Kaski 2001: 1 where every neighbour in the map is one of the rows'.
inline double trustworthiness(const RowsView& rows, std::span<const float> places, std::size_t k) {
  const std::size_t dim = places.size() / rows.row_count;
  double penalty = 0.0;
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    const auto by_rows = ranked(rows.values, rows.dim, row);
    const auto by_places = ranked(places, dim, row);
    for (std::size_t i = 0; i < k; ++i) {
      const auto rank = static_cast<std::size_t>(std::ranges::find(by_rows, by_places[i]) - by_rows.begin()) + 1;
      penalty += rank > k ? static_cast<double>(rank - k) : 0.0;
    }
  }
  const auto n = static_cast<double>(rows.row_count);
  const auto kd = static_cast<double>(k);
  return 1.0 - 2.0 * penalty / (n * kd * (2.0 * n - 3.0 * kd - 1.0));
}

// Share of rows whose nearest row in the map is of the same blob.
inline double blob_agreement(const Blobs& blobs, std::span<const float> places) {
  std::size_t agreed = 0;
  for (std::size_t row = 0; row < blobs.row_count; ++row) {
    agreed += blobs.blob[ranked(places, places.size() / blobs.row_count, row)[0]] == blobs.blob[row] ? 1U : 0U;
  }
  return static_cast<double>(agreed) / static_cast<double>(blobs.row_count);
}

}  // namespace asterism
