#include "analysis/umap_layout.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <utility>

#include "analysis/stage_progress.hpp"
#include "analysis/umap_draws.hpp"
#include "analysis/umap_pair_moves.hpp"
#include "analysis/umap_schedule.hpp"
#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"
#include "kernels/umap_moves.hpp"

namespace asterism {
namespace {

// Rows of one block do not see each other's moves: the more blocks, the nearer to moving one row after the other.
constexpr std::size_t kBlockCount = 8;
constexpr std::size_t kGroupsPerChunk = 16;
constexpr std::size_t kQueriesPerStep = 4096;  // of each thread, between two looks at the cancel flag
// Steps of one row in one epoch. A row that many have as their neighbour (the first of a thousand copies) takes so many
// of its due edges, others in the next epoch: it would hold up all others, and is pulled enough.
constexpr std::size_t kStepsMax = 64;

// What one piece of work writes its steps to.
struct Scratch {
  std::vector<std::size_t> due;             // [degree_max]
  std::unique_ptr<std::uint32_t[]> others;  // [kStepsMax, 1 + pushes, kUmapLanes]
  std::array<std::uint32_t, kUmapLanes> counts{};
  std::array<std::uint32_t, kUmapLanes> self{};

  Scratch(std::size_t degree_max, std::size_t push_count)
      : due(degree_max + 1),
        others(std::make_unique_for_overwrite<std::uint32_t[]>(kStepsMax * (1 + push_count) * kUmapLanes)) {}
};

constexpr std::uint32_t kNoSelf = 0xffffffffU;

// [begin, end) of the schedule's.
struct Slots {
  std::size_t begin;
  std::size_t end;
};

// Moves groups of sixteen rows.
class Mover {
 public:
  Mover(const UmapSchedule& schedule, const UmapLayoutOptions& options, std::span<const float> places)
      : schedule_(schedule),
        options_(options),
        random_(options.seed, kNegativeStream),
        places_(places),
        place_count_(static_cast<std::uint32_t>(places.size() / options.dim)),
        words_per_edge_(words_per_edge(options)) {}

  // Where the rows of `slots` (at most sixteen) get to from `from`, by `edge_number(slot, edge)` for the draws; written
  // to `to`.
  template <typename EdgeNumber>
  void operator()(const Slots& slots, std::size_t epoch, std::size_t pull_count, bool is_among_places,
                  const EdgeNumber& edge_number, std::span<const float> from, std::span<float> to,
                  Scratch& scratch) const {
    const std::size_t dim = options_.dim;
    const std::size_t pushes = options_.negative_sample_count;
    const std::size_t step_size = (1 + pushes) * kUmapLanes;
    std::array<float, kUmapDimMax * kUmapLanes> moved;
    scratch.self.fill(kNoSelf);
    for (std::size_t lane = 0; lane < kUmapLanes; ++lane) {
      const std::size_t slot = std::min(slots.begin + lane, slots.end - 1);
      const std::uint32_t row = schedule_.row(slot);
      for (std::size_t c = 0; c < dim; ++c) {
        moved[c * kUmapLanes + lane] = from[row * dim + c];
      }
      if (is_among_places) {
        scratch.self[lane] = row;
      }
      const std::size_t due_count = slots.begin + lane < slots.end
                                        ? schedule_.due_edges(slot, static_cast<std::uint32_t>(epoch), scratch.due)
                                        : 0;
      const std::size_t count = std::min(due_count, kStepsMax);
      scratch.counts[lane] = static_cast<std::uint32_t>(count);
      for (std::size_t step = 0; step < count; ++step) {
        const std::size_t edge =
            scratch.due[due_count == count ? step : (step * due_count + epoch % due_count) / count];
        std::uint32_t* const others = scratch.others.get() + step * step_size + lane;
        others[0] = schedule_.neighbor(edge);
        draw_others(random_, (edge_number(slot, edge) * options_.epoch_count + epoch) * words_per_edge_, pushes,
                    place_count_, others + kUmapLanes);
      }
    }
    umap_move(forces_of(options_, epoch, pull_count, pushes),
              {scratch.others.get(), scratch.counts.data(), scratch.self.data()}, places_.data(), dim, moved.data());
    for (std::size_t lane = 0; lane < slots.end - slots.begin; ++lane) {
      const std::uint32_t row = schedule_.row(slots.begin + lane);
      for (std::size_t c = 0; c < dim; ++c) {
        const float there = moved[c * kUmapLanes + lane];
        const float here = from[row * dim + c];
        to[row * dim + c] = options_.step_shares.empty() ? there : here + options_.step_shares[row] * (there - here);
      }
    }
  }

 private:
  const UmapSchedule& schedule_;
  const UmapLayoutOptions& options_;
  CounterRandom random_;
  std::span<const float> places_;
  std::uint32_t place_count_;
  std::uint64_t words_per_edge_;
};

// Rows in the order in which they are gone through, block after block. Each block has its share of the busy ones; in a
// block those that are about as busy follow each other, so that the sixteen of a group end together.
std::vector<std::uint32_t> order_of(const SparseGraph& graph) {
  std::vector<double> work(graph.row_count());
  for (std::size_t row = 0; row < work.size(); ++row) {
    const auto weights = graph.weights_of(row);
    work[row] = std::accumulate(weights.begin(), weights.end(), 0.0);
  }
  std::vector<std::uint32_t> by_work(work.size());
  std::iota(by_work.begin(), by_work.end(), 0U);
  std::ranges::stable_sort(by_work, [&](std::uint32_t x, std::uint32_t y) { return work[x] > work[y]; });
  std::vector<std::uint32_t> order;
  order.reserve(by_work.size());
  for (std::size_t block = 0; block < kBlockCount; ++block) {
    for (std::size_t i = block; i < by_work.size(); i += kBlockCount) {
      order.push_back(by_work[i]);
    }
  }
  return order;
}

// Where block `block` of order_of() begins.
std::size_t block_begin(std::size_t block, std::size_t row_count) {
  return block * (row_count / kBlockCount) + std::min(block, row_count % kBlockCount);
}

Result<void> lay_out_with_density(const SparseGraph& graph, const UmapLayoutOptions& options, std::span<float> places,
                                  const AnalysisRun& run) {
  const SparseGraph due = due_edges(graph, options.epoch_count);
  UmapDensity density(due, options.radii, options.density, options.curve);
  UmapPairMoves moves(due, options, density);
  StageProgress progress(run, "layout", options.epoch_count);
  for (std::size_t epoch = 1; epoch < options.epoch_count; ++epoch) {
    if (auto going = progress.at(epoch); !going) {
      return going;
    }
    if (density.is_due(epoch, options.epoch_count)) {
      density.measure(places, options.dim, run.pool);
    }
    moves.move(epoch, places, run.pool);
  }
  return progress.at(options.epoch_count);
}

}  // namespace

Result<void> lay_out_umap(const SparseGraph& graph, const UmapLayoutOptions& options, std::span<float> places,
                          const AnalysisRun& run) {
  if (options.density.weight > 0.0) {
    return lay_out_with_density(graph, options, places, run);
  }
  const UmapSchedule schedule(graph, order_of(graph), options.epoch_count, UmapSchedule::Heaviest::kOfAll);
  const Mover mover(schedule, options, places);
  std::vector<float> next(places.begin(), places.end());
  const std::size_t dim = options.dim;
  StageProgress progress(run, "layout", options.epoch_count);
  for (std::size_t epoch = 1; epoch < options.epoch_count; ++epoch) {
    if (auto going = progress.at(epoch); !going) {
      return going;
    }
    for (std::size_t block = 0; block < kBlockCount; ++block) {
      const std::size_t first = block_begin(block, graph.row_count());
      const std::size_t last = block_begin(block + 1, graph.row_count());
      run.pool.parallel_for(last - first, kGroupsPerChunk * kUmapLanes, [&](std::size_t begin, std::size_t end) {
        Scratch scratch(schedule.degree_max(), options.negative_sample_count);
        for (std::size_t slot = begin; slot < end; slot += kUmapLanes) {
          const Slots slots{first + slot, first + std::min(end, slot + kUmapLanes)};
          const auto edge_number = [](std::size_t, std::size_t edge) { return std::uint64_t{edge}; };
          mover(slots, epoch, 2, true, edge_number, places, next, scratch);
        }
      });
      for (std::size_t slot = first; slot < last; ++slot) {
        const std::size_t at = schedule.row(slot) * dim;
        std::copy_n(next.data() + at, dim, places.data() + at);
      }
    }
  }
  return progress.at(options.epoch_count);
}

Result<void> lay_out_umap_queries(const SparseGraph& graph, const UmapLayoutOptions& options,
                                  std::span<const float> fitted, std::span<float> places, const AnalysisRun& run) {
  std::vector<std::uint32_t> order(graph.row_count());
  std::iota(order.begin(), order.end(), 0U);
  const UmapSchedule schedule(graph, std::move(order), options.epoch_count, UmapSchedule::Heaviest::kOfRow);
  const Mover mover(schedule, options, fitted);
  // Draws by the edge's number within its row: the same whichever rows come with it.
  const auto edge_number = [&](std::size_t slot, std::size_t edge) {
    return std::uint64_t{edge - schedule.begin(slot)};
  };
  StageProgress progress(run, "layout", graph.row_count());
  const std::size_t step = kQueriesPerStep * run.pool.thread_count();
  for (std::size_t first = 0; first < graph.row_count(); first += step) {
    if (auto going = progress.at(first); !going) {
      return going;
    }
    const std::size_t last = std::min(graph.row_count(), first + step);
    run.pool.parallel_for(last - first, kUmapLanes, [&](std::size_t begin, std::size_t end) {
      Scratch scratch(schedule.degree_max(), options.negative_sample_count);
      for (std::size_t epoch = 1; epoch < options.epoch_count; ++epoch) {
        mover({first + begin, first + end}, epoch, 1, false, edge_number, places, places, scratch);
      }
    });
  }
  return progress.at(graph.row_count());
}

}  // namespace asterism
