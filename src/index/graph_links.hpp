// Checking the links of a graph before they are followed: USearch's stream, as it lies in an index file. Internal to
// src/index.
//
// Stream: five u64 (node count, connectivity, base connectivity, top level, entry slot), the level of every node (i16),
// then the nodes: key (u32), level (i16), and for each level a count (u32) and room for as many slots (u32) as the
// level may have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "asterism/error.hpp"

namespace asterism {

inline constexpr std::size_t kGraphLevelMax = 64;

struct GraphLinks {
  std::uint64_t node_count = 0;
  std::size_t connectivity = 0;
  std::uint32_t entry_slot = 0;
};

// Every count, slot and level within bounds, every key different, and not a byte more or less. Cost: one pass.
// kCorrupt; messages begin with `source`.
Result<GraphLinks> check_graph_links(std::span<const std::byte> stream, std::size_t node_count,
                                     std::size_t connectivity, const std::string& source);

}  // namespace asterism
