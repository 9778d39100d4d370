// Walking a graph index: from the top level down to the node nearest to the query, then along the base level with a
// beam of the nearest nodes met.
//
// USearch's own search is not used: it keeps two heaps and a hash set, and a filter starves it. Here one sorted array
// is both the beam and what is to be expanded (Fu et al. 2017, "Fast Approximate Nearest Neighbor Search With The
// Navigating Spreading-out Graph"), and a filtered walk steps over nodes that are not allowed (Patel et al. 2024,
// "ACORN").
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "index/graph_impl.hpp"

namespace asterism {
namespace {

// Codes fetched ahead of the one that is compared.
constexpr std::size_t kPrefetchAhead = 4;
// Bounds that are passed by at a time.
constexpr std::size_t kBoundsPerStep = 32;
// Of the share of rows that pass, what a walk must meet at least: else it was too narrow where it was.
constexpr double kMetShareMin = 0.7;
// A share for which walking again, wider, is too long.
constexpr double kMetShareWorthMin = 0.05;
constexpr float kFarthest = std::numeric_limits<float>::infinity();
// Rows scored exactly for k answers: a multiple of k, and some more.
constexpr std::size_t kRescoredFactor = 2;
constexpr std::size_t kRescoredMore = 10;

class Walk {
 public:
  // `answer_count` are wanted.
  Walk(const GraphIndex::Impl& index, WalkMemory& memory, const SearchOptions& options, std::size_t answer_count)
      : index_(index),
        memory_(memory),
        options_(options),
        answer_count_(answer_count),
        expansion_(index.expansion_for(options)) {}

  SearchCounters counters;

  void search_all() { walk_all(descend()); }

  void search_filtered(const GraphIndex::Impl::Filtered& filtered) {
    counters.plan = filtered.plan;
    switch (filtered.plan.way) {
      case FilteredPlan::Way::kSketchScan:
        return scan(filtered.allowed_count, *filtered.sketches);
      case FilteredPlan::Way::kCodeScan:
      case FilteredPlan::Way::kExactScan:
        return scan(filtered.allowed_count);
      case FilteredPlan::Way::kWideGraph:
        if (walk_wide(filtered.allowed_count)) {
          return;
        }
        [[fallthrough]];
      case FilteredPlan::Way::kGraph:
        walk_allowed(descend());
    }
  }

 private:
  bool is_allowed(std::uint32_t slot) const noexcept {
    const std::uint32_t position = index_.position_of_slot[slot];
    return position != kNoPosition && options_.allowed.contains(position);
  }

  // The node nearest to the query on the levels above the base.
  Candidate descend() {
    Candidate nearest{.distance = distance_to(index_.entry_slot), .slot = index_.entry_slot, .expanded = false};
    for (std::size_t level = index_.graph.max_level(); level > 0; --level) {
      for (bool moved = true; moved;) {
        moved = false;
        ++counters.nodes_visited;
        gather_all(nearest.slot, level);
        compare([&](std::uint32_t slot, float distance) {
          if (distance < nearest.distance) {
            nearest = {.distance = distance, .slot = slot, .expanded = false};
            moved = true;
          }
        });
      }
    }
    return nearest;
  }

  // Fills the beam with the nearest nodes met, nearest first.
  void walk_all(const Candidate& start) {
    begin(start);
    walk([&](std::uint32_t slot) {
      for (const auto neighbor : index_.graph.neighbors(slot, 0)) {
        const auto next = static_cast<std::uint32_t>(neighbor.slot);
        if (memory_.see(next)) {
          memory_.slots.push_back(next);
        }
      }
    });
  }

  // The same with room for those that are not allowed. Where far fewer allowed ones are met than their share, filter
  // and query are about different rows, and it is done again by the share that was met. False where that is too small,
  // or fewer than wanted were met even so.
  bool walk_wide(std::size_t allowed_count) {
    const WalkSize size{.k = options_.k, .expansion = expansion_};
    double share = static_cast<double>(allowed_count) / static_cast<double>(index_.slot_count());
    std::size_t met = walk_with(wide_expansion(size, share));
    if (const double met_share = share_met(met); met_share < kMetShareMin * share) {
      if (met_share < kMetShareWorthMin) {
        return false;
      }
      met = walk_with(wide_expansion(size, met_share));
    }
    return met >= std::min(options_.k, allowed_count);
  }

  // Walks with so many places; how many allowed nodes are in the beam.
  std::size_t walk_with(std::size_t expansion) {
    const std::size_t expansion_before = std::exchange(expansion_, expansion);
    walk_all(descend());
    expansion_ = expansion_before;
    return static_cast<std::size_t>(
        std::ranges::count_if(memory_.beam, [&](const Candidate& candidate) { return is_allowed(candidate.slot); }));
  }

  double share_met(std::size_t met) const noexcept {
    return static_cast<double>(met) / static_cast<double>(std::max<std::size_t>(1, memory_.beam.size()));
  }

  // Compares all allowed nodes, without a walk.
  void scan(std::size_t allowed_count) {
    expansion_ = answer_count_;
    memory_.beam.clear();
    gather_allowed(allowed_count, memory_.slots);
    compare([&](std::uint32_t slot, float distance) { insert(slot, distance); });
  }

  // The same of those that may be among the k nearest: sketches say how far a node is at least, and the k nearest of
  // those nearest by that how far it may be.
  void scan(std::size_t allowed_count, const GraphSketches& sketches) {
    expansion_ = answer_count_;
    gather_allowed(allowed_count, memory_.allowed);
    memory_.bounds.resize(memory_.allowed.size());
    sketches.prepare(index_.codes, memory_.query_code.data(), memory_.query_sketch);
    sketches.lower_bounds(memory_.query_sketch, memory_.allowed, memory_.bounds);
    counters.sketches_compared += memory_.allowed.size();

    memory_.beam.clear();
    for_each_within([&] { return memory_.beam.size() < expansion_ ? kFarthest : memory_.beam.back().distance; },
                    [&](std::size_t i) { insert(memory_.allowed[i], memory_.bounds[i]); });
    memory_.slots.clear();
    std::ranges::transform(memory_.beam, std::back_inserter(memory_.slots), &Candidate::slot);
    memory_.beam.clear();
    compare([&](std::uint32_t slot, float distance) { insert(slot, distance); });
    if (memory_.beam.size() < expansion_) {
      return;  // all were compared
    }
    memory_.slots.clear();
    for_each_within([farthest = memory_.beam[std::min(options_.k, expansion_) - 1].distance] { return farthest; },
                    [&](std::size_t i) { memory_.slots.push_back(memory_.allowed[i]); });
    memory_.beam.clear();
    compare([&](std::uint32_t slot, float distance) { insert(slot, distance); });
  }

  // The same of allowed nodes alone; a node that is not allowed is stepped over, to its neighbours.
  void walk_allowed(const Candidate& start) {
    begin(start);
    walk([&](std::uint32_t slot) {
      const auto meet = [&](std::uint32_t next) {
        if (is_allowed(next) && memory_.see(next)) {
          memory_.slots.push_back(next);
        }
      };
      memory_.stepped_over.clear();
      for (const auto neighbor : index_.graph.neighbors(slot, 0)) {
        const auto next = static_cast<std::uint32_t>(neighbor.slot);
        // Of nodes that are not allowed, seen means stepped over: once is enough.
        if (memory_.see(next)) {
          (is_allowed(next) ? memory_.slots : memory_.stepped_over).push_back(next);
        }
      }
      for (const std::uint32_t next : memory_.stepped_over) {
        prefetch_links(next);
      }
      for (std::size_t i = 0; i < memory_.stepped_over.size(); ++i) {
        for (const auto second : index_.graph.neighbors(memory_.stepped_over[i], 0)) {
          meet(static_cast<std::uint32_t>(second.slot));
        }
      }
      counters.nodes_visited += memory_.stepped_over.size();
    });
  }

  float distance_to(std::uint32_t slot) {
    ++counters.distances_computed;
    return index_.codes.distance(memory_.query_code.data(), index_.codes.row(slot));
  }

  void prefetch_links(std::uint32_t slot) const noexcept {
    const auto* node = index_.graph.at(slot).key.ptr();
    for (std::size_t offset = 0; offset < index_.graph.memory_usage_per_node(0); offset += kCacheLineBytes) {
      __builtin_prefetch(node + offset);
    }
  }

  void gather_allowed(std::size_t allowed_count, std::vector<std::uint32_t>& slots) const {
    slots.resize(allowed_count);
    std::uint32_t* next = slots.data();
    options_.allowed.for_each(kRowCountMax, [&](std::size_t position) {
      const std::uint32_t slot = index_.slot_of_position.get(static_cast<std::uint32_t>(position));
      *next = slot;
      next += slot != kNoSlot ? 1 : 0;
    });
    slots.resize(static_cast<std::size_t>(next - slots.data()));
  }

  // Calls take(i) for each bound that is not beyond the limit, in order; where few are, most are passed by a block at a
  // time.
  template <typename Limit, typename Take>
  void for_each_within(Limit limit, Take take) const {
    const std::span<const float> bounds = memory_.bounds;
    for (std::size_t begin = 0; begin < bounds.size(); begin += kBoundsPerStep) {
      const auto step = bounds.subspan(begin, std::min(kBoundsPerStep, bounds.size() - begin));
      const float farthest = limit();
      int beyond_count = 0;
      for (const float bound : step) {
        beyond_count += bound > farthest ? 1 : 0;
      }
      for (std::size_t i = 0; static_cast<std::size_t>(beyond_count) < step.size() && i < step.size(); ++i) {
        if (!(step[i] > limit())) {
          take(begin + i);
        }
      }
    }
  }

  void gather_all(std::uint32_t slot, std::size_t level) {
    memory_.slots.clear();
    for (const auto neighbor : index_.graph.neighbors(slot, level)) {
      memory_.slots.push_back(static_cast<std::uint32_t>(neighbor.slot));
    }
  }

  // Four at a time; `take` gets them in the order of the slots.
  template <typename Take>
  void compare(Take take) {
    const auto& slots = memory_.slots;
    std::size_t fetched = 0;
    const auto fetch_until = [&](std::size_t end) {
      for (end = std::min(end, slots.size()); fetched < end; ++fetched) {
        index_.codes.prefetch(slots[fetched]);
      }
    };
    std::size_t i = 0;
    for (; i + kCodesAtOnce <= slots.size(); i += kCodesAtOnce) {
      fetch_until(i + kCodesAtOnce + kPrefetchAhead);
      CodeGroup codes{};
      for (std::size_t j = 0; j < kCodesAtOnce; ++j) {
        codes[j] = index_.codes.row(slots[i + j]);
      }
      const auto distances = index_.codes.distances(memory_.query_code.data(), codes);
      for (std::size_t j = 0; j < kCodesAtOnce; ++j) {
        take(slots[i + j], distances[j]);
      }
    }
    counters.distances_computed += i;
    fetch_until(slots.size());
    for (; i < slots.size(); ++i) {
      take(slots[i], distance_to(slots[i]));
    }
  }

  void begin(const Candidate& start) {
    memory_.start(index_.slot_count());
    memory_.see(start.slot);
    memory_.beam.assign(1, start);
  }

  // Expands the nearest node that was not, until all in the beam were.
  template <typename Gather>
  void walk(Gather gather) {
    auto& beam = memory_.beam;
    std::size_t cursor = 0;
    while (cursor < beam.size()) {
      if (beam[cursor].expanded) {
        ++cursor;
        continue;
      }
      beam[cursor].expanded = true;
      ++counters.nodes_visited;
      memory_.slots.clear();
      gather(beam[cursor].slot);
      std::size_t lowest = cursor + 1;
      compare([&](std::uint32_t slot, float distance) { lowest = std::min(lowest, insert(slot, distance)); });
      cursor = lowest;
      if (cursor < beam.size()) {
        prefetch_links(beam[cursor].slot);
      }
    }
  }

  // Where the node went in the beam; past the end where it is too far.
  std::size_t insert(std::uint32_t slot, float distance) {
    auto& beam = memory_.beam;
    if (beam.size() >= expansion_) {
      if (!(distance < beam.back().distance)) {
        return beam.size();
      }
      beam.pop_back();
    }
    const auto place = std::ranges::upper_bound(beam, distance, {}, &Candidate::distance);
    return static_cast<std::size_t>(beam.insert(place, {.distance = distance, .slot = slot, .expanded = false}) -
                                    beam.begin());
  }

  const GraphIndex::Impl& index_;
  WalkMemory& memory_;
  const SearchOptions& options_;
  std::size_t answer_count_;
  std::size_t expansion_;  // places in the beam
};

Result<void> check_search(const GraphSettings& settings, std::span<const float> query, const SearchOptions& options) {
  if (query.size() != settings.dim) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("graph index: expected a query of {} values, found {}", settings.dim, query.size()));
  }
  const auto wrong = std::ranges::find_if_not(query, [](float value) { return std::isfinite(value); });
  if (wrong != query.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("query: expected finite values, found {} at component {}", *wrong, wrong - query.begin()));
  }
  if (options.k > kExpansionMax || options.expansion > kExpansionMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("graph index: expected k and expansion of at most {}, found {} and {}", kExpansionMax,
                            options.k, options.expansion),
                "search exactly for more");
  }
  return {};
}

}  // namespace

void WalkMemory::start(std::size_t slot_count) {
  if (visited.size() < slot_count || ++walk == 0) {
    visited.assign(std::max(slot_count, visited.size()), 0);
    walk = 1;
  }
}

std::unique_ptr<WalkMemory> WalkMemoryPool::take() {
  const std::scoped_lock lock(mutex_);
  if (free_.empty()) {
    return std::make_unique<WalkMemory>();
  }
  auto memory = std::move(free_.back());
  free_.pop_back();
  return memory;
}

void WalkMemoryPool::give(std::unique_ptr<WalkMemory> memory) {
  const std::scoped_lock lock(mutex_);
  free_.push_back(std::move(memory));
}

Result<std::vector<Hit>> GraphIndex::Impl::search(std::span<const float> query, const SearchOptions& options,
                                                  std::size_t hit_count_max) const {
  if (auto checked = check_search(settings, query, options); !checked) {
    return std::unexpected(checked.error());
  }
  std::vector<Hit> hits;
  if (live_count == 0 || options.k == 0) {
    return hits;
  }
  auto memory = walk_memory.take();
  codes.encode_query(query, memory->query_code.get(codes.stride_bytes()));
  const bool filtered = options.allowed.kind() != AllowedPositions::Kind::kAll;
  Walk walk(*this, *memory, options, hit_count_max);
  if (filtered) {
    walk.search_filtered(plan_filtered(options));
  } else {
    walk.search_all();
  }
  for (const Candidate& candidate : memory->beam) {
    const std::uint32_t position = position_of_slot[candidate.slot];
    // Where the walk began may be a node that is not allowed; removed ones are on the way of unfiltered walks.
    if (position != kNoPosition && options.allowed.contains(position)) {
      hits.push_back({.position = position, .value = codes.value_of(candidate.distance)});
      if (hits.size() == hit_count_max) {
        break;
      }
    }
  }
  if (options.counters != nullptr) {
    options.counters->nodes_visited += walk.counters.nodes_visited;
    options.counters->sketches_compared += walk.counters.sketches_compared;
    options.counters->distances_computed += walk.counters.distances_computed;
    if (filtered) {
      options.counters->plan = walk.counters.plan;
    }
  }
  walk_memory.give(std::move(memory));
  return hits;
}

GraphIndex::Impl::Filtered GraphIndex::Impl::plan_filtered(const SearchOptions& options) const {
  Filtered filtered{.plan = {}, .allowed_count = options.allowed.count(kRowCountMax)};
  const WalkSize size{.k = options.k, .expansion = std::max(options.k, options.expansion)};
  filtered.plan = filtered_plan(filtered.allowed_count, live_count, size, true);
  if (filtered.plan.way == FilteredPlan::Way::kSketchScan) {
    filtered.sketches = sketches.for_scan(codes, slot_count(), filtered.allowed_count);
    if (filtered.sketches == nullptr) {
      filtered.plan = filtered_plan(filtered.allowed_count, live_count, size, false);
    }
  }
  return filtered;
}

// Removed nodes take places in the beam of an unfiltered walk: as many more are kept.
std::size_t GraphIndex::Impl::expansion_for(const SearchOptions& options) const noexcept {
  const std::size_t wanted = std::max(options.k, options.expansion);
  if (dead_slots.empty() || options.allowed.kind() != AllowedPositions::Kind::kAll) {
    return wanted;
  }
  return static_cast<std::size_t>(
      std::ceil(static_cast<double>(wanted) * static_cast<double>(live_count + dead_slots.size()) /
                static_cast<double>(live_count)));
}

Result<std::vector<Hit>> GraphIndex::search(std::span<const float> query, const SearchOptions& options) const {
  return impl_->search(query, options, options.k);
}

Result<std::vector<Hit>> GraphIndex::search_rescored(const VectorRows& rows, std::span<const float> query,
                                                     const SearchOptions& options) const {
  if (auto checked = check_rows(rows); !checked) {
    return std::unexpected(checked.error());
  }
  // Codes are exact to about 1 in 250: the true k nearest are well within the first of these.
  const std::size_t rescored = std::min(kExpansionMax, kRescoredFactor * options.k + kRescoredMore);
  auto hits = impl_->search(query, options, rescored);
  if (!hits) {
    return hits;
  }
  const RowScorer score(rows, query, impl_->settings.metric);
  for (Hit& hit : *hits) {
    if (hit.position >= rows.row_count) {
      return fail(
          ErrorCode::kMismatch,
          fmt::format("graph index: row {} is in the index, but there are {} rows", hit.position, rows.row_count),
          "build the index anew");
    }
    if (auto verified = verify_rows(rows, hit.position, std::size_t{hit.position} + 1); !verified) {
      return std::unexpected(verified.error());
    }
    hit.value = score(hit.position);
  }
  if (options.counters != nullptr) {
    options.counters->rows_rescored += hits->size();
  }
  std::erase_if(*hits, [](const Hit& hit) { return std::isnan(hit.value); });
  const Metric metric = impl_->settings.metric;
  std::ranges::sort(*hits, [metric](const Hit& a, const Hit& b) { return is_nearer(metric, a, b); });
  hits->resize(std::min(hits->size(), options.k));
  return hits;
}

}  // namespace asterism
