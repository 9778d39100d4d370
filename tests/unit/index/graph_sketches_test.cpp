#include "index/graph_sketches.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

#include "index/graph_index.hpp"
#include "support.hpp"

namespace asterism {
namespace {

constexpr std::size_t kDim = 96;

// Vectors of which few components are not zero and one is far larger than the others: signs say little of them as
// they are.
std::vector<float> uneven_vectors(std::size_t row_count, unsigned seed) {
  auto values = clustered_vectors(row_count, kDim, seed);
  for (std::size_t r = 0; r < row_count; ++r) {
    for (std::size_t i = 0; i < kDim; ++i) {
      values[r * kDim + i] *= i == 3 ? 20.0F : i % 7 == 0 ? 1.0F : 0.01F;
    }
  }
  return values;
}

std::vector<float> moved(std::vector<float> values, float offset) {
  std::ranges::transform(values, values.begin(), [offset](float value) { return value + offset; });
  return values;
}

struct Coded {
  GraphCodes codes;
  std::size_t count;
};

Coded encode(Metric metric, GraphCode code, std::span<const float> values) {
  float largest_square = 0.0F;
  const std::size_t count = values.size() / kDim;
  for (std::size_t r = 0; r < count; ++r) {
    const auto row = values.subspan(r * kDim, kDim);
    largest_square = std::max(largest_square, std::inner_product(row.begin(), row.end(), row.begin(), 0.0F));
  }
  CodeReference reference{
      .centre = metric == Metric::kEuclidean ? std::vector<float>(kDim, 0.1F) : std::vector<float>{},
      .largest_square = largest_square};
  Coded coded{GraphCodes(metric, kDim, code, std::move(reference)), count};
  EXPECT_TRUE(coded.codes.reserve(count));
  for (std::size_t r = 0; r < count; ++r) {
    coded.codes.encode_row(values.subspan(r * kDim, kDim), coded.codes.writable_row(r));
  }
  return coded;
}

struct Bounds {
  double broken_share = 0.0;  // of bounds above the distance
  double width = 0.0;         // of the distance over the bound, beside the spread of distances
};

Bounds measure(const Coded& coded, std::span<const float> queries) {
  const auto sketches = GraphSketches::make(coded.codes, coded.count);
  std::vector<std::uint32_t> rows(coded.count);
  std::iota(rows.begin(), rows.end(), 0U);
  std::vector<float> bounds(coded.count);
  std::vector<SketchQuery::Line> line(coded.codes.stride_bytes() / sizeof(SketchQuery::Line));
  auto* code = reinterpret_cast<std::byte*>(line.data());
  SketchQuery query;
  Bounds measured;
  double gaps = 0.0;
  double spread = 0.0;
  const std::size_t query_count = queries.size() / kDim;
  for (std::size_t q = 0; q < query_count; ++q) {
    coded.codes.encode_query(queries.subspan(q * kDim, kDim), code);
    sketches->prepare(coded.codes, code, query);
    sketches->lower_bounds(query, rows, bounds);
    double sum = 0.0;
    double square = 0.0;
    for (std::size_t r = 0; r < coded.count; ++r) {
      const double distance = static_cast<double>(coded.codes.distance(code, coded.codes.row(r)));
      measured.broken_share += static_cast<double>(bounds[r]) > distance ? 1.0 : 0.0;
      gaps += distance - static_cast<double>(bounds[r]);
      sum += distance;
      square += distance * distance;
    }
    const auto count = static_cast<double>(coded.count);
    spread += std::sqrt(square / count - sum / count * sum / count) * count;
  }
  measured.broken_share /= static_cast<double>(query_count * coded.count);
  measured.width = gaps / spread;
  return measured;
}

TEST(GraphSketches, bounds_hold_for_vectors_of_every_kind_metric_and_code) {
  const std::vector<std::pair<std::vector<float>, std::vector<float>>> kinds{
      {random_vectors(2000 * kDim, 1), random_vectors(40 * kDim, 2)},
      {clustered_vectors(2000, kDim, 1, 20.0F), clustered_vectors(40, kDim, 2)},
      {uneven_vectors(2000, 1), uneven_vectors(40, 2)},
      {moved(clustered_vectors(2000, kDim, 1), 10.0F), moved(clustered_vectors(40, kDim, 2), 10.0F)}};
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclidean}) {
    for (const GraphCode code : {GraphCode::kI8, GraphCode::kBF16}) {
      for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        const Bounds bounds = measure(encode(metric, code, kinds[kind].first), kinds[kind].second);
        // Of a normal distribution 0.0013 lie outside of three deviations on one side, and of rows without any order
        // that many do; those of a cluster err alike.
        EXPECT_LT(bounds.broken_share, kind == 0 ? 0.002 : 0.02)
            << metric_name(metric) << graph_code_name(code) << " kind " << kind;
        // A bound that says nothing would hold too.
        EXPECT_LT(bounds.width, 6.0) << metric_name(metric) << graph_code_name(code) << " kind " << kind;
      }
    }
  }
}

TEST(GraphSketches, rows_written_anew_or_added_are_as_if_made_with_the_others) {
  const auto values = clustered_vectors(300, kDim, 1);
  Coded coded = encode(Metric::kCosine, GraphCode::kI8, values);
  const auto whole = GraphSketches::make(coded.codes, 200);
  const auto grown = GraphSketches::make(coded.codes, 200);
  std::vector<std::uint32_t> rows(100);
  std::iota(rows.begin(), rows.end(), 200U);
  ASSERT_TRUE(grown->update(coded.codes, rows));
  EXPECT_GE(grown->row_count(), 300U);
  EXPECT_GT(grown->size_bytes(), whole->size_bytes());
  std::vector<SketchQuery::Line> line(coded.codes.stride_bytes() / sizeof(SketchQuery::Line));
  auto* code = reinterpret_cast<std::byte*>(line.data());
  coded.codes.encode_query(std::span(values).first(kDim), code);
  SketchQuery query;
  grown->prepare(coded.codes, code, query);
  std::vector<float> before(1);
  std::vector<float> after(1);
  const std::vector<std::uint32_t> first{0};
  const std::vector<std::uint32_t> other{250};
  // The query is row 0: where that row's code goes, its bound goes.
  grown->lower_bounds(query, first, before);
  coded.codes.encode_row(std::span(values).first(kDim), coded.codes.writable_row(250));
  ASSERT_TRUE(grown->update(coded.codes, other));
  grown->lower_bounds(query, other, after);
  EXPECT_EQ(before, after);
}

TEST(GraphSketches, values_that_are_not_finite_and_zeros_bound_nothing_away) {
  auto values = clustered_vectors(100, kDim, 1);
  std::ranges::fill(std::span(values).first(kDim), 0.0F);
  std::ranges::fill(std::span(values).subspan(kDim, kDim), 3e38F);
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclidean}) {
    const Coded coded = encode(metric, GraphCode::kI8, values);
    const auto sketches = GraphSketches::make(coded.codes, coded.count);
    std::vector<SketchQuery::Line> line(coded.codes.stride_bytes() / sizeof(SketchQuery::Line));
    auto* code = reinterpret_cast<std::byte*>(line.data());
    for (const std::size_t query_row : {0U, 1U, 2U}) {
      coded.codes.encode_query(std::span(values).subspan(query_row * kDim, kDim), code);
      SketchQuery query;
      sketches->prepare(coded.codes, code, query);
      const std::vector<std::uint32_t> rows{0, 1, 2};
      std::vector<float> bounds(3);
      sketches->lower_bounds(query, rows, bounds);
      for (std::size_t i = 0; i < 3; ++i) {
        const float distance = coded.codes.distance(code, coded.codes.row(i));
        // One of so few may lie a little outside of its deviations.
        const float tolerance = std::isfinite(distance) ? 0.1F * std::abs(distance) + 1e-4F : 0.0F;
        EXPECT_FALSE(bounds[i] > distance + tolerance) << metric_name(metric) << query_row << i;
      }
    }
  }
}

// Recall of searches by sketches, and the codes they compared as a share of the rows that pass.
struct Searched {
  double recall = 0.0;
  double compared_share = 0.0;
};

Searched search_all(const GraphIndex& index, const VectorRows& rows, std::span<const float> queries,
                    const AllowedPositions& allowed) {
  SearchCounters counters;
  Searched searched;
  const std::size_t query_count = queries.size() / rows.dim;
  std::size_t hit_count = 0;
  // The first of them make the sketches.
  for (int pass = 0; pass < 2; ++pass) {
    counters = {};
    hit_count = 0;
    for (std::size_t q = 0; q < query_count; ++q) {
      const auto query = queries.subspan(q * rows.dim, rows.dim);
      const auto exact = scan_nearest(rows, query, 10, {.metric = index.settings().metric, .allowed = allowed});
      const auto found = index.search_rescored(rows, query, {.k = 10, .allowed = allowed, .counters = &counters});
      EXPECT_TRUE(exact && found);
      for (const Hit& hit : *exact) {
        hit_count += std::ranges::find(*found, hit.position, &Hit::position) != found->end() ? 1U : 0U;
      }
    }
  }
  EXPECT_EQ(counters.plan.way, FilteredPlan::Way::kSketchScan);
  EXPECT_GT(counters.sketches_compared, 0U);
  searched.recall = static_cast<double>(hit_count) / static_cast<double>(10 * query_count);
  searched.compared_share =
      static_cast<double>(counters.distances_computed) / static_cast<double>(counters.sketches_compared);
  return searched;
}

TEST(GraphIndex, scans_by_sketches_find_the_nearest_of_vectors_of_every_kind) {
  const std::size_t row_count = 5000;
  std::vector<std::uint32_t> list;
  for (std::uint32_t r = 0; r < row_count; r += 2) {
    list.push_back(r);
  }
  const auto allowed = AllowedPositions::list(list);
  const std::vector<std::pair<std::vector<float>, std::vector<float>>> kinds{
      {clustered_vectors(row_count, kDim, 1), clustered_vectors(30, kDim, 2)},
      {clustered_vectors(row_count, kDim, 1, 20.0F), clustered_vectors(30, kDim, 2)},
      {uneven_vectors(row_count, 1), uneven_vectors(30, 2)},
      // One large part in common: signs of the vectors themselves would be the same for all.
      {moved(clustered_vectors(row_count, kDim, 1), 10.0F), moved(clustered_vectors(30, kDim, 2), 10.0F)}};
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    const VectorRows rows = float_rows(kinds[kind].first, kDim);
    for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kEuclidean}) {
      const GraphCode code = kind == 1 ? GraphCode::kBF16 : GraphCode::kI8;
      // Scans do not follow links: few are quicker to make.
      const auto index = GraphIndex::build(
          {.metric = metric, .dim = kDim, .code = code, .connectivity = 4, .expansion_add = 8}, rows, {}, {});
      ASSERT_TRUE(index);
      const Searched searched = search_all(*index, rows, kinds[kind].second, allowed);
      EXPECT_GE(searched.recall, 0.99) << "kind " << kind << " " << metric_name(metric);
      EXPECT_LT(searched.compared_share, 0.5) << "kind " << kind << " " << metric_name(metric);
    }
  }
}

TEST(GraphIndex, sketches_follow_rows_that_are_added_and_removed) {
  const std::size_t row_count = 5000;
  const auto values = clustered_vectors(row_count, kDim, 1);
  const auto queries = clustered_vectors(20, kDim, 2);
  const VectorRows rows = float_rows(values, kDim);
  std::vector<std::uint32_t> half;
  for (std::uint32_t r = 0; r < row_count; r += 2) {
    half.push_back(r);
  }
  const auto allowed = AllowedPositions::list(half);
  auto index = GraphIndex::build({.dim = kDim}, rows, {}, {});
  ASSERT_TRUE(index);
  const std::size_t memory_before = index->memory_size_bytes();
  EXPECT_GE(search_all(*index, rows, queries, allowed).recall, 0.99);
  EXPECT_GE(index->memory_size_bytes(), memory_before + row_count * 64);
  EXPECT_LE(index->memory_size_bytes(), memory_before + row_count * 64 * 2);
  for (int pass = 0; pass < 3; ++pass) {
    // Rows change places: a sketch of what was in a node before would be of another row.
    std::vector<std::uint32_t> positions;
    for (std::uint32_t r = 0; r < row_count; r += 3) {
      ASSERT_TRUE(*index->remove(r));
      positions.insert(positions.begin(), r);
    }
    ASSERT_TRUE(index->add(rows, positions, {}));
    EXPECT_GE(search_all(*index, rows, queries, allowed).recall, 0.99) << pass;
  }
}

TEST(GraphIndex, sketches_are_made_once_while_many_threads_search) {
  const std::size_t row_count = 5000;
  const auto values = clustered_vectors(row_count, kDim, 1);
  const VectorRows rows = float_rows(values, kDim);
  const std::vector<std::uint64_t> words(row_count / 64, 0x5555'5555'5555'5555U);
  const auto index = GraphIndex::build({.dim = kDim}, rows, {}, {});
  ASSERT_TRUE(index);
  const auto search = [&](std::size_t q, SearchCounters* counters) {
    return *index->search_rescored(rows, std::span(values).subspan(q * kDim, kDim),
                                   {.allowed = AllowedPositions::bitmap(words), .counters = counters});
  };
  std::vector<std::vector<Hit>> first(50);
  for (std::size_t q = 0; q < 4; ++q) {
    first[q] = search(q, nullptr);
  }
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t q = t; q < 50; q += 4) {
        first[q] = search(q, nullptr);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::size_t q = 0; q < 50; ++q) {
    SearchCounters counters;
    EXPECT_EQ(search(q, &counters), first[q]) << q;
    EXPECT_EQ(counters.plan.way, FilteredPlan::Way::kSketchScan);
  }
}

}  // namespace
}  // namespace asterism
