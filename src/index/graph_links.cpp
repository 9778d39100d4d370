#include "index/graph_links.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace asterism {
namespace {

struct StreamHeader {
  std::uint64_t node_count;
  std::uint64_t connectivity;
  std::uint64_t connectivity_base;
  std::uint64_t top_level;
  std::uint64_t entry_slot;
};

template <typename Value>
Value read_at(const std::byte* p) noexcept {
  Value value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

constexpr std::size_t kNodeHeadBytes = sizeof(std::uint32_t) + sizeof(std::int16_t);

class Checker {
 public:
  Checker(std::span<const std::byte> stream, std::size_t node_count, std::size_t connectivity,
          const std::string& source)
      : stream_(stream), node_count_(node_count), connectivity_(connectivity), source_(source) {}

  Result<GraphLinks> check() {
    if (stream_.size() < sizeof(StreamHeader)) {
      return corrupt(
          fmt::format("expected at least {} bytes of links, found {}", sizeof(StreamHeader), stream_.size()));
    }
    const auto header = read_at<StreamHeader>(stream_.data());
    if (header.node_count != node_count_) {
      return corrupt(fmt::format("expected links of {} nodes, found {}", node_count_, header.node_count));
    }
    if (node_count_ == 0) {
      return stream_.size() == sizeof(StreamHeader)
                 ? Result<GraphLinks>{GraphLinks{0, connectivity_, 0}}
                 : corrupt(fmt::format("expected no nodes, found {} bytes of them", stream_.size()));
    }
    if (header.connectivity != connectivity_ || header.connectivity_base != 2 * connectivity_) {
      return corrupt(fmt::format("expected {} and {} links a node, found {} and {}", connectivity_, 2 * connectivity_,
                                 header.connectivity, header.connectivity_base));
    }
    if (auto checked = check_levels(header); !checked) {
      return std::unexpected(checked.error());
    }
    const std::byte* node = stream_.data() + sizeof(StreamHeader) + node_count_ * sizeof(std::int16_t);
    for (std::size_t slot = 0; slot < node_count_; ++slot) {
      if (auto checked = check_node(node, slot); !checked) {
        return std::unexpected(checked.error());
      }
      node += node_bytes(level_of(slot));
    }
    return GraphLinks{node_count_, connectivity_, static_cast<std::uint32_t>(header.entry_slot)};
  }

 private:
  std::unexpected<Error> corrupt(std::string what) const {
    return fail(ErrorCode::kCorrupt, source_ + ": " + std::move(what), "the index is built anew from its rows");
  }

  std::int16_t level_of(std::size_t slot) const noexcept {
    return read_at<std::int16_t>(stream_.data() + sizeof(StreamHeader) + slot * sizeof(std::int16_t));
  }

  std::size_t list_bytes(std::size_t level) const noexcept {
    return sizeof(std::uint32_t) * (1 + (level == 0 ? 2 : 1) * connectivity_);
  }

  std::size_t node_bytes(std::int16_t level) const noexcept {
    return kNodeHeadBytes + list_bytes(0) + static_cast<std::size_t>(level) * list_bytes(1);
  }

  // The levels add up to the bytes that are there, and the entry is at the top.
  Result<void> check_levels(const StreamHeader& header) const {
    const std::size_t rest = stream_.size() - sizeof(StreamHeader);
    if (node_count_ > rest / (sizeof(std::int16_t) + node_bytes(0))) {
      return corrupt(fmt::format("expected {} nodes, found bytes for fewer: {}", node_count_, rest));
    }
    std::size_t size_bytes = node_count_ * sizeof(std::int16_t);
    std::int16_t top = 0;
    for (std::size_t slot = 0; slot < node_count_; ++slot) {
      const std::int16_t level = level_of(slot);
      if (level < 0 || static_cast<std::size_t>(level) > kGraphLevelMax) {
        return corrupt(fmt::format("node {}: expected a level from 0 to {}, found {}", slot, kGraphLevelMax, level));
      }
      top = std::max(top, level);
      size_bytes += node_bytes(level);
    }
    if (size_bytes != rest) {
      return corrupt(fmt::format("expected {} bytes of nodes, found {}", size_bytes, rest));
    }
    if (header.entry_slot >= node_count_ || header.top_level != static_cast<std::uint64_t>(top) ||
        level_of(header.entry_slot) != top) {
      return corrupt(fmt::format("expected an entry at level {}, found node {} and level {}", top, header.entry_slot,
                                 header.top_level));
    }
    return {};
  }

  Result<void> check_node(const std::byte* node, std::size_t slot) const {
    const std::int16_t level = level_of(slot);
    const auto own_level = read_at<std::int16_t>(node + sizeof(std::uint32_t));
    if (own_level != level) {
      return corrupt(fmt::format("node {}: expected level {}, found {}", slot, level, own_level));
    }
    const std::byte* list = node + kNodeHeadBytes;
    for (std::size_t l = 0; l <= static_cast<std::size_t>(level); list += list_bytes(l), ++l) {
      const auto count = read_at<std::uint32_t>(list);
      if (count > (l == 0 ? 2 : 1) * connectivity_) {
        return corrupt(
            fmt::format("node {}: expected at most {} links, found {}", slot, (l == 0 ? 2 : 1) * connectivity_, count));
      }
      std::uint32_t largest = 0;
      for (std::uint32_t i = 0; i < count; ++i) {
        largest = std::max(largest, read_at<std::uint32_t>(list + (1 + i) * sizeof(std::uint32_t)));
      }
      if (count > 0 && largest >= node_count_) {
        return corrupt(fmt::format("node {}: expected links below {}, found {}", slot, node_count_, largest));
      }
      for (std::uint32_t i = 0; l > 0 && i < count; ++i) {
        const auto other = read_at<std::uint32_t>(list + (1 + i) * sizeof(std::uint32_t));
        if (static_cast<std::size_t>(level_of(other)) < l) {
          return corrupt(fmt::format("node {}: expected links of level {}, found node {} of level {}", slot, l, other,
                                     level_of(other)));
        }
      }
    }
    return {};
  }

  std::span<const std::byte> stream_;
  std::size_t node_count_;
  std::size_t connectivity_;
  const std::string& source_;
};

}  // namespace

Result<GraphLinks> check_graph_links(std::span<const std::byte> stream, std::size_t node_count,
                                     std::size_t connectivity, const std::string& source) {
  return Checker(stream, node_count, connectivity, source).check();
}

}  // namespace asterism
