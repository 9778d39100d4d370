// Adding to a graph index and removing from it.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>
#include <numeric>
#include <utility>

#include "base/first_error.hpp"
#include "base/thread_pool.hpp"
#include "index/graph_impl.hpp"

namespace asterism {
namespace {

// Rows a thread takes at a time, and after how many progress is told.
constexpr std::size_t kRowsPerStep = 16;
constexpr std::size_t kRowsPerReport = 1024;
constexpr std::size_t kCapacityMin = 64;
// Share of dead nodes from which they are taken out of the graph to be used again: a pass over all nodes for so many.
constexpr double kDeadShareMax = 0.1;

Result<void> check_finite(std::span<const float> vector, std::uint32_t position) {
  const auto wrong = std::ranges::find_if_not(vector, [](float value) { return std::isfinite(value); });
  if (wrong == vector.end()) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("row {}: expected finite values, found {} at component {}",
                                                       position, *wrong, wrong - vector.begin()));
}

// Tells progress from whichever thread gets there, one at a time.
class ProgressTeller {
 public:
  ProgressTeller(const BuildOptions& options, std::size_t total) : options_(options), total_(total) {}

  void add(std::size_t count) {
    const std::size_t done = done_.fetch_add(count, std::memory_order_relaxed) + count;
    const bool crossed = done / kRowsPerReport != (done - count) / kRowsPerReport;
    if (options_.progress && (crossed || done == total_)) {
      const std::scoped_lock lock(mutex_);
      // Threads may arrive out of order; what is told never goes back.
      told_ = std::max(told_, done);
      options_.progress(told_, total_);
    }
  }

 private:
  const BuildOptions& options_;
  std::size_t total_;
  std::atomic<std::size_t> done_{0};
  std::mutex mutex_;
  std::size_t told_ = 0;
};

}  // namespace

std::byte* CodeMemory::get(std::size_t size_bytes) {
  lines_.resize(std::max(lines_.size(), (size_bytes + kCacheLineBytes - 1) / kCacheLineBytes));
  return lines_.front().bytes;
}

Result<void> GraphIndex::Impl::reserve_nodes(std::size_t count, std::size_t thread_count) {
  const std::size_t needed = slot_count() + count;
  if (needed > kRowCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("graph index: expected at most {} rows, found {}", kRowCountMax, needed));
  }
  const std::size_t threads = std::max({thread_count, graph.limits().threads_add, std::size_t{1}});
  std::size_t capacity = std::max(graph.capacity(), kCapacityMin);
  if (needed > capacity) {
    // One by one, room grows by half, so that copies are few; many at once get what they need.
    capacity = std::max(needed, count == 1 ? capacity + capacity / 2 : needed);
  }
  if (auto reserved = codes.reserve(capacity); !reserved) {
    return reserved;
  }
  if (!graph.try_reserve({capacity, threads})) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("graph index: expected memory for {} nodes, found too little", capacity));
  }
  position_of_slot.resize(capacity, kNoPosition);
  return {};
}

Result<void> GraphIndex::Impl::link(std::uint32_t position, std::uint32_t free_slot, std::span<const float> vector,
                                    std::byte* code, std::size_t thread) {
  const CodeMetric metric{&codes};
  const unum::usearch::index_update_config_t config{settings.expansion_add, thread};
  UsearchGraph::add_result_t added;
  if (free_slot == kNoSlot) {
    codes.encode_row(vector, code);
    // The code is in place before any other thread can meet the node.
    const auto place = [&](auto member) { std::memcpy(codes.writable_row(member.slot), code, codes.stride_bytes()); };
    added = graph.add(position, CodeValue{code}, metric, config, place, CodePrefetch{&codes});
  } else {
    const CodeValue value{codes.row(free_slot)};
    added = graph.update(graph.iterator_at(free_slot), position, value, metric, config,
                         unum::usearch::dummy_callback_t{}, CodePrefetch{&codes});
  }
  if (!added) {
    return fail(ErrorCode::kInternal,
                fmt::format("graph index: row {} could not be added: {}", position, added.error.release()));
  }
  const auto slot = static_cast<std::uint32_t>(added.slot);
  position_of_slot[slot] = position;
  return {};
}

Result<void> GraphIndex::Impl::check_writable() const {
  return read_only ? fail(ErrorCode::kInvalidArgument, "graph index: expected one in memory, found a read-only file",
                          "load the index instead of opening it")
                   : Result<void>{};
}

Result<void> GraphIndex::Impl::check_absent(std::span<const std::uint32_t> positions) {
  for (const std::uint32_t position : positions) {
    if (position >= kNoPosition) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("graph index: expected positions below {}, found {}", kNoPosition, position));
    }
    if (slot_of_position.get(position) != kNoSlot) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("graph index: row {} is there already", position),
                  "remove it before adding it anew");
    }
  }
  return {};
}

void GraphIndex::Impl::forget(std::uint32_t slot) {
  slot_of_position.set(position_of_slot[slot], kNoSlot);
  position_of_slot[slot] = kNoPosition;
  graph.at(slot).key = kNoPosition;
  dead_slots.push_back(slot);
  --live_count;
}

Result<void> GraphIndex::Impl::add(std::span<const std::uint32_t> positions, const ReadVector& read,
                                   const BuildOptions& options) {
  if (auto writable = check_writable(); !writable) {
    return writable;
  }
  if (auto absent = check_absent(positions); !absent) {
    return absent;
  }
  if (free_slots.size() < positions.size() &&
      static_cast<double>(dead_slots.size()) > kDeadShareMax * static_cast<double>(slot_count())) {
    consolidate(options.pool);
  }
  const std::size_t reused = std::min(positions.size(), free_slots.size());
  const std::size_t thread_count = options.pool == nullptr ? 1 : options.pool->thread_count();
  if (auto reserved = reserve_nodes(positions.size() - reused, thread_count); !reserved) {
    return reserved;
  }
  const std::size_t slots_before = slot_count();
  // Codes of nodes that are used again change before any thread walks the graph.
  std::vector<float> vector(settings.dim);
  for (std::size_t i = 0; i < reused; ++i) {
    if (auto given = read(i, vector); !given) {
      return given;
    }
    if (auto checked = check_finite(vector, positions[i]); !checked) {
      return checked;
    }
    codes.encode_row(vector, codes.writable_row(free_slots[free_slots.size() - 1 - i]));
  }
  if (auto linked = link_all(positions, reused, read, options); !linked) {
    return linked;
  }
  const auto reused_slots = std::span(free_slots).last(reused);
  for (std::size_t i = 0; i < reused; ++i) {
    slot_of_position.set(positions[i], reused_slots[reused - 1 - i]);
  }
  std::vector<std::uint32_t> new_slots(slot_count() - slots_before);
  std::iota(new_slots.begin(), new_slots.end(), static_cast<std::uint32_t>(slots_before));
  sketches.update(codes, reused_slots);
  sketches.update(codes, new_slots);
  for (std::size_t slot = slots_before; slot < slot_count(); ++slot) {
    slot_of_position.set(position_of_slot[slot], static_cast<std::uint32_t>(slot));
  }
  free_slots.resize(free_slots.size() - reused);
  replaced_count += reused;
  live_count += positions.size();
  find_entry();
  return {};
}

Result<void> GraphIndex::Impl::link_all(std::span<const std::uint32_t> positions, std::size_t reused,
                                        const ReadVector& read, const BuildOptions& options) {
  const std::size_t thread_count = options.pool == nullptr ? 1 : options.pool->thread_count();
  FirstError error;
  ProgressTeller progress(options, positions.size());
  std::atomic<std::size_t> next{0};
  const auto link_one = [&](std::size_t i, std::span<float> vector, CodeMemory& memory, std::size_t thread) {
    const std::uint32_t slot = i < reused ? free_slots[free_slots.size() - 1 - i] : kNoSlot;
    auto linked = i < reused ? Result<void>{} : read(i, vector);
    if (linked && i >= reused) {
      linked = check_finite(vector, positions[i]);
    }
    return linked ? link(positions[i], slot, vector, memory.get(codes.stride_bytes()), thread) : linked;
  };
  const auto work = [&](std::size_t thread, std::size_t) {
    std::vector<float> vector(settings.dim);
    CodeMemory memory;
    while (!error.is_set()) {
      const std::size_t begin = next.fetch_add(kRowsPerStep, std::memory_order_relaxed);
      const std::size_t end = std::min(positions.size(), begin + kRowsPerStep);
      if (begin >= end) {
        return;
      }
      if (options.cancel != nullptr && options.cancel->requested()) {
        return error.set({ErrorCode::kCancelled, "graph index: stopped", {}});
      }
      for (std::size_t i = begin; i < end; ++i) {
        if (auto linked = link_one(i, vector, memory, thread); !linked) {
          return error.set(std::move(linked.error()));
        }
      }
      progress.add(end - begin);
    }
  };
  if (thread_count == 1) {
    work(0, 1);
  } else {
    options.pool->parallel_for(thread_count, 1, work);
  }
  if (auto first = error.take()) {
    return std::unexpected(std::move(*first));
  }
  return {};
}

}  // namespace asterism
