#include "analysis/pacmap_pairs.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "analysis/mentions.hpp"
#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRowsPerTask = 256;
constexpr std::size_t kDrawn = 6;
constexpr std::uint64_t kMidStream = 0x6d6964ULL;  // "mid"
constexpr std::uint64_t kFarStream = 0x666172ULL;  // "far"
constexpr float kWidthMin = 1e-10F;

// Rows drawn for one row, one after the other; each draw of each row has its own address.
class RowDraw {
 public:
  RowDraw(const CounterRandom& random, std::size_t row, std::size_t row_count)
      : random_(random), counter_(static_cast<std::uint64_t>(row) << 24U), row_(row), row_count_(row_count) {}

  // A row that is neither this one nor in `taken` or `also_taken`; there must be one.
  std::uint32_t next(std::span<const std::uint32_t> taken, std::span<const std::uint32_t> also_taken) {
    for (;;) {
      const std::uint32_t drawn = random_.below(counter_++, static_cast<std::uint32_t>(row_count_));
      if (drawn != row_ && std::ranges::find(taken, drawn) == taken.end() &&
          std::ranges::find(also_taken, drawn) == also_taken.end()) {
        return drawn;
      }
    }
  }

 private:
  const CounterRandom& random_;
  std::uint64_t counter_;
  std::size_t row_;
  std::size_t row_count_;
};

float square_between(std::span<const float> a, std::span<const float> b) {
  return std::transform_reduce(a.begin(), a.end(), b.begin(), 0.0F, std::plus<>(),
                               [](float x, float y) { return (x - y) * (x - y); });
}

// Mean distance from the fourth to the sixth neighbour, or of the last ones where there are fewer.
std::vector<float> widths_of(const NeighborGraph& graph) {
  const std::size_t k = graph.neighbor_count;
  const std::size_t end = std::min<std::size_t>(6, k);
  const std::size_t begin = std::min<std::size_t>(3, end - 1);
  std::vector<float> widths(graph.row_count);
  for (std::size_t row = 0; row < graph.row_count; ++row) {
    const float* distances = graph.distances.data() + row * k;
    widths[row] = std::max(std::accumulate(distances + begin, distances + end, 0.0F) / static_cast<float>(end - begin),
                           kWidthMin);
  }
  return widths;
}

}  // namespace

PairCounts pair_counts(std::size_t near, double mid_ratio, double far_ratio, std::size_t row_count) noexcept {
  const auto times = [](std::size_t count, double ratio) {
    return static_cast<std::size_t>(std::llround(static_cast<double>(count) * ratio));
  };
  const std::size_t others = row_count - 1;
  PairCounts counts{.near = std::min(near, others), .mid = times(near, mid_ratio), .far = times(near, far_ratio)};
  if (counts.near + counts.mid + counts.far >= row_count) {
    const double share = static_cast<double>(row_count) / (1.0 + mid_ratio + far_ratio);
    counts.near = std::clamp<std::size_t>(static_cast<std::size_t>(share), 1, others);
    counts.mid = static_cast<std::size_t>(static_cast<double>(counts.near) * mid_ratio);
    counts.far = static_cast<std::size_t>(static_cast<double>(counts.near) * far_ratio);
  }
  // A mid-near pair is the second of rows that are not this one and not taken yet; a further one is not near.
  counts.mid = std::min(counts.mid, others < 2 ? 0 : others - 1);
  counts.far = std::min(counts.far, others - counts.near);
  return counts;
}

std::vector<std::uint32_t> near_pairs(const NeighborGraph& graph, std::size_t count, ThreadPool& pool) {
  const std::size_t k = graph.neighbor_count;
  const std::vector<float> widths = widths_of(graph);
  std::vector<std::uint32_t> pairs(graph.row_count * count);
  pool.parallel_for(graph.row_count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    std::vector<std::pair<float, std::size_t>> order(k);
    for (std::size_t row = begin; row < end; ++row) {
      for (std::size_t i = 0; i < k; ++i) {
        const float distance = graph.distances[row * k + i];
        order[i] = {distance * distance / widths[row] / widths[graph.neighbors[row * k + i]], i};
      }
      std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count));
      for (std::size_t i = 0; i < count; ++i) {
        pairs[row * count + i] = graph.neighbors[row * k + order[i].second];
      }
    }
  });
  return pairs;
}

std::vector<std::uint32_t> mid_pairs(const RowsView& rows, std::size_t count, std::uint64_t seed, ThreadPool& pool) {
  const CounterRandom random(seed, kMidStream);
  std::vector<std::uint32_t> pairs(rows.row_count * count);
  pool.parallel_for(rows.row_count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint32_t> drawn;
    std::vector<std::pair<float, std::uint32_t>> order;
    for (std::size_t row = begin; row < end; ++row) {
      RowDraw draw(random, row, rows.row_count);
      for (std::size_t j = 0; j < count; ++j) {
        const std::span taken = std::span(pairs).subspan(row * count, j);
        const std::size_t free = rows.row_count - 1 - j;
        drawn.clear();
        order.clear();
        while (drawn.size() < std::min(kDrawn, free)) {
          drawn.push_back(draw.next(drawn, taken));
          order.emplace_back(square_between(rows.row(row), rows.row(drawn.back())), drawn.back());
        }
        std::ranges::sort(order);
        pairs[row * count + j] = order[std::min<std::size_t>(1, order.size() - 1)].second;
      }
    }
  });
  return pairs;
}

std::vector<std::uint32_t> far_pairs(std::size_t row_count, std::span<const std::uint32_t> near, std::size_t count,
                                     std::uint64_t seed, ThreadPool& pool) {
  const CounterRandom random(seed, kFarStream);
  const std::size_t near_count = near.size() / row_count;
  std::vector<std::uint32_t> pairs(row_count * count);
  pool.parallel_for(row_count, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      RowDraw draw(random, row, row_count);
      for (std::size_t j = 0; j < count; ++j) {
        pairs[row * count + j] =
            draw.next(std::span(pairs).subspan(row * count, j), near.subspan(row * near_count, near_count));
      }
    }
  });
  return pairs;
}

PairLists pair_lists(std::size_t row_count, std::span<const std::uint32_t> pairs) {
  const std::size_t count = pairs.size() / row_count;
  const Mentions mentions = mentions_of(row_count, pairs);
  PairLists lists;
  lists.begin.push_back(0);
  lists.others.reserve(2 * pairs.size());
  for (std::size_t row = 0; row < row_count; ++row) {
    const auto own = pairs.subspan(row * count, count);
    lists.others.insert(lists.others.end(), own.begin(), own.end());
    for (const std::size_t position : mentions.of(row)) {
      lists.others.push_back(static_cast<std::uint32_t>(position / count));
    }
    lists.begin.push_back(lists.others.size());
  }
  return lists;
}

}  // namespace asterism
