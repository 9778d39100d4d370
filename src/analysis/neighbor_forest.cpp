#include "analysis/neighbor_forest.hpp"

#include <algorithm>
#include <numeric>

#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"
#include "kernels/distance.hpp"

namespace asterism {
namespace {

constexpr std::uint64_t kForestSeed = 0x6e65696768626f72ULL;  // the graph is no random quantity: one seed for all
constexpr std::size_t kMeansDraws = 96;
constexpr std::size_t kRowsPerChunk = 1024;
// A plane with less than this share of the rows on one side is replaced by the median along it.
constexpr std::size_t kSideShareMin = 16;

struct Node {
  std::uint32_t begin;
  std::uint32_t end;

  std::size_t size() const noexcept { return end - begin; }
};

struct Plane {
  std::vector<float> normal;  // [dim]
  float offset = 0.0F;
};

// The mean of a growing set.
struct RunningMean {
  std::vector<float> values;
  float count = 1.0F;

  void add(std::span<const float> row) {
    count += 1.0F;
    const float share = 1.0F / count;
    for (std::size_t d = 0; d < row.size(); ++d) {
      values[d] += share * (row[d] - values[d]);
    }
  }
};

float squared_distance_key(const RunningMean& mean, std::span<const float> row) {
  return dot_product(mean.values, mean.values) - 2.0F * dot_product(mean.values, row);
}

Plane plane_between(const NeighborSpace& space, std::span<const std::uint32_t> members, const CounterRandom& random) {
  const auto size = static_cast<std::uint32_t>(members.size());
  const auto drawn = [&](std::uint64_t counter) { return space.row(members[random.below(counter, size)]); };
  const std::uint32_t first = random.below(0, size);
  const std::uint32_t second = (first + 1 + random.below(1, size - 1)) % size;
  RunningMean a{{space.row(members[first]).begin(), space.row(members[first]).end()}};
  RunningMean b{{space.row(members[second]).begin(), space.row(members[second]).end()}};
  for (std::uint64_t draw = 0; draw < kMeansDraws; ++draw) {
    const auto row = drawn(2 + draw);
    // The smaller side is favoured, so that sides stay comparable.
    (a.count * squared_distance_key(a, row) < b.count * squared_distance_key(b, row) ? a : b).add(row);
  }
  Plane plane;
  plane.normal.resize(space.dim());
  for (std::size_t d = 0; d < space.dim(); ++d) {
    plane.normal[d] = a.values[d] - b.values[d];
    plane.offset -= plane.normal[d] * 0.5F * (a.values[d] + b.values[d]);
  }
  return plane;
}

// Orders the node's rows so that those of one side come first; where they end. Stable.
std::uint32_t part_node(const Node& node, std::span<std::uint32_t> order, std::span<const float> margins) {
  const auto members = order.subspan(node.begin, node.size());
  const auto on_first_side = [&](std::uint32_t row) { return margins[row] > 0.0F; };
  const auto count = static_cast<std::size_t>(std::ranges::count_if(members, on_first_side));
  const std::size_t smallest = std::max<std::size_t>(1, node.size() / kSideShareMin);
  if (count >= smallest && node.size() - count >= smallest) {
    std::ranges::stable_partition(members, on_first_side);
    return node.begin + static_cast<std::uint32_t>(count);
  }
  // Equal margins (copies of a row) keep their order and are cut all the same.
  std::ranges::stable_sort(members, [&](std::uint32_t x, std::uint32_t y) { return margins[x] > margins[y]; });
  return node.begin + static_cast<std::uint32_t>(node.size() / 2);
}

// How far each row of the open nodes is in front of its node's plane.
void measure_margins(const NeighborSpace& space, std::span<const Node> nodes, std::span<const Plane> planes,
                     std::span<const std::uint32_t> order, std::span<float> margins, ThreadPool& pool) {
  struct Piece {
    std::size_t node;
    std::uint32_t begin;
    std::uint32_t end;
  };
  std::vector<Piece> pieces;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    for (std::uint32_t begin = nodes[n].begin; begin < nodes[n].end; begin += kRowsPerChunk) {
      pieces.push_back({n, begin, std::min<std::uint32_t>(nodes[n].end, begin + kRowsPerChunk)});
    }
  }
  pool.parallel_for(pieces.size(), 1, [&](std::size_t from, std::size_t to) {
    for (std::size_t p = from; p < to; ++p) {
      const Plane& plane = planes[pieces[p].node];
      for (std::uint32_t at = pieces[p].begin; at < pieces[p].end; ++at) {
        margins[order[at]] = dot_product(plane.normal, space.row(order[at])) + plane.offset;
      }
    }
  });
}

}  // namespace

NeighborTree neighbor_tree(const NeighborSpace& space, std::size_t leaf_size_max, std::uint64_t tree,
                           ThreadPool& pool) {
  NeighborTree result;
  result.order.resize(space.row_count());
  std::iota(result.order.begin(), result.order.end(), 0U);
  std::vector<Node> open{{0, static_cast<std::uint32_t>(space.row_count())}};
  std::vector<Node> leaves;
  std::vector<float> margins(space.row_count());
  for (std::uint64_t level = 0; !open.empty(); ++level) {
    std::erase_if(open, [&](const Node& node) {
      const bool is_leaf = node.size() <= leaf_size_max;
      if (is_leaf) {
        leaves.push_back(node);
      }
      return is_leaf;
    });
    std::vector<Plane> planes(open.size());
    pool.parallel_for(open.size(), 1, [&](std::size_t from, std::size_t to) {
      for (std::size_t n = from; n < to; ++n) {
        // A node is known by its tree, its level and where it begins.
        const CounterRandom random(kForestSeed + (tree << 40U) + (level << 32U), open[n].begin);
        planes[n] = plane_between(space, std::span(result.order).subspan(open[n].begin, open[n].size()), random);
      }
    });
    measure_margins(space, open, planes, result.order, margins, pool);
    std::vector<Node> next(open.size() * 2);
    pool.parallel_for(open.size(), 1, [&](std::size_t from, std::size_t to) {
      for (std::size_t n = from; n < to; ++n) {
        const std::uint32_t middle = part_node(open[n], result.order, margins);
        next[2 * n] = {open[n].begin, middle};
        next[2 * n + 1] = {middle, open[n].end};
      }
    });
    open = std::move(next);
  }
  std::ranges::sort(leaves, {}, &Node::begin);
  for (const Node& leaf : leaves) {
    result.leaf_begin.push_back(leaf.begin);
  }
  result.leaf_begin.push_back(static_cast<std::uint32_t>(space.row_count()));
  return result;
}

}  // namespace asterism
