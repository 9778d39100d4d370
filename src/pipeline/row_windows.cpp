#include "pipeline/row_windows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace asterism {
namespace {

void update_with_size(Sha256& hash, std::span<const std::byte> bytes) {
  const std::array<std::uint64_t, 1> size{bytes.size()};
  hash.update(std::as_bytes(std::span(size)));
  hash.update(bytes);
}

}  // namespace

void RowsHash::update(const Row& row) {
  if (row.payload.tensor) {
    update_with_size(hash_, row.payload.tensor->bytes());
  } else {
    update_with_size(hash_, std::as_bytes(std::span(row.payload.bytes)));
  }
  for (const auto& cell : row.payload.cells) {
    update_with_size(hash_, std::as_bytes(std::span(std::string_view(cell ? *cell : ""))));
  }
  update_with_size(hash_, std::as_bytes(std::span(row.id)));
  update_with_size(hash_, std::as_bytes(std::span(std::string_view(row.error ? "failed" : ""))));
}

const ShardEntry* RowWindows::entry(std::uint64_t shard) const {
  return options_.before != nullptr && shard < options_.before->shards.size() ? &options_.before->shards[shard]
                                                                              : nullptr;
}

bool RowWindows::kept(std::uint64_t shard) const {
  return shard < options_.kept.size() && options_.kept[shard];
}

std::unexpected<Error> RowWindows::other_rows(std::uint64_t shard, std::string_view found) const {
  return fail(
      ErrorCode::kMismatch,
      fmt::format("shard {}: expected the rows of the earlier run, found {}: the inputs have changed", shard, found),
      "choose another output, or delete the manifest and its shards to begin again");
}

Result<void> RowWindows::read_over(const ShardEntry& shard) {
  RowsHash hash;
  for (std::uint64_t i = 0; i < shard.summary.row_count; ++i) {
    if (options_.interrupted && options_.interrupted()) {
      return fail(ErrorCode::kCancelled, "stopped while comparing rows with those of the earlier run");
    }
    auto row = reader_.next();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      return other_rows(shard_, fmt::format("the end after {} of {}", i, shard.summary.row_count));
    }
    hash.update(**row);
  }
  if (hash.hex() != shard.rows_sha256) {
    return other_rows(shard_, "other rows");
  }
  return {};
}

Result<void> RowWindows::pass_kept_shards() {
  const double done_before = reader_.position().done;
  for (; kept(shard_); ++shard_) {
    const ShardEntry& shard = *entry(shard_);
    bool skipped = false;
    if (options_.marks_trusted) {
      auto moved = reader_.skip_to(shard.end);
      if (!moved) {
        return std::unexpected(moved.error());
      }
      skipped = *moved;
    }
    if (!skipped) {
      if (auto read = read_over(shard); !read) {
        return read;
      }
    }
    row_ += shard.summary.row_count;
  }
  skipped_ += reader_.position().done - done_before;
  return {};
}

Result<void> RowWindows::begin_shard() {
  if (auto passed = pass_kept_shards(); !passed) {
    return passed;
  }
  in_shard_ = true;
  shard_row_count_ = 0;
  begin_ = reader_.mark();
  hash_ = RowsHash{};
  return {};
}

Result<void> RowWindows::end_shard(RowWindow& window, bool last) {
  window.shard_end = ShardSpan{.begin = begin_, .end = reader_.mark(), .rows_sha256 = hash_.hex(), .last = last};
  const ShardEntry* before = entry(shard_);
  if (before != nullptr && before->rows_sha256 != window.shard_end->rows_sha256) {
    return other_rows(shard_, "other rows");
  }
  ++shard_;
  in_shard_ = false;
  return {};
}

Result<void> RowWindows::take_row(RowWindow& window, Row row) {
  if (row.error && options_.stop_at_failed_row) {
    return std::unexpected(*row.error);
  }
  if (options_.before != nullptr && options_.before->complete && entry(shard_) == nullptr) {
    return other_rows(shard_, "more rows than there were");
  }
  if (shard_ >= kShardCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("expected at most {} shards, found rows for more", kShardCountMax),
                "choose another output and more rows in a shard (--shard-rows)");
  }
  if (options_.shard_row_count > 0) {
    hash_.update(row);
  }
  window.rows.push_back(std::move(row));
  ++row_;
  ++shard_row_count_;
  return {};
}

Result<void> RowWindows::fill(RowWindow& window) {
  std::size_t size_bytes = 0;
  while (window.rows.size() < options_.window_row_count && size_bytes < options_.window_size_bytes_max) {
    auto row = reader_.next();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      ended_ = true;
      return shard_row_count_ > 0 || row_ == 0 ? end_shard(window, true) : Result<void>{};
    }
    size_bytes += (*row)->payload.size_bytes();
    if (auto taken = take_row(window, std::move(**row)); !taken) {
      return taken;
    }
    if (options_.shard_row_count > 0 && shard_row_count_ == options_.shard_row_count) {
      return end_shard(window, false);
    }
  }
  return {};
}

double RowWindows::fraction() const {
  const RowReader::Position position = reader_.position();
  const double total = position.total - skipped_;
  return total <= 0.0 ? 0.0 : std::clamp((position.done - skipped_) / total, 0.0, 1.0);
}

Result<std::optional<RowWindow>> RowWindows::next() {
  if (ended_) {
    return std::nullopt;
  }
  if (!in_shard_) {
    if (auto begun = begin_shard(); !begun) {
      return std::unexpected(begun.error());
    }
  }
  RowWindow window{.shard = shard_, .row_first = row_, .rows = {}, .shard_end = {}, .fraction = 0.0};
  window.rows.reserve(options_.window_row_count);
  if (auto filled = fill(window); !filled) {
    return std::unexpected(filled.error());
  }
  if (window.rows.empty() && !window.shard_end) {
    return std::nullopt;
  }
  window.fraction = fraction();
  return window;
}

}  // namespace asterism
