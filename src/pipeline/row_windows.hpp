// The first stage of a job: rows from the inputs, cut into windows and shards, what is already done left out.
//
// Ownership: borrows the reader and the kept shards' entries. Thread-safety: one thread. Cost: one window of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "base/sha256.hpp"
#include "dataset/row_reader.hpp"
#include "pipeline/manifest.hpp"

namespace asterism {

// Digest over the rows of a shard: number of bytes and bytes of payload and id, and whether the row failed.
class RowsHash {
 public:
  void update(const Row& row);
  std::string hex() { return hash_.hex(); }

 private:
  Sha256 hash_;
};

// How a shard lay in the inputs.
struct ShardSpan {
  RowMark begin;
  RowMark end;
  std::string rows_sha256;
  bool last = false;  // the inputs end with it
};

// Rows of one shard, in order. A shard is one window or more; the last carries `shard_end` and may have no rows.
struct RowWindow {
  std::uint64_t shard = 0;
  std::uint64_t row_first = 0;
  std::vector<Row> rows;
  std::optional<ShardSpan> shard_end;
  double fraction = 0.0;  // of what is to be read, up to the end of this window; 0 when unknown
};

struct RowWindowsOptions {
  std::size_t window_row_count = 1;
  std::size_t window_size_bytes_max = 1;  // of payloads
  std::uint64_t shard_row_count = 0;      // 0 = all rows are one shard
  bool stop_at_failed_row = false;
  std::function<bool()> interrupted;  // asked now and then while rows are only read over
  const Manifest* before = nullptr;   // of an earlier run; null = none
  std::vector<bool> kept;             // per shard of `before`: complete and sound
  bool marks_trusted = false;         // the inputs are the same files, unchanged: skip by position
};

class RowWindows {
 public:
  RowWindows(RowReader& reader, RowWindowsOptions options) : reader_(reader), options_(std::move(options)) {}

  // The next window; nullopt at the end. There is at least one window in all, unless shards are kept: no rows make one
  // empty shard. kMismatch when the rows are not those of the shards in `before`.
  Result<std::optional<RowWindow>> next();

 private:
  bool kept(std::uint64_t shard) const;
  const ShardEntry* entry(std::uint64_t shard) const;
  Result<void> pass_kept_shards();
  Result<void> read_over(const ShardEntry& shard);
  Result<void> begin_shard();
  Result<void> fill(RowWindow& window);
  Result<void> take_row(RowWindow& window, Row row);
  Result<void> end_shard(RowWindow& window, bool last);
  double fraction() const;
  std::unexpected<Error> other_rows(std::uint64_t shard, std::string_view found) const;

  RowReader& reader_;
  RowWindowsOptions options_;
  std::uint64_t shard_ = 0;
  std::uint64_t row_ = 0;
  std::uint64_t shard_row_count_ = 0;  // rows of the present shard so far
  bool in_shard_ = false;
  bool ended_ = false;
  RowMark begin_;
  RowsHash hash_;
  double skipped_ = 0.0;  // of the reader's total, in kept shards
};

}  // namespace asterism
