// Taking nodes of removed rows out of the graph, so that they can be used again.
//
// A removed row's node stays on the way of walks until there are enough of them. Then one pass over all nodes replaces
// every link to one by links to its own neighbours (Singh et al. 2021, "FreshDiskANN", delete consolidation). USearch's
// own update() leaves old links to a node that now lies elsewhere: recall decays with every row replaced (decision
// 0193).
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/thread_pool.hpp"
#include "index/graph_impl.hpp"

namespace asterism {
namespace {

constexpr std::size_t kNodesPerStep = 256;

// The links of a node at a level, in USearch's memory: a count, then slots; nothing is aligned.
class LinkList {
 public:
  LinkList(UsearchGraph& graph, std::uint32_t slot, std::size_t level)
      : list_(graph.at(slot).key.ptr() + kHeadBytes +
              (level == 0 ? 0 : graph.neighbors_base_bytes() + (level - 1) * graph.neighbors_bytes())) {}

  std::uint32_t size() const noexcept { return read(0); }
  std::uint32_t operator[](std::uint32_t i) const noexcept { return read(1 + i); }
  // USearch expects zeros behind the last link.
  void assign(std::span<const std::uint32_t> slots) noexcept {
    const std::size_t size_before = size();
    const auto count = static_cast<std::uint32_t>(slots.size());
    std::memcpy(list_, &count, sizeof count);
    std::ranges::copy(std::as_bytes(slots), reinterpret_cast<std::byte*>(list_ + sizeof count));
    for (std::size_t i = slots.size(); i < size_before; ++i) {
      std::memset(list_ + (1 + i) * sizeof count, 0, sizeof count);
    }
  }

 private:
  static constexpr std::size_t kHeadBytes = sizeof(std::uint32_t) + sizeof(std::int16_t);

  std::uint32_t read(std::size_t i) const noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, list_ + i * sizeof value, sizeof value);
    return value;
  }

  char* list_;
};

// Mends the nodes one thread is given. Reads lists of dead nodes, writes lists of its own: no two threads meet.
class Mender {
 public:
  Mender(GraphIndex::Impl& index, const std::vector<bool>& dead) : index_(index), dead_(dead) {}

  void mend(std::uint32_t slot) {
    for (std::size_t level = 0; level <= index_.graph.level_of(slot); ++level) {
      LinkList links(index_.graph, slot, level);
      kept_.clear();
      candidates_.clear();
      const std::uint32_t count = links.size();
      for (std::uint32_t i = 0; i < count; ++i) {
        if (!dead_[links[i]]) {
          kept_.push_back(links[i]);
        }
      }
      if (kept_.size() == count) {
        continue;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        if (dead_[links[i]]) {
          collect(slot, LinkList(index_.graph, links[i], level));
        }
      }
      fill(count);
      links.assign(kept_);
    }
  }

 private:
  float distance(std::uint32_t a, std::uint32_t b) const noexcept {
    return index_.codes.distance(index_.codes.row(a), index_.codes.row(b));
  }

  void collect(std::uint32_t slot, const LinkList& links) {
    for (std::uint32_t i = 0; i < links.size(); ++i) {
      const std::uint32_t other = links[i];
      if (!dead_[other] && other != slot && std::ranges::find(kept_, other) == kept_.end() &&
          std::ranges::find(candidates_, other, &Candidate::slot) == candidates_.end()) {
        candidates_.push_back({.distance = distance(slot, other), .slot = other, .expanded = false});
      }
    }
  }

  // The nearest candidates that are nearer to the node than to any link it has, as when a node is added; up to as many
  // links as there were.
  void fill(std::size_t count) {
    std::ranges::sort(candidates_, {}, &Candidate::distance);
    for (Candidate& candidate : candidates_) {
      if (kept_.size() >= count) {
        return;
      }
      if (std::ranges::none_of(
              kept_, [&](std::uint32_t link) { return distance(link, candidate.slot) < candidate.distance; })) {
        kept_.push_back(candidate.slot);
        candidate.expanded = true;
      }
    }
    for (const Candidate& candidate : candidates_) {
      if (kept_.size() >= count) {
        return;
      }
      if (!candidate.expanded) {
        kept_.push_back(candidate.slot);
      }
    }
  }

  GraphIndex::Impl& index_;
  const std::vector<bool>& dead_;
  std::vector<std::uint32_t> kept_;
  std::vector<Candidate> candidates_;
};

}  // namespace

void GraphIndex::Impl::consolidate(ThreadPool* pool) {
  std::vector<bool> dead(slot_count());
  for (const std::uint32_t slot : dead_slots) {
    // Every walk begins at the entry: it stays.
    dead[slot] = slot != entry_slot;
  }
  const auto mend = [&](std::size_t begin, std::size_t end) {
    Mender mender(*this, dead);
    for (std::size_t slot = begin; slot < end; ++slot) {
      if (!dead[slot]) {
        mender.mend(static_cast<std::uint32_t>(slot));
      }
    }
  };
  if (pool == nullptr) {
    mend(0, slot_count());
  } else {
    pool->parallel_for(slot_count(), kNodesPerStep, mend);
  }
  for (const std::uint32_t slot : dead_slots) {
    if (slot == entry_slot) {
      continue;
    }
    for (std::size_t level = 0; level <= graph.level_of(slot); ++level) {
      LinkList(graph, slot, level).assign({});
    }
    free_slots.push_back(slot);
  }
  std::erase_if(dead_slots, [this](std::uint32_t slot) { return slot != entry_slot; });
}

}  // namespace asterism
