#include "analysis/umap_pair_moves.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "analysis/umap_draws.hpp"
#include "analysis/umap_schedule.hpp"
#include "base/thread_pool.hpp"
#include "kernels/umap_moves.hpp"

namespace asterism {
namespace {

constexpr std::size_t kEdgesPerChunk = 1024;

}  // namespace

// Up to sixteen edges, none of which shares a row with another.
struct UmapPairMoves::Group {
  std::size_t count = 0;
  std::array<std::size_t, kUmapLanes> edges{};
  std::array<std::uint32_t, kUmapLanes> self{};
  std::array<std::uint32_t, kUmapLanes> lanes{};  // the other end, by its place in `to`
  std::vector<std::uint32_t> others;              // [1 + pushes, kUmapLanes]
  std::array<float, 2 * kUmapLanes> density{};
  std::vector<float> from;    // [dim, kUmapLanes], as the kernel moves them
  std::vector<float> before;  // the same before the pull
  std::vector<float> to;      // [kUmapLanes, dim], as the kernel reads them

  Group(std::size_t dim, std::size_t push_count)
      : others((1 + push_count) * kUmapLanes), from(dim * kUmapLanes), before(from.size()), to(from.size()) {
    std::iota(lanes.begin(), lanes.end(), 0U);
  }
};

UmapPairMoves::UmapPairMoves(const SparseGraph& due, const UmapLayoutOptions& options, const UmapDensity& density)
    : options_(options), density_(density), rounds_(edge_rounds(due)), random_(options.seed, kNegativeStream) {
  const double most = due.weights.empty() ? 0.0 : static_cast<double>(std::ranges::max(due.weights));
  rates_.reserve(rounds_.weights.size());
  for (const float weight : rounds_.weights) {
    rates_.push_back(due_rate(static_cast<double>(weight) / most));
  }
}

void UmapPairMoves::move(std::size_t epoch, std::span<float> places, ThreadPool& pool) {
  seen_.assign(places.begin(), places.end());
  for (std::size_t round = 0; round < rounds_.round_count(); ++round) {
    const std::size_t first = rounds_.begin[round];
    pool.parallel_for(rounds_.begin[round + 1] - first, kEdgesPerChunk, [&](std::size_t begin, std::size_t end) {
      move_edges(first + begin, first + end, epoch, places);
    });
  }
}

void UmapPairMoves::move_edges(std::size_t begin, std::size_t end, std::size_t epoch, std::span<float> places) const {
  Group group(options_.dim, options_.negative_sample_count);
  for (std::size_t edge = begin; edge < end; ++edge) {
    if (!is_due(rates_[edge], static_cast<std::uint32_t>(epoch))) {
      continue;
    }
    group.edges[group.count++] = edge;
    if (group.count == kUmapLanes) {
      move_group(group, epoch, places);
      group.count = 0;
    }
  }
  if (group.count > 0) {
    move_group(group, epoch, places);
  }
}

void UmapPairMoves::move_group(Group& group, std::size_t epoch, std::span<float> places) const {
  const std::size_t dim = options_.dim;
  const std::size_t pushes = options_.negative_sample_count;
  const bool has_term = density_.is_due(epoch, options_.epoch_count);
  std::array<std::uint32_t, kUmapLanes> counts{};
  for (std::size_t lane = 0; lane < group.count; ++lane) {
    const std::size_t edge = group.edges[lane];
    const std::uint32_t row = rounds_.from[edge];
    const std::uint32_t other = rounds_.to[edge];
    for (std::size_t c = 0; c < dim; ++c) {
      group.from[c * kUmapLanes + lane] = places[row * dim + c];
      group.to[lane * dim + c] = places[other * dim + c];
    }
    counts[lane] = 1;
    group.self[lane] = row;
    group.others[lane] = other;
    draw_others(random_, (edge * options_.epoch_count + epoch) * words_per_edge(options_), pushes,
                static_cast<std::uint32_t>(places.size() / dim), group.others.data() + kUmapLanes + lane);
    if (has_term) {
      const UmapDensity::Pull pull = density_.of(row, other, static_cast<double>(rounds_.weights[edge]));
      group.density[lane] = pull.level;
      group.density[kUmapLanes + lane] = pull.slope;
    }
  }
  group.before = group.from;
  umap_move(forces_of(options_, epoch, 1, 0),
            {group.lanes.data(), counts.data(), group.self.data(), has_term ? group.density.data() : nullptr},
            group.to.data(), dim, group.from.data());
  for (std::size_t lane = 0; lane < group.count; ++lane) {
    const std::uint32_t other = rounds_.to[group.edges[lane]];
    for (std::size_t c = 0; c < dim; ++c) {
      const float step = group.from[c * kUmapLanes + lane] - group.before[c * kUmapLanes + lane];
      places[other * dim + c] = group.to[lane * dim + c] - share_of(other) * step;
    }
  }
  umap_move(forces_of(options_, epoch, 0, pushes), {group.others.data(), counts.data(), group.self.data()},
            seen_.data(), dim, group.from.data());
  for (std::size_t lane = 0; lane < group.count; ++lane) {
    const std::uint32_t row = group.self[lane];
    for (std::size_t c = 0; c < dim; ++c) {
      const float here = group.before[c * kUmapLanes + lane];
      const float there = group.from[c * kUmapLanes + lane];
      places[row * dim + c] = options_.step_shares.empty() ? there : here + share_of(row) * (there - here);
    }
  }
}

}  // namespace asterism
