#include "analysis/neighbor_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <utility>

#include "analysis/neighbor_descent.hpp"
#include "analysis/neighbor_forest.hpp"
#include "analysis/neighbor_keys.hpp"
#include "analysis/neighbor_lists.hpp"
#include "analysis/neighbor_pass.hpp"
#include "analysis/neighbor_scan.hpp"
#include "analysis/neighbor_space.hpp"
#include "base/thread_pool.hpp"
#include "kernels/kept_rows.hpp"

namespace asterism {
namespace {

// Up to so many products of values all pairs are compared: about a second of one core.
constexpr double kExactProductsMax = 2e11;
constexpr std::size_t kTreeCount = 6;
constexpr std::size_t kLeafSize = 320;
// Of a row's nearest a third is followed, and so many at the least: 90 neighbours of 30,000 x 384 took 5 s of processor
// and were 97 % of the true ones; following all 90 took 23 s.
constexpr std::size_t kFanOutMin = 16;
constexpr std::size_t kRowsPerChunk = 64;

// Kept beyond those asked for: products may put near-equal distances in the wrong order.
std::size_t list_width(std::size_t neighbor_count, std::size_t row_count) {
  return std::min(row_count, neighbor_count + std::max<std::size_t>(8, neighbor_count / 4));
}

struct Neighbor {
  float distance;
  std::uint32_t row;

  auto operator<=>(const Neighbor&) const = default;
};

// Measures what a list holds; nearest first.
std::vector<Neighbor> measured(const NeighborSpace& queries, std::size_t query, const NeighborSpace& rows,
                               std::span<const std::uint32_t> ids) {
  std::vector<Neighbor> found;
  for (const std::uint32_t id : ids) {
    if (id != NeighborLists::kNone) {
      found.push_back({exact_distance(queries, query, rows, id), id});
    }
  }
  std::ranges::sort(found);
  return found;
}

// Whether a row that is not in the list could be nearer than the k-th of `found`, were the products at their worst.
bool may_miss(const NeighborSpace& queries, std::size_t query, const NeighborSpace& rows, const NeighborLists& lists,
              const std::vector<Neighbor>& found, std::size_t k) {
  if (found.size() < lists.width()) {
    return false;  // the list holds all rows there are
  }
  const double square = static_cast<double>(queries.squares[query]);
  const double distance = static_cast<double>(found[k - 1].distance);
  const double reached = rows.metric == Metric::kCosine ? 2.0 * distance : distance * distance;
  // A row as near as that is at most so long itself.
  const double length = std::sqrt(square) + std::sqrt(reached);
  const double worst = static_cast<double>(lists.worst(query)) + square;
  return worst - key_error(rows.dim(), square + length * length) <= reached;
}

// Every row measured: the last resort for one row.
std::vector<Neighbor> measured_all(const NeighborSpace& queries, std::size_t query, const NeighborSpace& rows,
                                   bool skips_itself) {
  std::vector<Neighbor> found;
  for (std::size_t row = 0; row < rows.row_count(); ++row) {
    if (!skips_itself || row != query) {
      found.push_back({exact_distance(queries, query, rows, row), static_cast<std::uint32_t>(row)});
    }
  }
  return found;
}

// From lists by keys to a graph by distances. `is_complete`: the lists saw all rows, and the result shall be exact.
NeighborGraph finished(const NeighborSpace& queries, const NeighborSpace& rows, const NeighborLists& lists,
                       std::size_t k, bool skips_itself, bool is_complete, ThreadPool& pool) {
  NeighborGraph graph{queries.row_count(), k, {}, {}};
  graph.neighbors.resize(queries.row_count() * k);
  graph.distances.resize(queries.row_count() * k);
  pool.parallel_for(queries.row_count(), kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t q = begin; q < end; ++q) {
      auto found = measured(queries, q, rows, lists.ids(q));
      if (is_complete ? may_miss(queries, q, rows, lists, found, k) : found.size() < k) {
        found = measured_all(queries, q, rows, skips_itself);
        std::ranges::partial_sort(found, found.begin() + static_cast<std::ptrdiff_t>(k));
      }
      for (std::size_t i = 0; i < k; ++i) {
        graph.neighbors[q * k + i] = found[i].row;
        graph.distances[q * k + i] = found[i].distance;
      }
    }
  });
  return graph;
}

// The rows in the order of a tree: near rows lie near each other in memory, which is most of the speed of what follows.
NeighborSpace reordered(const NeighborSpace& space, std::span<const std::uint32_t> order, ThreadPool& pool) {
  NeighborSpace result;
  result.metric = space.metric;
  result.values.resize(space.values.size());
  result.squares.resize(space.squares.size());
  result.exact = {.values = result.values, .row_count = space.row_count(), .dim = space.dim()};
  pool.parallel_for(order.size(), kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t at = begin; at < end; ++at) {
      std::ranges::copy(space.row(order[at]), result.values.begin() + static_cast<std::ptrdiff_t>(at * space.dim()));
      result.squares[at] = space.squares[order[at]];
    }
  });
  return result;
}

void join_leaves(const NeighborSpace& space, const NeighborTree& tree, NeighborLists& lists, ThreadPool& pool) {
  pool.parallel_for(tree.leaf_count(), 4, [&](std::size_t begin, std::size_t end) {
    MemberScan scan;
    for (std::size_t leaf = begin; leaf < end; ++leaf) {
      scan(space, tree.leaf(leaf), lists);
    }
  });
}

// Lists in the numbers of `space`, of rows that stand in `order`.
NeighborLists renumbered(const NeighborLists& lists, std::span<const std::uint32_t> order) {
  NeighborLists result(lists.row_count(), lists.width());
  for (std::size_t at = 0; at < order.size(); ++at) {
    for (std::size_t i = 0; i < lists.width() && lists.ids(at)[i] != NeighborLists::kNone; ++i) {
      result.offer(order[at], lists.keys(at)[i], order[lists.ids(at)[i]]);
    }
  }
  return result;
}

Result<NeighborLists> approximate_lists(const NeighborSpace& space, std::size_t width, std::size_t neighbor_count,
                                        const AnalysisRun& run) {
  const std::size_t leaf_size = std::max(kLeafSize, 2 * width);
  const auto order = neighbor_tree(space, leaf_size, 0, run.pool).order;
  const NeighborSpace near_in_memory = reordered(space, order, run.pool);
  NeighborLists lists(space.row_count(), width);
  for (std::size_t t = 0; t < kTreeCount; ++t) {
    if (run.is_cancelled()) {
      return fail(ErrorCode::kCancelled, "neighbours: stopped");
    }
    join_leaves(near_in_memory, neighbor_tree(near_in_memory, leaf_size, t + 1, run.pool), lists, run.pool);
    if (run.progress) {
      run.progress("neighbors", (t + 1) * space.row_count() / (kTreeCount + 2), space.row_count());
    }
  }
  auto better =
      descend_neighbors(near_in_memory, std::move(lists), {.fan_out = std::max(kFanOutMin, neighbor_count / 3)}, run);
  if (!better) {
    return better;
  }
  if (run.progress) {
    run.progress("neighbors", space.row_count(), space.row_count());
  }
  return renumbered(*better, order);
}

Result<void> check_count(std::size_t neighbor_count, std::size_t row_count, bool skips_itself) {
  const std::size_t there = row_count - (skips_itself && row_count > 0 ? 1 : 0);
  if (neighbor_count == 0 || neighbor_count > there) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("neighbours: expected 1 to {} of {} rows, found {}", there, row_count, neighbor_count),
                "ask for fewer neighbours or give more rows");
  }
  return {};
}

Result<NeighborGraph> neighbors_of_few(const RowsView& queries, const RowsView& rows,
                                       const NeighborGraphOptions& options, const AnalysisRun& run) {
  const auto asked = neighbor_space(queries, options.metric, run.pool);
  if (!asked) {
    return std::unexpected(asked.error());
  }
  NeighborLists lists(queries.row_count, options.neighbor_count);
  if (auto passed = pass_over_rows(*asked, rows, lists, run); !passed) {
    return std::unexpected(passed.error());
  }
  NeighborGraph graph{queries.row_count, options.neighbor_count, {}, {}};
  for (std::size_t q = 0; q < queries.row_count; ++q) {
    graph.neighbors.insert(graph.neighbors.end(), lists.ids(q).begin(), lists.ids(q).end());
    graph.distances.insert(graph.distances.end(), lists.keys(q).begin(), lists.keys(q).end());
  }
  return graph;
}

bool is_exact(const NeighborGraphOptions& options, const NeighborSpace& space) {
  const double rows = static_cast<double>(space.row_count());
  return options.search == NeighborGraphOptions::Search::kExact ||
         (options.search == NeighborGraphOptions::Search::kAuto &&
          rows * rows * static_cast<double>(space.dim()) <= kExactProductsMax) ||
         space.row_count() <= kLeafSize;
}

}  // namespace

Result<NeighborGraph> neighbor_graph(const RowsView& rows, const NeighborGraphOptions& options,
                                     const AnalysisRun& run) {
  if (auto checked = check_count(options.neighbor_count, rows.row_count, true); !checked) {
    return std::unexpected(checked.error());
  }
  const auto space = neighbor_space(rows, options.metric, run.pool);
  if (!space) {
    return std::unexpected(space.error());
  }
  const std::size_t width = list_width(options.neighbor_count, rows.row_count);
  const bool exact = is_exact(options, *space);
  NeighborLists lists(0, 1);
  if (exact) {
    lists = NeighborLists(rows.row_count, width);
    if (auto scanned = scan_neighbors(*space, *space, true, lists, run); !scanned) {
      return std::unexpected(scanned.error());
    }
  } else {
    auto found = approximate_lists(*space, width, options.neighbor_count, run);
    if (!found) {
      return std::unexpected(found.error());
    }
    lists = std::move(*found);
  }
  return finished(*space, *space, lists, options.neighbor_count, true, exact, run.pool);
}

Result<NeighborGraph> neighbors_among(const RowsView& queries, const RowsView& rows,
                                      const NeighborGraphOptions& options, const AnalysisRun& run) {
  if (auto checked = check_count(options.neighbor_count, rows.row_count, false); !checked) {
    return std::unexpected(checked.error());
  }
  if (queries.dim != rows.dim) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("neighbours: expected rows of {} values, found {}", rows.dim, queries.dim));
  }
  if (queries.row_count <= kPassQueriesMax) {
    return neighbors_of_few(queries, rows, options, run);
  }
  const auto space = neighbor_space(rows, options.metric, run.pool);
  if (!space) {
    return std::unexpected(space.error());
  }
  const auto asked = neighbor_queries(queries, *space, run.pool);
  if (!asked) {
    return std::unexpected(asked.error());
  }
  NeighborLists lists(queries.row_count, list_width(options.neighbor_count, rows.row_count));
  if (auto scanned = scan_neighbors(*asked, *space, false, lists, run); !scanned) {
    return std::unexpected(scanned.error());
  }
  return finished(*asked, *space, lists, options.neighbor_count, false, true, run.pool);
}

}  // namespace asterism
