// The files that make searching fast, in COLLECTION/index: a cache of what SQLite holds.
//
//   current.json       which files are meant, and the write that they hold
//   vectors-N.bin      vectors by position (index/vector_file.hpp); a key is a slot, 0 a hole
//   graph-N.bin        the graph over those positions (index/graph_index.hpp), where there are enough rows
//   index.lock         held by who builds
//
// Files are written whole under new names before current.json names them, so that whoever has the old ones open keeps
// them. Nothing here is ever a reason not to start: what is missing, damaged or of other settings is a `problem`, and
// the rows come from SQLite instead.
// Ownership: IndexFiles owns its mappings. Thread-safety: reading from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "index/graph_index.hpp"
#include "index/vector_file.hpp"

namespace asterism {

// Positions of a vector file by slot.
class SlotPositions {
 public:
  explicit SlotPositions(std::span<const std::uint64_t> keys);
  // Nothing where no row has that slot. Cost: O(log n).
  std::optional<std::uint32_t> find(std::int64_t slot) const noexcept;

 private:
  std::span<const std::uint64_t> keys_;
  std::vector<std::uint32_t> order_;  // positions by key, holes left out; empty where keys ascend already
  std::size_t count_ = 0;
};

struct IndexFiles {
  std::int64_t version = 0;  // the write whose items they hold
  std::int64_t stamp = 0;    // its random number (store/schema.hpp): files of another history are of no use
  std::optional<VectorFile> vectors;
  std::optional<GraphIndex> graph;
  std::unique_ptr<SlotPositions> positions;
  std::string problem;  // why something is not there; empty = all is well or nothing was ever built

  std::size_t row_count() const noexcept { return vectors ? vectors->keys().size() : 0; }
};

// Which files are meant.
struct IndexNames {
  std::int64_t version = 0;
  std::int64_t stamp = 0;
  std::string vectors;
  std::string graph;  // empty = none
};

// Nothing where nothing was built. kCorrupt for a damaged list.
Result<std::optional<IndexNames>> read_index_names(const std::filesystem::path& folder);
Result<void> write_index_names(const std::filesystem::path& folder, const IndexNames& names);

// What can be used. Never fails: see `problem`.
IndexFiles open_index_files(const std::filesystem::path& folder, const CollectionSettings& settings);

// Removes files that current.json does not name, and what broken-off writes left. Call while holding the lock.
void remove_old_index_files(const std::filesystem::path& folder, const IndexNames& kept);

std::filesystem::path index_lock_path(const std::filesystem::path& folder);
std::uint64_t folder_size_bytes(const std::filesystem::path& folder);
GraphSettings graph_settings(const CollectionSettings& settings);

}  // namespace asterism
