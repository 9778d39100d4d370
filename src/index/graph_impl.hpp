// What a GraphIndex is made of. Internal to src/index.
//
// A node of the graph is a slot. Slots and positions of rows map to each other; a slot whose row was removed has
// kNoPosition. It is in dead_slots while nodes link to it, then in free_slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "index/graph_codes.hpp"
#include "index/graph_index.hpp"
#include "index/graph_sketches.hpp"
#include "index/lazy_sketches.hpp"
#include "index/position_map.hpp"
#include "index/usearch_graph.hpp"

namespace asterism {

inline constexpr std::uint32_t kNoPosition = 0xFFFF'FFFF;

// Memory for one code, aligned as rows of codes are.
class CodeMemory {
 public:
  // At least `size_bytes`; what was there before is lost when it grows.
  std::byte* get(std::size_t size_bytes);
  const std::byte* data() const noexcept { return lines_.front().bytes; }

 private:
  struct alignas(kCacheLineBytes) Line {
    std::byte bytes[kCacheLineBytes];
  };
  std::vector<Line> lines_;
};

// A node on the way of a walk.
struct Candidate {
  float distance = 0.0F;
  std::uint32_t slot = 0;
  bool expanded = false;
};

// Memory of one walk, used again by the next.
struct WalkMemory {
  std::vector<std::uint8_t> visited;  // a slot was seen when it has the number of this walk
  std::uint8_t walk = 0;
  std::vector<Candidate> beam;
  std::vector<std::uint32_t> slots;         // to be compared
  std::vector<std::uint32_t> stepped_over;  // not allowed: their neighbours are looked at
  CodeMemory query_code;
  SketchQuery query_sketch;
  std::vector<std::uint32_t> allowed;  // slots whose sketches are compared
  std::vector<float> bounds;           // of their distances

  void start(std::size_t slot_count);
  // Whether it is the first time that this walk sees the slot.
  bool see(std::uint32_t slot) noexcept { return std::exchange(visited[slot], walk) != walk; }
};

class WalkMemoryPool {
 public:
  std::unique_ptr<WalkMemory> take();
  void give(std::unique_ptr<WalkMemory> memory);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<WalkMemory>> free_;
};

// Where the parts of an index file lie.
struct IndexFileParts {
  std::span<const std::byte> links;  // USearch's stream
  std::span<const std::byte> codes;
  std::span<const std::byte> code_checksums;
};

struct GraphIndex::Impl {
  Impl(const GraphSettings& wanted, CodeReference reference)
      : settings(wanted),
        codes(wanted.metric, wanted.dim, wanted.code, std::move(reference)),
        graph(unum::usearch::index_config_t(wanted.connectivity, 2 * wanted.connectivity)) {}

  GraphSettings settings;
  GraphCodes codes;
  std::optional<MappedFile> mapped_file;  // before the graph, which may point into it
  std::filesystem::path file_path;
  IndexFileParts parts;
  UsearchGraph graph;
  std::vector<std::uint32_t> position_of_slot;
  PositionMap slot_of_position;
  std::vector<std::uint32_t> dead_slots;
  std::vector<std::uint32_t> free_slots;
  std::uint32_t entry_slot = 0;
  std::size_t live_count = 0;
  std::size_t replaced_count = 0;
  std::uint64_t data_version = 0;
  bool read_only = false;
  mutable WalkMemoryPool walk_memory;
  mutable LazySketches sketches;  // by slot

  std::size_t slot_count() const noexcept { return graph.size(); }
  // Gives the vector to be added at positions[i].
  using ReadVector = std::function<Result<void>(std::size_t i, std::span<float> vector)>;

  Result<void> check_writable() const;
  Result<void> check_absent(std::span<const std::uint32_t> positions);
  Result<void> add(std::span<const std::uint32_t> positions, const ReadVector& read, const BuildOptions& options);
  // Adds to the graph on all threads; the first `reused` go to the last free slots, whose codes are written.
  Result<void> link_all(std::span<const std::uint32_t> positions, std::size_t reused, const ReadVector& read,
                        const BuildOptions& options);
  // Room for `count` more nodes, and for `thread_count` threads to add them.
  Result<void> reserve_nodes(std::size_t count, std::size_t thread_count);
  // Puts a vector in the graph: in `free_slot`, or in a new one where that is kNoSlot. `code` [stride_bytes] is memory
  // of the calling thread, whose number is `thread`.
  Result<void> link(std::uint32_t position, std::uint32_t free_slot, std::span<const float> vector, std::byte* code,
                    std::size_t thread);
  // Takes dead nodes out of the graph: they are free then. One pass over all nodes.
  void consolidate(ThreadPool* pool);
  // Takes the row of a slot away.
  void forget(std::uint32_t slot);
  void find_entry() noexcept;

  Result<void> write(AtomicFile& file, std::uint64_t version) const;
  static Result<std::unique_ptr<Impl>> read(const std::filesystem::path& path,
                                            const std::optional<IndexIdentity>& expected, bool into_memory);
  // The checked parts of `file` as graph and codes: where they lie, or copied to memory.
  Result<void> map_parts(std::size_t node_count);
  Result<void> copy_parts(std::size_t node_count);
  // Fills the tables of positions from the graph's keys.
  Result<void> take_positions(std::uint64_t expected_live_count, const std::filesystem::path& path);

  // The nearest by codes, at most `hit_count_max`.
  Result<std::vector<Hit>> search(std::span<const float> query, const SearchOptions& options,
                                  std::size_t hit_count_max) const;
  std::size_t expansion_for(const SearchOptions& options) const noexcept;
  struct Filtered {
    FilteredPlan plan;
    const GraphSketches* sketches = nullptr;  // where the plan is by them
    std::size_t allowed_count = 0;
  };
  // How a filtered search is done.
  Filtered plan_filtered(const SearchOptions& options) const;
};

}  // namespace asterism
