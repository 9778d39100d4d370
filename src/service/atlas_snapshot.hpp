// One reading of a collection: its rows are numbered, and keep their numbers whatever becomes of the collection.
//
// Holds ids and columns, no texts, pictures or vectors: those are asked from the collection by id when they are needed,
// and are as they are then; of an item that was deleted since there is nothing more than its number and id.
// Ownership: values. Thread-safety: immutable once read. Memory: the ids, 12 bytes a row beside them, and the columns
// (atlas_columns.hpp). Cost of reading: one pass over the items.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/estimator.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "service/atlas_columns.hpp"

namespace asterism::service {

// Rows are numbered in 32 bits, and a map of more is of no use to eyes.
inline constexpr std::size_t kAtlasRowCountMax = 20'000'000;

// Names of the rows of a reading, found both ways.
class RowIds {
 public:
  void add(std::string_view id);
  // After the last add(): sorts, so that rows can be found.
  void finish();

  std::size_t size() const noexcept { return ends_.size(); }
  std::string_view id(std::size_t row) const noexcept;
  std::optional<std::uint32_t> row(std::string_view id) const noexcept;
  // CRC-32C over all ids in their order: tells apart readings of different rows.
  std::uint32_t checksum() const noexcept { return checksum_; }

 private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
  std::vector<std::uint32_t> by_id_;  // rows, in the order of their ids
  std::uint32_t checksum_ = 0;
};

struct AtlasSnapshot {
  std::string name = {};   // "VERSION-CHECKSUM": what clients send back
  std::string collection;  // as it is shown
  CollectionSettings settings;
  std::uint64_t version_number = 0;  // of the collection when it was read
  std::string version = {};          // the named version that was read; empty = what was there
  // What most rows are: pictures, texts or vectors alone.
  ItemKind kind = ItemKind::kText;
  RowIds ids = {};
  std::vector<AtlasColumn> columns = {};

  std::size_t row_count() const noexcept { return ids.size(); }
  // Null where there is none of that name.
  const AtlasColumn* column(std::string_view column_name) const noexcept;
};

// kInvalidArgument for an empty collection, kLimitExceeded past kAtlasRowCountMax, kCancelled.
Result<AtlasSnapshot> read_atlas_snapshot(const Collection& collection, std::string_view name, std::string_view version,
                                          const AnalysisRun& run);

// The vectors of its rows, [row_count, dim], in its order; at length 1 where the metric is cosine. A row that was
// deleted since, or that has another length, is NaN. Memory: row_count x dim x 4 bytes.
Result<std::vector<float>> read_atlas_vectors(const Collection& collection, const AtlasSnapshot& snapshot,
                                              const AnalysisRun& run);

}  // namespace asterism::service
