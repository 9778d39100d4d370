#include "analysis/spanning_tree_of_boxes.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "analysis/disjoint_sets.hpp"
#include "analysis/kd_tree.hpp"
#include "analysis/rows_check.hpp"
#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::uint32_t kNone = 0xffffffffU;
constexpr std::size_t kPlacesPerChunk = 256;
// Between two looks at the cancel flag.
constexpr std::size_t kPlacesPerStep = 32'768;

// An edge, or the least that one may be: squared mutual reachability, then the places of its ends.
struct Way {
  double square = kInfinity;
  std::uint32_t low = kNone;
  std::uint32_t high = kNone;

  static Way between(double square, std::uint32_t a, std::uint32_t b) {
    return {.square = square, .low = std::min(a, b), .high = std::max(a, b)};
  }
  friend bool operator<(const Way& x, const Way& y) {
    return std::tie(x.square, x.low, x.high) < std::tie(y.square, y.low, y.high);
  }
};

void lower(std::atomic<double>& bound, double to) {
  double now = bound.load(std::memory_order_relaxed);
  while (to < now && !bound.compare_exchange_weak(now, to, std::memory_order_relaxed)) {
  }
}

class Boruvka {
 public:
  Boruvka(const RowsView& rows, const AnalysisRun& run)
      : run_(run),
        boxes_(rows),
        cores_(rows.row_count),
        box_cores_(boxes_.box_count()),
        sets_(rows.row_count),
        trees_(rows.row_count),
        box_trees_(boxes_.box_count()),
        nearest_(rows.row_count, kNone),
        least_(rows.row_count),
        bounds_(rows.row_count) {}

  Result<std::vector<TreeEdge>> grow(std::size_t min_samples) {
    if (auto done = in_steps("core distances", 0, [&](std::size_t place) { measure_core(place, min_samples); });
        !done) {
      return std::unexpected(std::move(done.error()));
    }
    least_ = cores_;
    for (std::size_t box = boxes_.box_count(); box-- > 0;) {
      box_cores_[box] = boxes_.is_halved(box)
                            ? std::min(box_cores_[2 * box + 1], box_cores_[2 * box + 2])
                            : *std::min_element(cores_.begin() + boxes_.begin(box), cores_.begin() + boxes_.end(box));
    }
    std::vector<TreeEdge> edges;
    edges.reserve(boxes_.row_count() - 1);
    while (sets_.set_count() > 1) {
      name_trees();
      if (auto done = in_steps("spanning tree", edges.size(), [&](std::size_t place) { find_nearest(place); }); !done) {
        return std::unexpected(std::move(done.error()));
      }
      for (const Way& way : shortest_ways()) {
        if (way.low != kNone && sets_.unite(way.low, way.high)) {
          edges.push_back({.a = boxes_.row(way.low), .b = boxes_.row(way.high), .length = std::sqrt(way.square)});
        }
      }
    }
    return edges;
  }

 private:
  // `body` for every place; the stage is told as `done` rows of all.
  template <typename Body>
  Result<void> in_steps(std::string_view stage, std::size_t done, const Body& body) {
    const std::size_t count = boxes_.row_count();
    for (std::size_t first = 0; first < count; first += kPlacesPerStep) {
      if (auto going = expect_not_cancelled(run_, "hdbscan"); !going) {
        return going;
      }
      if (run_.progress) {
        run_.progress(stage, done, count);
      }
      run_.pool.parallel_for(std::min(kPlacesPerStep, count - first), kPlacesPerChunk,
                             [&](std::size_t begin, std::size_t end) {
                               for (std::size_t i = begin; i < end; ++i) {
                                 body(first + i);
                               }
                             });
    }
    return {};
  }

  void measure_core(std::size_t place, std::size_t min_samples) {
    if (min_samples == 1) {
      return;
    }
    std::vector<double> squares;  // a heap: the largest of the min_samples least, the row's own 0 among them
    squares.reserve(min_samples + 1);
    boxes_.search(
        place, [&](std::size_t, double square) { return squares.size() < min_samples || square < squares.front(); },
        [&](std::size_t, double square) {
          if (squares.size() == min_samples && square >= squares.front()) {
            return;
          }
          squares.push_back(square);
          std::ranges::push_heap(squares);
          if (squares.size() > min_samples) {
            std::ranges::pop_heap(squares);
            squares.pop_back();
          }
        });
    cores_[place] = squares.front();
  }

  // Which tree each row and each box belongs to, and what is known of its shortest way.
  void name_trees() {
    for (std::uint32_t place = 0; place < trees_.size(); ++place) {
      trees_[place] = sets_.find(place);
      bounds_[place].store(kInfinity, std::memory_order_relaxed);
    }
    for (std::size_t box = boxes_.box_count(); box-- > 0;) {
      if (boxes_.is_halved(box)) {
        box_trees_[box] = box_trees_[2 * box + 1] == box_trees_[2 * box + 2] ? box_trees_[2 * box + 1] : kNone;
      } else {
        const auto first = trees_.begin() + boxes_.begin(box);
        const bool is_one =
            std::all_of(first, trees_.begin() + boxes_.end(box), [&](auto tree) { return tree == *first; });
        box_trees_[box] = is_one ? *first : kNone;
      }
    }
    for (std::size_t place = 0; place < trees_.size(); ++place) {
      if (leads_out(place)) {
        lower(bounds_[trees_[place]], least_[place]);
      }
    }
  }

  // Whether the row's nearest is known to be the nearest in another tree.
  bool leads_out(std::size_t place) const {
    return nearest_[place] != kNone && trees_[nearest_[place]] != trees_[place];
  }

  // The row's nearest in another tree, unless its tree has a shorter way: of a tree's rows, those of its shortest way
  // are found whatever the others did meanwhile.
  void find_nearest(std::size_t place) {
    const std::uint32_t tree = trees_[place];
    const auto from = static_cast<std::uint32_t>(place);
    std::atomic<double>& bound = bounds_[tree];
    double limit = bound.load(std::memory_order_relaxed);
    if (leads_out(place) || least_[place] > limit) {
      return;
    }
    Way best;
    std::uint32_t nearest = kNone;
    boxes_.search(
        place,
        [&](std::size_t box, double square) {
          if (box_trees_[box] == tree) {
            return false;
          }
          const double least = std::max({square, cores_[place], box_cores_[box]});
          limit = bound.load(std::memory_order_relaxed);
          return least <= limit && Way::between(least, from, boxes_.begin(box)) < best;
        },
        [&](std::size_t other, double square) {
          if (trees_[other] == tree) {
            return;
          }
          const auto to = static_cast<std::uint32_t>(other);
          const Way way = Way::between(std::max({square, cores_[place], cores_[other]}), from, to);
          if (way < best) {
            best = way;
            nearest = to;
            lower(bound, way.square);
          }
        });
    // Beyond the limit boxes were passed by: what was found there need not be the nearest.
    const bool is_nearest = best.square <= limit;
    nearest_[place] = is_nearest ? nearest : kNone;
    least_[place] = std::max(least_[place], is_nearest ? best.square : limit);
  }

  // Of each tree, by the place that stands for it.
  std::vector<Way> shortest_ways() const {
    std::vector<Way> ways(trees_.size());
    for (std::uint32_t place = 0; place < trees_.size(); ++place) {
      if (leads_out(place)) {
        Way& way = ways[trees_[place]];
        way = std::min(way, Way::between(least_[place], place, nearest_[place]));
      }
    }
    return ways;
  }

  const AnalysisRun& run_;
  KdTree boxes_;
  std::vector<double> cores_;                // [place], squared
  std::vector<double> box_cores_;            // [box]: the least of its rows
  DisjointSets sets_;                        // of places
  std::vector<std::uint32_t> trees_;         // [place]
  std::vector<std::uint32_t> box_trees_;     // [box]: of all its rows, kNone where they differ
  std::vector<std::uint32_t> nearest_;       // [place]: in another tree when it was found, or kNone
  std::vector<double> least_;                // [place]: no row of another tree is nearer, squared
  std::vector<std::atomic<double>> bounds_;  // of each tree: its shortest way is no longer, squared
};

}  // namespace

Result<std::vector<TreeEdge>> spanning_tree_of_boxes(const RowsView& rows, std::size_t min_samples,
                                                     const AnalysisRun& run) {
  return Boruvka(rows, run).grow(min_samples);
}

}  // namespace asterism
