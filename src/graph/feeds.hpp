// What a run must be fed, worked out once from a graph, and the check of each run's feeds.
//
// After check() succeeds no op can read outside its inputs: ids lie inside every table they index, offsets start at 0,
// never fall and end within the tokens, ranges lie within the tokens, and all rows-per-token inputs agree.
// Thread-safety: immutable. Cost of check(): one pass over the integer feeds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "graph/backend.hpp"
#include "graph/graph.hpp"

namespace asterism {

enum class FeedRole : std::uint8_t {
  kTokenIds,   // i32 [tokens], indices into tables
  kTokenRows,  // f32 [tokens, dim]
  kRows,       // f32 [rows, ...]: one for each text or image
  kOffsets,    // i32 [texts + 1]
  kRanges,     // i32 [texts, 2]
  kRowIds,     // i32 [rows, k], indices into the tokens of each row
  kIdPerRow,   // i32 [rows], indices into tables: one for each row, as categories of a table's column
};

struct FeedSlot {
  ValueId value{};
  std::string name;
  FeedRole role = FeedRole::kTokenRows;
  std::int64_t id_limit = 0;  // kTokenIds, kIdPerRow: rows of the smallest table; kRowIds: tokens of a row
};

// One run's sizes and its tensors, in the order of FeedPlan::slots(); borrowed from the feeds.
struct CheckedFeeds {
  std::int64_t token_count = 0;
  std::int64_t row_count = 0;  // texts or images
  std::vector<const Tensor*> tensors;
};

class FeedPlan {
 public:
  // kUnsupported for an input that nothing uses or that is used in two roles.
  static Result<FeedPlan> make(const Graph& graph);

  std::span<const FeedSlot> slots() const noexcept { return slots_; }
  // kInvalidArgument names the feed, what was expected and what was found.
  Result<CheckedFeeds> check(const std::vector<Feed>& feeds) const;

 private:
  std::vector<FeedSlot> slots_;
  std::vector<Shape> shapes_;  // as the graph declares them, one a slot
};

}  // namespace asterism
