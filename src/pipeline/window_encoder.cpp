#include "pipeline/window_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace asterism {
namespace {

constexpr std::chrono::milliseconds kProgressInterval{100};

std::string place_of(const RowOutcome& row) {
  return place_text(row.source, row.line);
}

// The encoder does not know where its rows come from.
Error in_row(Error error, const RowOutcome& row) {
  error.message = fmt::format("{}: {}", place_of(row), error.message);
  return error;
}

}  // namespace

Result<EncodedWindow> WindowEncoder::encode(RowWindow window) {
  EncodedWindow encoded{
      .shard = window.shard,
      .row_first = window.row_first,
      .rows = {},
      .values = std::vector<float>(window.rows.size() * encoder_.dim, std::numeric_limits<float>::quiet_NaN()),
      .shard_end = std::move(window.shard_end)};
  std::vector<Payload> payloads;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < window.rows.size(); ++i) {
    Row& row = window.rows[i];
    encoded.rows.push_back({.source = std::move(row.source),
                            .line = row.line,
                            .id = std::move(row.id),
                            .kind = row.payload.kind,
                            .error = std::move(row.error)});
    if (!encoded.rows.back().error) {
      payloads.push_back(std::move(row.payload));
      places.push_back(i);
    }
  }
  if (auto filled = fill(encoded, payloads, places); !filled) {
    return std::unexpected(filled.error());
  }
  if (options_.on_row_error == OnRowError::kStop) {
    // The rows that could not be read have stopped the reader: what fails here is the encoder's.
    const auto failed = std::ranges::find_if(encoded.rows, [](const RowOutcome& row) { return row.error.has_value(); });
    if (failed != encoded.rows.end()) {
      return std::unexpected(*failed->error);
    }
  }
  report(encoded, window.fraction);
  return encoded;
}

void WindowEncoder::report_progress(double fraction) {
  last_progress_ = Clock::now();
  if (options_.on_progress) {
    options_.on_progress({.kind = kind_,
                          .row_count = done_.row_count,
                          .token_count = done_.token_count,
                          .seconds = std::chrono::duration<double>(last_progress_ - start_).count(),
                          .fraction = fraction});
  }
}

Result<void> WindowEncoder::fill(EncodedWindow& encoded, std::span<const Payload> payloads,
                                 std::span<const std::size_t> places) {
  if (payloads.empty()) {
    return {};
  }
  auto made = encoder_.encode(payloads);
  if (!made) {
    return std::unexpected(made.error());
  }
  if (made->row_count != payloads.size() || made->dim != encoder_.dim || made->reports.size() != payloads.size() ||
      made->values.size() != payloads.size() * encoder_.dim) {
    return fail(ErrorCode::kInternal, fmt::format("encoder: expected {} vectors of dimension {}, found {} of {}",
                                                  payloads.size(), encoder_.dim, made->row_count, made->dim));
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    RowOutcome& row = encoded.rows[places[i]];
    RowReport& report = made->reports[i];
    if (report.error) {
      row.error = in_row(std::move(*report.error), row);
      continue;  // whatever the encoder left there, a failed row is NaN
    }
    std::ranges::copy(made->row(i), encoded.values.begin() + static_cast<std::ptrdiff_t>(places[i] * encoder_.dim));
    row.token_count_given = report.token_count_given;
    row.token_count_used = report.token_count_used;
    row.image_width = report.image_width;
    row.image_height = report.image_height;
    log_unknown_words(row, report);
  }
  return {};
}

// Rows that are zero because nothing of them is known are warned of, the first of them.
void WindowEncoder::log_unknown_words(const RowOutcome& row, const RowReport& report) {
  if (report.unknown_word_count == 0) {
    return;
  }
  if (report.token_count_used > 0) {
    log(options_.log, LogLevel::kInfo,
        fmt::format("{}: {} of {} words are unknown to the model", place_of(row), report.unknown_word_count,
                    report.unknown_word_count + report.token_count_given));
  } else if (++unknown_row_count_ <= kFailedRowsLoggedMax) {
    log(options_.log, LogLevel::kWarning,
        fmt::format("{}: no word of it is known to the model: its vector is zero", place_of(row)));
  } else if (unknown_row_count_ == kFailedRowsLoggedMax + 1) {
    log(options_.log, LogLevel::kWarning, "more rows have no known word: their vectors are zero");
  }
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
        fmt::format("{}: truncated to {} of {} tokens", place_of(row), row.token_count_used, row.token_count_given));
  }
}

}  // namespace asterism
