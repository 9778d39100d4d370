// The vectors of one moment, ready to be searched: those of the index files, and in memory what was written since.
//
// Ownership: owns the files' mappings and the later rows. Thread-safety: nearest() and the other const functions from
// any number of threads; refresh() excludes them. Cost: memory for the later rows and one bit a row of the files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "index/allowed_positions.hpp"
#include "index/exact_scan.hpp"
#include "store/index_files.hpp"
#include "store/item_table.hpp"

namespace asterism {

class ThreadPool;

// Rows of which a graph is built; fewer are scanned as fast.
inline constexpr std::size_t kGraphRowCountMin = 10'000;
// Rows after the index from which on it is worth building it, or looking whether another process has.
inline constexpr std::size_t kLaterRowCountMax = 4096;
// The share of positions without a row beyond which the files are made anew.
inline constexpr double kHoleShareMax = 0.1;
// The smallest expansion that tuning chooses: it measures without a filter, and narrower walks among the rows that a
// filter lets through more often end early.
inline constexpr std::size_t kExpansionMin = 32;

// Rows that pass a filter, as bits over the files' positions and over the later rows.
struct AllowedRows {
  std::vector<std::uint64_t> file_words;
  std::vector<std::uint64_t> later_words;
  std::size_t file_count = 0;
  std::size_t later_count = 0;
};

struct ViewQuery {
  std::span<const float> query;  // [dim]
  std::size_t k = 10;
  const AllowedRows* allowed = nullptr;  // null = all
  SearchMode mode = SearchMode::kAuto;
  std::optional<float> score_limit = {};
  std::size_t expansion = 64;
  ThreadPool* pool = nullptr;  // borrowed; null = the calling thread alone
};

struct SlotHit {
  std::int64_t slot = 0;
  float score = 0.0F;
};

struct ViewHits {
  std::vector<SlotHit> hits;  // best first
  SearchExplanation explanation;
};

class SearchView {
 public:
  SearchView(const CollectionSettings& settings, IndexFiles files);

  // Brings it to the state that the reader's transaction sees. False when the files are too old for that, or of a later
  // state: open them anew.
  Result<bool> refresh(ItemReader& reader, const StoreState& state);
  // The write that it shows; nothing before the first refresh.
  std::optional<std::int64_t> version() const noexcept { return version_; }

  // Of slots in any order.
  AllowedRows allow(std::span<const std::int64_t> slots) const;
  Result<ViewHits> nearest(const ViewQuery& query) const;

  // On a sample of its own rows, which do not count as their own answers. There is a graph.
  Result<CollectionTuneResult> tune(const CollectionTuneOptions& options, ThreadPool& pool,
                                    const CancelFlag* cancel) const;

  // Why building would make searches faster or the files smaller; nothing where it would not.
  std::optional<std::string> index_need() const;

  const IndexFiles& files() const noexcept { return files_; }
  std::size_t row_count() const noexcept { return file_alive_count_ + later_alive_count_; }
  std::size_t file_alive_count() const noexcept { return file_alive_count_; }
  std::size_t later_row_count() const noexcept { return later_slots_.size(); }
  VectorRows later_rows() const;
  // Calls `take(row, slot)` for each later row that lives, by slot; `row` of later_rows().
  template <typename Take>
  void for_each_later(const Take& take) const {
    for (std::size_t row = 0; row < later_slots_.size(); ++row) {
      if (((later_alive_[row / 64] >> (row % 64)) & 1U) != 0) {
        take(row, later_slots_[row]);
      }
    }
  }
  bool is_alive(std::uint32_t position) const noexcept {
    return ((file_alive_[position / 64] >> (position % 64)) & 1U) != 0;
  }

 private:
  Result<void> append_later(VectorCursor cursor);
  void end_slot(std::int64_t slot);
  void drop_ended_later_rows();
  Result<std::vector<Hit>> search_file(const ViewQuery& query, SearchExplanation& explanation) const;
  Result<std::vector<Hit>> scan(const VectorRows& rows, const ViewQuery& query, const AllowedPositions& allowed) const;

  CollectionSettings settings_;
  IndexFiles files_;
  std::optional<std::int64_t> version_;
  std::vector<std::uint64_t> file_alive_;
  std::size_t file_alive_count_ = 0;
  std::size_t stride_bytes_ = 0;
  std::vector<std::byte> later_data_;
  std::vector<std::int64_t> later_slots_;  // ascending
  std::vector<std::uint64_t> later_alive_;
  std::size_t later_alive_count_ = 0;
};

}  // namespace asterism
