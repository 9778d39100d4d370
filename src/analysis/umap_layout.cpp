#include "analysis/umap_layout.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <utility>

#include "analysis/stage_progress.hpp"
#include "base/counter_random.hpp"
#include "base/thread_pool.hpp"
#include "kernels/umap_moves.hpp"

namespace asterism {
namespace {

constexpr std::uint64_t kNegativeStream = 0x6e65676174697665ULL;
// Rows of one block do not see each other's moves: the more blocks, the nearer to moving one row after the other.
constexpr std::size_t kBlockCount = 8;
constexpr std::size_t kGroupsPerChunk = 16;
// Steps of one row in one epoch. A row that many have as their neighbour (the first of a thousand copies) takes so many
// of its due edges, others in the next epoch: it would hold up all others, and is pulled enough.
constexpr std::size_t kStepsMax = 64;

// The edges by how often they are due: in every epoch, in every other, ... Rates are fractions of 2^31, so that a due
// edge is one multiplication away: rate x epoch has just passed a multiple of 2^31.
class Schedule {
 public:
  // umap-learn drops edges that would not be due once. `per_row`: against the largest weight of the row, not of all.
  Schedule(const SparseGraph& graph, std::size_t epoch_count, bool per_row) {
    const float largest = graph.weights.empty() ? 0.0F : std::ranges::max(graph.weights);
    neighbors_.reserve(graph.edge_count());
    rates_.reserve(graph.edge_count());
    for (std::size_t row = 0; row < graph.row_count(); ++row) {
      const auto weights = graph.weights_of(row);
      const float most = !per_row ? largest : weights.empty() ? 0.0F : std::ranges::max(weights);
      for (std::size_t e = 0; e < weights.size(); ++e) {
        const double rate = static_cast<double>(weights[e]) / static_cast<double>(most);
        if (rate * static_cast<double>(epoch_count) >= 1.0) {
          neighbors_.push_back(graph.columns_of(row)[e]);
          rates_.push_back(static_cast<std::uint32_t>(rate * kOne));
        }
      }
      begin_.push_back(neighbors_.size());
      degree_max_ = std::max(degree_max_, begin_[row + 1] - begin_[row]);
    }
  }

  std::size_t row_count() const noexcept { return begin_.size() - 1; }
  std::size_t degree_max() const noexcept { return degree_max_; }
  std::size_t begin(std::size_t row) const noexcept { return begin_[row]; }
  std::uint32_t neighbor(std::size_t edge) const noexcept { return neighbors_[edge]; }

  // How often edges of the row are due, in epochs.
  double work_of(std::size_t row) const noexcept {
    return std::accumulate(rates_.begin() + static_cast<std::ptrdiff_t>(begin_[row]),
                           rates_.begin() + static_cast<std::ptrdiff_t>(begin_[row + 1]), 0.0);
  }

  // Writes the edges of `row` that are due to `due` [degree_max]; how many.
  std::size_t due_edges(std::size_t row, std::uint32_t epoch, std::span<std::size_t> due) const noexcept {
    std::size_t count = 0;
    for (std::size_t e = begin_[row]; e < begin_[row + 1]; ++e) {
      due[count] = e;  // without a branch, which the processor could not foresee
      count += ((rates_[e] * epoch) & (kOneBits - 1)) < rates_[e] ? 1U : 0U;
    }
    return count;
  }

 private:
  static constexpr std::uint32_t kOneBits = 1U << 31U;
  static constexpr double kOne = kOneBits;

  std::vector<std::size_t> begin_{0};
  std::vector<std::uint32_t> neighbors_;
  std::vector<std::uint32_t> rates_;
  std::size_t degree_max_ = 0;
};

// Numbers below `bound`, two from one random word.
void draw(const CounterRandom& random, std::uint64_t first_word, std::size_t count, std::uint32_t bound,
          std::uint32_t* to) {
  for (std::size_t i = 0; i < count; i += 2, ++first_word) {
    const std::uint64_t bits = random.bits(first_word);
    to[i * kUmapLanes] = static_cast<std::uint32_t>(((bits >> 32U) * bound) >> 32U);
    if (i + 1 < count) {
      to[(i + 1) * kUmapLanes] = static_cast<std::uint32_t>(((bits & 0xffffffffU) * bound) >> 32U);
    }
  }
}

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

UmapForces forces_of(const UmapLayoutOptions& options, std::size_t epoch, std::size_t pull_count) {
  const double left = 1.0 - static_cast<double>(epoch) / static_cast<double>(options.epoch_count);
  return {.a = static_cast<float>(options.curve.a),
          .b = static_cast<float>(options.curve.b),
          .repulsion = static_cast<float>(options.repulsion_strength),
          .rate = static_cast<float>(options.learning_rate * left),
          .pull_count = pull_count,
          .push_count = options.negative_sample_count};
}

constexpr std::uint32_t kNoSelf = 0xffffffffU;

// Moves groups of sixteen rows.
class Mover {
 public:
  Mover(const Schedule& schedule, const UmapLayoutOptions& options, std::span<const float> places)
      : schedule_(schedule),
        options_(options),
        random_(options.seed, kNegativeStream),
        places_(places),
        place_count_(static_cast<std::uint32_t>(places.size() / options.dim)),
        words_per_edge_((options.negative_sample_count + 1) / 2) {}

  // Where `rows` (at most sixteen) get to from `from`, by `edge_number(edge)` for the draws; written to `to`.
  template <typename EdgeNumber>
  void operator()(std::span<const std::uint32_t> rows, std::size_t epoch, std::size_t pull_count, bool is_among_places,
                  const EdgeNumber& edge_number, std::span<const float> from, std::span<float> to,
                  Scratch& scratch) const {
    const std::size_t dim = options_.dim;
    const std::size_t pushes = options_.negative_sample_count;
    const std::size_t step_size = (1 + pushes) * kUmapLanes;
    std::array<float, kUmapDimMax * kUmapLanes> moved;
    scratch.self.fill(kNoSelf);
    for (std::size_t lane = 0; lane < kUmapLanes; ++lane) {
      const std::uint32_t row = rows[std::min(lane, rows.size() - 1)];
      for (std::size_t c = 0; c < dim; ++c) {
        moved[c * kUmapLanes + lane] = from[row * dim + c];
      }
      if (is_among_places) {
        scratch.self[lane] = row;
      }
      const std::size_t due_count =
          lane < rows.size() ? schedule_.due_edges(row, static_cast<std::uint32_t>(epoch), scratch.due) : 0;
      const std::size_t count = std::min(due_count, kStepsMax);
      scratch.counts[lane] = static_cast<std::uint32_t>(count);
      for (std::size_t step = 0; step < count; ++step) {
        const std::size_t edge = scratch.due[(step * due_count + epoch % due_count) / count];
        std::uint32_t* const others = scratch.others.get() + step * step_size + lane;
        others[0] = schedule_.neighbor(edge);
        draw(random_, (edge_number(row, edge) * options_.epoch_count + epoch) * words_per_edge_, pushes, place_count_,
             others + kUmapLanes);
      }
    }
    umap_move(forces_of(options_, epoch, pull_count),
              {scratch.others.get(), scratch.counts.data(), scratch.self.data()}, places_.data(), dim, moved.data());
    for (std::size_t lane = 0; lane < rows.size(); ++lane) {
      for (std::size_t c = 0; c < dim; ++c) {
        to[rows[lane] * dim + c] = moved[c * kUmapLanes + lane];
      }
    }
  }

 private:
  const Schedule& schedule_;
  const UmapLayoutOptions& options_;
  CounterRandom random_;
  std::span<const float> places_;
  std::uint32_t place_count_;
  std::uint64_t words_per_edge_;
};

// Rows in blocks, each with its share of the busy ones; in a block those that are about as busy follow each other, so
// that the sixteen of a group end together.
std::vector<std::vector<std::uint32_t>> blocks_of(const Schedule& schedule) {
  std::vector<double> work(schedule.row_count());
  for (std::size_t row = 0; row < work.size(); ++row) {
    work[row] = schedule.work_of(row);
  }
  std::vector<std::uint32_t> order(work.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](std::uint32_t x, std::uint32_t y) { return work[x] > work[y]; });
  std::vector<std::vector<std::uint32_t>> blocks(kBlockCount);
  for (std::size_t i = 0; i < order.size(); ++i) {
    blocks[i % kBlockCount].push_back(order[i]);
  }
  return blocks;
}

}  // namespace

Result<void> lay_out_umap(const SparseGraph& graph, const UmapLayoutOptions& options, std::span<float> places,
                          const AnalysisRun& run) {
  const Schedule schedule(graph, options.epoch_count, false);
  const auto blocks = blocks_of(schedule);
  const Mover mover(schedule, options, places);
  std::vector<float> next(places.begin(), places.end());
  const std::size_t dim = options.dim;
  StageProgress progress(run, "layout", options.epoch_count);
  for (std::size_t epoch = 1; epoch < options.epoch_count; ++epoch) {
    if (auto going = progress.at(epoch); !going) {
      return going;
    }
    for (const auto& block : blocks) {
      const std::size_t group_count = (block.size() + kUmapLanes - 1) / kUmapLanes;
      run.pool.parallel_for(group_count, kGroupsPerChunk, [&](std::size_t begin, std::size_t end) {
        Scratch scratch(schedule.degree_max(), options.negative_sample_count);
        for (std::size_t group = begin; group < end; ++group) {
          const std::size_t first = group * kUmapLanes;
          const auto rows = std::span(block).subspan(first, std::min(kUmapLanes, block.size() - first));
          mover(
              rows, epoch, 2, true, [](std::size_t, std::size_t edge) { return std::uint64_t{edge}; }, places, next,
              scratch);
        }
      });
      for (const std::uint32_t row : block) {
        std::copy_n(next.data() + row * dim, dim, places.data() + row * dim);
      }
    }
  }
  return progress.at(options.epoch_count);
}

Result<void> lay_out_umap_queries(const SparseGraph& graph, const UmapLayoutOptions& options,
                                  std::span<const float> fitted, std::span<float> places, const AnalysisRun& run) {
  const Schedule schedule(graph, options.epoch_count, true);
  const Mover mover(schedule, options, fitted);
  const std::size_t group_count = (graph.row_count() + kUmapLanes - 1) / kUmapLanes;
  if (auto going = StageProgress(run, "layout", graph.row_count()).at(0); !going) {
    return going;
  }
  run.pool.parallel_for(group_count, 1, [&](std::size_t begin, std::size_t end) {
    Scratch scratch(schedule.degree_max(), options.negative_sample_count);
    std::array<std::uint32_t, kUmapLanes> rows{};
    for (std::size_t group = begin; group < end; ++group) {
      const std::size_t count = std::min(kUmapLanes, graph.row_count() - group * kUmapLanes);
      std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(group * kUmapLanes));
      for (std::size_t epoch = 1; epoch < options.epoch_count; ++epoch) {
        // Draws by the edge's number within its row: the same whichever rows come with it.
        mover(
            std::span(rows).first(count), epoch, 1, false,
            [&](std::size_t row, std::size_t edge) { return std::uint64_t{edge - schedule.begin(row)}; }, places,
            places, scratch);
      }
    }
  });
  return {};
}

}  // namespace asterism
