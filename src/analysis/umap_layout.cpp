#include "analysis/umap_layout.hpp"

#include <algorithm>
#include <array>
#include <cmath>
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

// The edges by how often they are due: rate 1 in every epoch, 1/2 in every other.
struct Schedule {
  SparseGraph edges;  // weights are rates

  // umap-learn drops edges that would not be due once.
  Schedule(const SparseGraph& graph, std::size_t epoch_count, bool per_row) {
    const float largest = graph.weights.empty() ? 0.0F : std::ranges::max(graph.weights);
    edges.columns.reserve(graph.edge_count());
    edges.weights.reserve(graph.edge_count());
    for (std::size_t row = 0; row < graph.row_count(); ++row) {
      const auto weights = graph.weights_of(row);
      const float most = !per_row ? largest : weights.empty() ? 0.0F : std::ranges::max(weights);
      for (std::size_t e = 0; e < weights.size(); ++e) {
        if (const float rate = weights[e] / most; rate * static_cast<float>(epoch_count) >= 1.0F) {
          edges.columns.push_back(graph.columns_of(row)[e]);
          edges.weights.push_back(rate);
        }
      }
      edges.begin.push_back(edges.columns.size());
    }
  }
};

bool is_due(float rate, float epoch) {
  return std::floor(rate * epoch) > std::floor(rate * (epoch - 1.0F));
}

// The steps of sixteen rows in one epoch, for the kernel.
class Steps {
 public:
  explicit Steps(std::size_t push_count) : others_per_step_(1 + push_count) {}

  void start() {
    counts_.fill(0);
    self_.fill(kNoSelf);
  }
  void set_self(std::size_t lane, std::uint32_t row) { self_[lane] = row; }

  // draw(push): the number of the place that pushes.
  template <typename Draw>
  void add(std::size_t lane, std::uint32_t neighbor, const Draw& draw) {
    const std::size_t step = counts_[lane]++;
    const std::size_t size = others_per_step_ * kUmapLanes;
    if ((step + 1) * size > others_.size()) {
      others_.resize((step + 1) * size, 0);
    }
    std::uint32_t* const others = others_.data() + step * size + lane;
    others[0] = neighbor;
    for (std::size_t push = 1; push < others_per_step_; ++push) {
      others[push * kUmapLanes] = draw(push - 1);
    }
  }

  UmapSteps view() const noexcept { return {others_.data(), counts_.data(), self_.data()}; }

 private:
  static constexpr std::uint32_t kNoSelf = 0xffffffffU;
  std::size_t others_per_step_;
  std::vector<std::uint32_t> others_;  // grown once: what is beyond a lane's steps is left over, and valid
  std::array<std::uint32_t, kUmapLanes> counts_{};
  std::array<std::uint32_t, kUmapLanes> self_{};
};

// Two numbers below `bound` from one random word.
std::uint32_t drawn(const CounterRandom& random, std::uint64_t number, std::uint32_t bound) {
  const std::uint64_t bits = random.bits(number / 2);
  const std::uint64_t half = number % 2 == 0 ? bits >> 32U : bits & 0xffffffffU;
  return static_cast<std::uint32_t>((half * bound) >> 32U);
}

UmapForces forces_of(const UmapLayoutOptions& options, std::size_t epoch, std::size_t pull_count) {
  const double left = 1.0 - static_cast<double>(epoch) / static_cast<double>(options.epoch_count);
  return {.a = static_cast<float>(options.curve.a),
          .b = static_cast<float>(options.curve.b),
          .repulsion = static_cast<float>(options.repulsion_strength),
          .rate = static_cast<float>(options.learning_rate * left),
          .pull_count = pull_count,
          .push_count = options.negative_sample_count};
}

// Moves groups of sixteen rows.
class Mover {
 public:
  Mover(const Schedule& schedule, const UmapLayoutOptions& options, std::span<const float> places)
      : schedule_(schedule),
        options_(options),
        random_(options.seed, kNegativeStream),
        places_(places),
        place_count_(static_cast<std::uint32_t>(places.size() / options.dim)) {}

  // Where `rows` (at most sixteen) get to from `from`, by `edge_number(edge)` for the draws; written to `to`.
  template <typename EdgeNumber>
  void operator()(std::span<const std::uint32_t> rows, std::size_t epoch, std::size_t pull_count, bool is_among_places,
                  const EdgeNumber& edge_number, std::span<const float> from, std::span<float> to, Steps& steps) const {
    const SparseGraph& edges = schedule_.edges;
    const std::size_t dim = options_.dim;
    const std::size_t pushes = options_.negative_sample_count;
    std::array<float, kUmapDimMax * kUmapLanes> moved;
    steps.start();
    for (std::size_t lane = 0; lane < kUmapLanes; ++lane) {
      const std::uint32_t row = rows[std::min(lane, rows.size() - 1)];
      for (std::size_t c = 0; c < dim; ++c) {
        moved[c * kUmapLanes + lane] = from[row * dim + c];
      }
      if (lane >= rows.size()) {
        continue;
      }
      if (is_among_places) {
        steps.set_self(lane, row);
      }
      for (std::size_t e = edges.begin[row]; e < edges.begin[row + 1]; ++e) {
        if (is_due(edges.weights[e], static_cast<float>(epoch))) {
          const std::uint64_t first = (edge_number(row, e) * options_.epoch_count + epoch) * pushes;
          steps.add(lane, edges.columns[e],
                    [&](std::size_t push) { return drawn(random_, first + push, place_count_); });
        }
      }
    }
    umap_move(forces_of(options_, epoch, pull_count), steps.view(), places_.data(), dim, moved.data());
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
};

// Rows in blocks, each with its share of the busy ones; in a block those that are about as busy follow each other, so
// that the sixteen of a group end together.
std::vector<std::vector<std::uint32_t>> blocks_of(const SparseGraph& edges) {
  std::vector<float> work(edges.row_count());
  for (std::size_t row = 0; row < edges.row_count(); ++row) {
    const auto rates = edges.weights_of(row);
    work[row] = std::accumulate(rates.begin(), rates.end(), 0.0F);
  }
  std::vector<std::uint32_t> order(edges.row_count());
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
  const auto blocks = blocks_of(schedule.edges);
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
        Steps steps(options.negative_sample_count);
        for (std::size_t group = begin; group < end; ++group) {
          const std::size_t first = group * kUmapLanes;
          const auto rows = std::span(block).subspan(first, std::min(kUmapLanes, block.size() - first));
          mover(rows, epoch, 2, true, [](std::size_t, std::size_t edge) { return std::uint64_t{edge}; }, places, next,
                steps);
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
  const SparseGraph& edges = schedule.edges;
  const std::size_t group_count = (graph.row_count() + kUmapLanes - 1) / kUmapLanes;
  if (auto going = StageProgress(run, "layout", graph.row_count()).at(0); !going) {
    return going;
  }
  run.pool.parallel_for(group_count, 1, [&](std::size_t begin, std::size_t end) {
    Steps steps(options.negative_sample_count);
    std::array<std::uint32_t, kUmapLanes> rows{};
    for (std::size_t group = begin; group < end; ++group) {
      const std::size_t count = std::min(kUmapLanes, graph.row_count() - group * kUmapLanes);
      std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(group * kUmapLanes));
      for (std::size_t epoch = 1; epoch < options.epoch_count; ++epoch) {
        // Draws by the edge's number within its row: the same whichever rows come with it.
        mover(std::span(rows).first(count), epoch, 1, false,
              [&](std::size_t row, std::size_t edge) { return std::uint64_t{edge - edges.begin[row]}; }, places, places,
              steps);
      }
    }
  });
  return {};
}

}  // namespace asterism
