#include "pipeline/row_windows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace asterism {
namespace {

void update_with_size(Sha256& hash, std::string_view text) {
  const std::array<std::uint64_t, 1> size{text.size()};
  hash.update(std::as_bytes(std::span(size)));
  hash.update(std::as_bytes(std::span(text)));
}

}  // namespace

void RowsHash::update(const TextRow& row) {
  update_with_size(hash_, row.text);
  update_with_size(hash_, row.id);
  update_with_size(hash_, row.error ? "failed" : "");
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
  if (hash.hex() != shard.texts_sha256) {
    return other_rows(shard_, "other rows");
  }
  return {};
}

Result<void> RowWindows::pass_kept_shards() {
  const std::uint64_t byte_count_before = reader_.position().byte_count_read;
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
  byte_count_skipped_ += reader_.position().byte_count_read - byte_count_before;
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
  window.shard_end = ShardSpan{.begin = begin_, .end = reader_.mark(), .texts_sha256 = hash_.hex(), .last = last};
  const ShardEntry* before = entry(shard_);
  if (before != nullptr && before->texts_sha256 != window.shard_end->texts_sha256) {
    return other_rows(shard_, "other rows");
  }
  ++shard_;
  in_shard_ = false;
  return {};
}

Result<void> RowWindows::take_row(RowWindow& window, TextRow row) {
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
  while (window.rows.size() < options_.window_row_count && size_bytes < options_.window_text_size_bytes_max) {
    auto row = reader_.next();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      ended_ = true;
      return shard_row_count_ > 0 || row_ == 0 ? end_shard(window, true) : Result<void>{};
    }
    size_bytes += (*row)->text.size();
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
  const TextReader::Position position = reader_.position();
  const std::uint64_t total = position.byte_count_total - std::min(position.byte_count_total, byte_count_skipped_);
  const std::uint64_t read = position.byte_count_read - std::min(position.byte_count_read, byte_count_skipped_);
  return total == 0 ? 0.0 : std::min(1.0, static_cast<double>(read) / static_cast<double>(total));
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
