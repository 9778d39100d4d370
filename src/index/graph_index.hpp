// Approximate nearest neighbours over a navigable graph (HNSW, Malkov and Yashunin 2016), built and kept by USearch.
//
// The graph is walked over codes of the vectors (i8, or bf16), which are small; what it finds is scored again exactly
// by search_rescored(). Cosine compares directions. Dot becomes a distance by one more component (Bachrach et al.
// 2014), so that vectors of very different lengths are ordered rightly. Codes of Euclidean are taken from the mean of
// the rows.
//
// Ownership: owns graph and codes, or maps a file of them (open()); the rows themselves stay with the caller.
// Thread-safety: any number of threads may search at once; whoever changes the index (add, remove) excludes everyone
// else. Cost: search is O(expansion * log n) distances; memory is about dim + 240 bytes a row with i8,
// and dim / 8 + 16 more once filters have been searched with often (lazy_sketches.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "asterism/metric.hpp"
#include "index/allowed_positions.hpp"
#include "index/exact_scan.hpp"
#include "index/vector_rows.hpp"

namespace asterism {

class ThreadPool;

// What the graph is walked over.
enum class GraphCode : std::uint8_t { kI8, kBF16 };

constexpr std::string_view graph_code_name(GraphCode code) noexcept {
  return code == GraphCode::kI8 ? "i8" : "bf16";
}

struct GraphSettings {
  Metric metric = Metric::kCosine;
  std::size_t dim = 0;
  GraphCode code = GraphCode::kI8;
  std::size_t connectivity = 16;    // M of the paper: links of a node above the base level; twice as many there
  std::size_t expansion_add = 100;  // efConstruction of the paper
};

inline constexpr std::size_t kConnectivityMax = 256;
inline constexpr std::size_t kExpansionMax = 65536;

struct BuildOptions {
  ThreadPool* pool = nullptr;          // borrowed; null: the calling thread alone
  const CancelFlag* cancel = nullptr;  // borrowed; kCancelled, nothing is kept
  // Called from one thread at a time, now and then; may be empty.
  std::function<void(std::size_t rows_done, std::size_t rows_total)> progress = {};
};

// How a filtered search is best done, by what was measured (docs/decisions/0192). GraphIndex does all but kExactScan by
// itself, which is for the caller.
struct FilteredPlan {
  enum class Way : std::uint8_t {
    kGraph,       // walk the graph, stepping over rows that are not allowed
    kWideGraph,   // walk it as without a filter, with room for those before the k-th that is allowed
    kCodeScan,    // compare the codes of all allowed rows, and score the best exactly
    kSketchScan,  // compare their sketches, then the codes of those that may be among the nearest
    kExactScan,   // compare all allowed rows: scan_nearest()
  };
  Way way = Way::kGraph;
  std::string_view reason;  // static text for --explain
};

// A walk for the k nearest, with so many places in its beam where there is no filter.
struct WalkSize {
  std::size_t k = 10;
  std::size_t expansion = 64;
};

// The places with which a walk as without a filter finds as large a part of the k nearest of the rows that pass.
std::size_t wide_expansion(const WalkSize& size, double share_that_passes) noexcept;

// Of `row_count` rows; `has_sketches` is whether sketches are made.
FilteredPlan filtered_plan(std::size_t allowed_count, std::size_t row_count, const WalkSize& size,
                           bool has_sketches) noexcept;

// Work done by searches.
struct SearchCounters {
  std::size_t nodes_visited = 0;       // nodes whose links were followed
  std::size_t sketches_compared = 0;   // with the query
  std::size_t distances_computed = 0;  // between the query and codes
  std::size_t rows_rescored = 0;       // between the query and rows
  FilteredPlan plan = {};              // of the last one with a filter
};

struct SearchOptions {
  std::size_t k = 10;
  std::size_t expansion = 64;  // ef of the paper: candidates kept while walking; at least k is used
  AllowedPositions allowed = {};
  SearchCounters* counters = nullptr;  // borrowed; added to
};

// How an index is known to fit the data it was built from.
struct IndexIdentity {
  GraphSettings settings;
  std::uint64_t data_version = 0;
};

class GraphIndex {
 public:
  // Without rows. kInvalidArgument for settings outside their bounds.
  static Result<GraphIndex> create(const GraphSettings& settings);
  // Of the allowed positions of `rows`. Vectors that are zero are kept with cosine: their score is 0.
  static Result<GraphIndex> build(const GraphSettings& settings, const VectorRows& rows,
                                  const AllowedPositions& present, const BuildOptions& options);
  GraphIndex(GraphIndex&&) noexcept;
  GraphIndex& operator=(GraphIndex&&) noexcept;
  ~GraphIndex();

  const GraphSettings& settings() const noexcept;
  // Rows that can be found.
  std::size_t size() const noexcept;
  bool contains(std::uint32_t position) const noexcept;
  // Nodes of removed rows: on the way of walks until there are many, then used again.
  std::size_t removed_count() const noexcept;
  // Rows put into nodes of removed ones since the index was built.
  std::size_t replaced_count() const noexcept;
  // Whether so many nodes have no row that a new index would be much smaller and quicker (docs/decisions/0193).
  bool needs_rebuild() const noexcept;
  bool is_read_only() const noexcept;
  std::size_t memory_size_bytes() const noexcept;
  std::uint64_t data_version() const noexcept;
  // The instructions that compute distances: "i8 avx512-vnni". Never slower than plain code: doctor and --explain say
  // it.
  std::string_view kernel_name() const noexcept;

  // Adds one vector [dim]. kInvalidArgument for a position that is there, a wrong length, values that are not finite or
  // an index opened read-only.
  Result<void> add(std::uint32_t position, std::span<const float> vector);
  // Adds many at once on all threads of the pool: positions (distinct, none there) of `rows`. After kCancelled or an
  // error the index must be built anew: some are in, some not.
  Result<void> add(const VectorRows& rows, std::span<const std::uint32_t> positions, const BuildOptions& options);
  // False where it is not there. Its node is used again: memory stays within a tenth of what the rows need. Now and
  // then an add after removals takes a pass over all nodes.
  Result<bool> remove(std::uint32_t position);

  // The `k` allowed rows that the codes say are nearest, best first. `value` is computed from codes: for ordering only.
  // kInvalidArgument for a wrong query, kLimitExceeded for k or expansion beyond kExpansionMax.
  Result<std::vector<Hit>> search(std::span<const float> query, const SearchOptions& options) const;
  // The same with more candidates than k, scored exactly against the rows they came from.
  Result<std::vector<Hit>> search_rescored(const VectorRows& rows, std::span<const float> query,
                                           const SearchOptions& options) const;

  // Writes the whole index to a file that appears whole or not at all.
  Result<void> save(const std::filesystem::path& path, std::uint64_t data_version) const;
  // Maps a file for reading. Everything that is followed is checked first: links and levels against their checksums and
  // bounds; codes are checked by verify() alone, they cannot do harm. kCorrupt says what is wrong; kMismatch where
  // `expected` differs.
  static Result<GraphIndex> open(const std::filesystem::path& path, const std::optional<IndexIdentity>& expected);
  // The same into memory, to be changed.
  static Result<GraphIndex> load(const std::filesystem::path& path, const std::optional<IndexIdentity>& expected);
  // Checks every byte of the file behind an open index; an index in memory has nothing to check.
  Result<void> verify() const;

  struct Impl;  // graph_impl.hpp

 private:
  explicit GraphIndex(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism
