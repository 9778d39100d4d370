#include "analysis/spanning_tree.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "analysis/disjoint_sets.hpp"
#include "analysis/rows_check.hpp"
#include "base/thread_pool.hpp"
#include "kernels/kept_rows.hpp"

namespace asterism {
namespace {

// Values that one thread compares at a time.
constexpr std::size_t kValuesPerChunk = std::size_t{1} << 17;
// Steps between two looks at the cancel flag and two reports.
constexpr std::size_t kStepsPerReport = 256;
// Trees of a forest are joined over at most so many rows in all, as many of each tree.
constexpr std::size_t kJoinRowCountMax = 16'384;
// Ways between trees are shortened over all of their rows while that costs no more products, and in so many turns.
constexpr double kShortenProductsMax = 5e10;
constexpr std::size_t kShortenTurnsMax = 8;
// Rows that hang together by being neighbours of each other are a region from so many on: fewer are what lies between.
constexpr std::size_t kRegionRowCountMin = 5;
// Neighbours over which trees are joined first where there are too many of them.
constexpr std::size_t kJoinNeighborCount = 8;

// Prim's algorithm over rows that lie together: each step measures one row against those that are not in the tree yet.
// Rows of one group cost nothing to join.
class PrimTree {
 public:
  PrimTree(const RowsView& rows, std::span<const double> core_distances, std::span<const std::uint32_t> groups,
           const AnalysisRun& run)
      : dim_(rows.dim),
        run_(run),
        values_(rows.values.begin(), rows.values.begin() + static_cast<std::ptrdiff_t>(rows.row_count * rows.dim)),
        left_(rows.row_count) {
    for (std::size_t r = 0; r < rows.row_count; ++r) {
      left_[r] = {.row = static_cast<std::uint32_t>(r),
                  .group = groups.empty() ? static_cast<std::uint32_t>(r) : groups[r],
                  .core_distance = core_distances[r]};
    }
  }

  Result<std::vector<TreeEdge>> grow() {
    const std::size_t row_count = left_.size();
    std::vector<TreeEdge> edges;
    edges.reserve(row_count - 1);
    std::size_t at = 0;
    for (std::size_t step = 0; left_.size() > 1; ++step) {
      if (step % kStepsPerReport == 0) {
        if (auto going = expect_not_cancelled(run_, "hdbscan"); !going) {
          return std::unexpected(std::move(going.error()));
        }
        if (run_.progress) {
          run_.progress("spanning tree", step, row_count);
        }
      }
      const Left added = take(at);
      at = measure(added);
      edges.push_back({.a = left_[at].from, .b = left_[at].row, .length = left_[at].length});
    }
    return edges;
  }

 private:
  // A row that is not in the tree yet, and the shortest edge to one that is.
  struct Left {
    std::uint32_t row = 0;
    std::uint32_t group = 0;
    double core_distance = 0.0;
    double length = std::numeric_limits<double>::infinity();
    std::uint32_t from = 0;
  };

  // Takes a row out; the last one fills the gap.
  Left take(std::size_t at) {
    const Left taken = left_[at];
    query_.assign(values_.begin() + static_cast<std::ptrdiff_t>(at * dim_),
                  values_.begin() + static_cast<std::ptrdiff_t>((at + 1) * dim_));
    left_[at] = left_.back();
    left_.pop_back();
    std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(left_.size() * dim_), dim_,
                values_.begin() + static_cast<std::ptrdiff_t>(at * dim_));
    return taken;
  }

  // Where the row with the shortest edge lies, now that `added` is in the tree.
  std::size_t measure(const Left& added) {
    const std::size_t chunk = std::max<std::size_t>(kValuesPerChunk / dim_, 1);
    const std::size_t chunk_count = (left_.size() + chunk - 1) / chunk;
    nearest_.resize(chunk_count);
    distances_.resize(left_.size());
    run_.pool.parallel_for(chunk_count, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t c = begin; c < end; ++c) {
        nearest_[c] = measure_chunk(added, c * chunk, std::min((c + 1) * chunk, left_.size()));
      }
    });
    return *std::ranges::min_element(nearest_, {}, [&](std::size_t i) { return order_of(i); });
  }

  std::size_t measure_chunk(const Left& added, std::size_t begin, std::size_t end) {
    const KeptRows kept{.data = std::as_bytes(std::span(values_).subspan(begin * dim_)).data(),
                        .stride_bytes = dim_ * sizeof(float),
                        .dim = dim_,
                        .type = VectorType::kF32};
    const auto squares = std::span(distances_).subspan(begin, end - begin);
    kept_squared_distances(kept, query_, squares);
    std::size_t nearest = begin;
    for (std::size_t i = begin; i < end; ++i) {
      Left& row = left_[i];
      double length = 0.0;
      if (row.group != added.group) {
        length = std::max({std::sqrt(static_cast<double>(distances_[i])), row.core_distance, added.core_distance});
      }
      if (length < row.length) {
        row.length = length;
        row.from = added.row;
      }
      if (order_of(i) < order_of(nearest)) {
        nearest = i;
      }
    }
    return nearest;
  }

  std::pair<double, std::uint32_t> order_of(std::size_t at) const noexcept { return {left_[at].length, left_[at].row}; }

  const std::size_t dim_;
  const AnalysisRun& run_;
  std::vector<float> values_;  // of the rows left, in the order of left_
  std::vector<Left> left_;
  std::vector<float> query_;
  std::vector<float> distances_;
  std::vector<std::size_t> nearest_;  // of each chunk
};

void sort_edges(std::vector<TreeEdge>& edges) {
  std::ranges::sort(edges, {}, [](const TreeEdge& edge) { return std::tuple(edge.length, edge.a, edge.b); });
}

// Mutual reachability between the neighbours of a graph, shortest first. `names` [graph rows]: the rows they stand for.
std::vector<TreeEdge> edges_of(const NeighborGraph& graph, std::span<const double> core_distances,
                               std::span<const std::uint32_t> names) {
  std::vector<TreeEdge> edges;
  edges.reserve(graph.neighbors.size());
  for (std::size_t r = 0; r < graph.row_count; ++r) {
    for (std::size_t i = r * graph.neighbor_count; i < (r + 1) * graph.neighbor_count; ++i) {
      const std::uint32_t a = names[r];
      const std::uint32_t b = names[graph.neighbors[i]];
      const double length = std::max({static_cast<double>(graph.distances[i]), core_distances[a], core_distances[b]});
      edges.push_back({.a = std::min(a, b), .b = std::max(a, b), .length = length});
    }
  }
  sort_edges(edges);
  return edges;
}

// Of sorted edges of a graph those that both ends have: they are there twice.
std::vector<TreeEdge> mutual_edges(std::span<const TreeEdge> sorted) {
  std::vector<TreeEdge> mutual;
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i - 1].a == sorted[i].a && sorted[i - 1].b == sorted[i].b) {
      mutual.push_back(sorted[i]);
    }
  }
  return mutual;
}

void add_shortest(std::span<const TreeEdge> sorted, DisjointSets& sets, std::vector<TreeEdge>& tree) {
  for (const TreeEdge& edge : sorted) {
    if (sets.unite(edge.a, edge.b)) {
      tree.push_back(edge);
    }
  }
}

// Some rows of every tree of a forest, evenly chosen.
struct TreeRows {
  std::vector<std::vector<std::uint32_t>> members;  // of each tree all of its rows
  std::vector<std::uint32_t> rows;
  std::vector<std::uint32_t> trees;  // of each
  std::vector<float> values;
  std::vector<double> core_distances;
};

// Of trees of so many rows or more.
TreeRows rows_of_trees(const RowsView& rows, std::span<const double> core_distances, DisjointSets& sets,
                       std::size_t tree_row_count_min) {
  std::vector<std::vector<std::uint32_t>> members(rows.row_count);
  for (std::uint32_t r = 0; r < rows.row_count; ++r) {
    members[sets.find(r)].push_back(r);
  }
  const auto is_taken = [&](const auto& of_tree) { return !of_tree.empty() && of_tree.size() >= tree_row_count_min; };
  const auto tree_count = static_cast<std::size_t>(std::ranges::count_if(members, is_taken));
  const std::size_t per_tree = std::max<std::size_t>(1, kJoinRowCountMax / std::max<std::size_t>(1, tree_count));
  TreeRows out;
  for (std::uint32_t tree = 0; tree < rows.row_count; ++tree) {
    const auto& of_tree = members[tree];
    const std::size_t count = is_taken(of_tree) ? std::min(per_tree, of_tree.size()) : 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t row = of_tree[i * of_tree.size() / count];
      out.rows.push_back(row);
      out.trees.push_back(tree);
      out.core_distances.push_back(core_distances[row]);
      const auto values = rows.row(row);
      out.values.insert(out.values.end(), values.begin(), values.end());
    }
  }
  out.members = std::move(members);
  return out;
}

// From `from` to the nearest of `among` under mutual reachability, of equal ones the first.
TreeEdge nearest_way(const RowsView& rows, std::span<const double> core_distances, std::uint32_t from,
                     std::span<const std::uint32_t> among) {
  TreeEdge nearest{.a = from, .b = from, .length = std::numeric_limits<double>::infinity()};
  const auto origin = rows.row(from);
  for (const std::uint32_t other : among) {
    const auto values = rows.row(other);
    double square = 0.0;
    for (std::size_t d = 0; d < rows.dim; ++d) {
      const double apart = static_cast<double>(origin[d]) - static_cast<double>(values[d]);
      square += apart * apart;
    }
    const double length = std::max({std::sqrt(square), core_distances[from], core_distances[other]});
    if (length < nearest.length) {
      nearest = {.a = from, .b = other, .length = length};
    }
  }
  return nearest;
}

// Each way's ends go to the nearest row of the other's tree in turn, as long as that shortens it.
void shorten(std::vector<TreeEdge>& ways, const RowsView& rows, std::span<const double> core_distances,
             const TreeRows& some, const AnalysisRun& run) {
  std::vector<std::uint32_t> tree_of(rows.row_count);
  for (std::uint32_t tree = 0; tree < some.members.size(); ++tree) {
    for (const std::uint32_t row : some.members[tree]) {
      tree_of[row] = tree;
    }
  }
  double products = 0.0;
  for (const TreeEdge& way : ways) {
    products += static_cast<double>((some.members[tree_of[way.a]].size() + some.members[tree_of[way.b]].size()) *
                                    rows.dim * kShortenTurnsMax / 4);
  }
  if (products > kShortenProductsMax) {
    return;
  }
  run.pool.parallel_for(ways.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t w = begin; w < end; ++w) {
      for (std::size_t turn = 0; turn < kShortenTurnsMax; ++turn) {
        const TreeEdge way = ways[w];
        const TreeEdge found = nearest_way(rows, core_distances, way.b, some.members[tree_of[way.a]]);
        if (turn > 0 && found.length >= way.length) {
          break;
        }
        ways[w] = found.length < way.length ? found : TreeEdge{.a = way.b, .b = way.a, .length = way.length};
      }
    }
  });
}

// The shortest ways between trees over some rows of each, at most kJoinRowCountMax of them; edges within a tree are
// none.
Result<std::vector<TreeEdge>> ways_between(const TreeRows& some, const RowsView& rows,
                                           std::span<const double> core_distances, const AnalysisRun& run) {
  if (some.rows.empty()) {
    return std::vector<TreeEdge>{};
  }
  const RowsView view{.values = some.values, .row_count = some.rows.size(), .dim = rows.dim};
  auto found = PrimTree(view, some.core_distances, some.trees, run).grow();
  if (!found) {
    return found;
  }
  std::vector<TreeEdge> ways;
  for (const TreeEdge& edge : *found) {
    if (some.trees[edge.a] != some.trees[edge.b]) {
      ways.push_back({.a = some.rows[edge.a], .b = some.rows[edge.b], .length = edge.length});
    }
  }
  shorten(ways, rows, core_distances, some, run);
  return ways;
}

}  // namespace

Result<std::vector<TreeEdge>> spanning_tree(const RowsView& rows, std::span<const double> core_distances,
                                            const AnalysisRun& run) {
  return rows.row_count == 0 ? std::vector<TreeEdge>{} : PrimTree(rows, core_distances, {}, run).grow();
}

Result<std::vector<TreeEdge>> spanning_tree_of_graph(const RowsView& rows, std::span<const double> core_distances,
                                                     const NeighborGraph& graph, const AnalysisRun& run) {
  std::vector<std::uint32_t> names(rows.row_count);
  std::iota(names.begin(), names.end(), std::uint32_t{0});
  std::vector<TreeEdge> edges = edges_of(graph, core_distances, names);
  {
    DisjointSets regions(rows.row_count);
    std::vector<TreeEdge> within;
    add_shortest(mutual_edges(edges), regions, within);
    const TreeRows some = rows_of_trees(rows, core_distances, regions, kRegionRowCountMin);
    const auto ways = some.rows.size() <= kJoinRowCountMax ? ways_between(some, rows, core_distances, run)
                                                           : Result<std::vector<TreeEdge>>(std::vector<TreeEdge>{});
    if (!ways) {
      return ways;
    }
    edges.insert(edges.end(), ways->begin(), ways->end());
    sort_edges(edges);
  }
  std::vector<TreeEdge> tree;
  DisjointSets sets(rows.row_count);
  add_shortest(edges, sets, tree);
  while (sets.set_count() > 1) {
    const TreeRows some = rows_of_trees(rows, core_distances, sets, 1);
    if (some.rows.size() > kJoinRowCountMax) {
      // One row of each tree: at least every second tree finds another.
      const RowsView view{.values = some.values, .row_count = some.rows.size(), .dim = rows.dim};
      const auto joined = neighbor_graph(view, {.neighbor_count = kJoinNeighborCount}, run);
      if (!joined) {
        return std::unexpected(joined.error());
      }
      add_shortest(edges_of(*joined, core_distances, some.rows), sets, tree);
      continue;
    }
    auto ways = ways_between(some, rows, core_distances, run);
    if (!ways) {
      return ways;
    }
    sort_edges(*ways);
    add_shortest(*ways, sets, tree);
  }
  return tree;
}

}  // namespace asterism
