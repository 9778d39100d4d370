#include "pipeline/window_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace asterism {
namespace {

constexpr std::chrono::milliseconds kProgressInterval{100};

}  // namespace

Result<EncodedWindow> WindowEncoder::encode(RowWindow window) {
  EncodedWindow encoded{
      .shard = window.shard,
      .row_first = window.row_first,
      .rows = {},
      .values = std::vector<float>(window.rows.size() * encoder_.dim, std::numeric_limits<float>::quiet_NaN()),
      .shard_end = std::move(window.shard_end)};
  std::vector<std::string_view> texts;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < window.rows.size(); ++i) {
    TextRow& row = window.rows[i];
    if (!row.error) {
      texts.emplace_back(row.text);
      places.push_back(i);
    }
    encoded.rows.push_back({.source = std::move(row.source),
                            .line = row.line,
                            .id = std::move(row.id),
                            .token_count_given = 0,
                            .token_count_used = 0,
                            .error = std::move(row.error)});
  }
  if (auto filled = fill(encoded, texts, places); !filled) {
    return std::unexpected(filled.error());
  }
  report(encoded, window.fraction);
  return encoded;
}

void WindowEncoder::report_progress(double fraction) {
  last_progress_ = Clock::now();
  if (options_.on_progress) {
    options_.on_progress({.row_count = done_.row_count,
                          .token_count = done_.token_count,
                          .seconds = std::chrono::duration<double>(last_progress_ - start_).count(),
                          .fraction = fraction});
  }
}

Result<void> WindowEncoder::fill(EncodedWindow& encoded, std::span<const std::string_view> texts,
                                 std::span<const std::size_t> places) const {
  if (texts.empty()) {
    return {};
  }
  auto made = encoder_.encode(texts);
  if (!made) {
    return std::unexpected(made.error());
  }
  if (made->row_count != texts.size() || made->dim != encoder_.dim || made->reports.size() != texts.size() ||
      made->values.size() != texts.size() * encoder_.dim) {
    return fail(ErrorCode::kInternal, fmt::format("encoder: expected {} vectors of dimension {}, found {} of {}",
                                                  texts.size(), encoder_.dim, made->row_count, made->dim));
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::ranges::copy(made->row(i), encoded.values.begin() + static_cast<std::ptrdiff_t>(places[i] * encoder_.dim));
    encoded.rows[places[i]].token_count_given = made->reports[i].token_count_given;
    encoded.rows[places[i]].token_count_used = made->reports[i].token_count_used;
  }
  return {};
}

void WindowEncoder::report(const EncodedWindow& encoded, double fraction) {
  for (const RowOutcome& row : encoded.rows) {
    done_.add(row);
    log_row(row);
  }
  if (Clock::now() - last_progress_ >= kProgressInterval) {
    report_progress(fraction);
  }
}

void WindowEncoder::log_row(const RowOutcome& row) const {
  if (row.error && done_.failed_row_count <= kFailedRowsLoggedMax) {
    log(options_.log, LogLevel::kWarning, row.error->to_string());
  } else if (row.error && done_.failed_row_count == kFailedRowsLoggedMax + 1) {
    log(options_.log, LogLevel::kWarning, "more rows failed: the rows file names them all");
  } else if (options_.log && row.truncated()) {
    log(options_.log, LogLevel::kInfo,
        fmt::format("{}:{}: truncated to {} of {} tokens", row.source, row.line, row.token_count_used,
                    row.token_count_given));
  }
}

}  // namespace asterism
