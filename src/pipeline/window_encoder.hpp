// The middle stage of a job: windows of rows to windows of vectors, progress, and remarks about single rows.
//
// Ownership: borrows encoder and options. Thread-safety: one thread, which is the one the callbacks run on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/rows_writer.hpp"
#include "pipeline/embed_job.hpp"
#include "pipeline/row_windows.hpp"
#include "pipeline/shard_writer.hpp"

namespace asterism {

class WindowEncoder {
 public:
  WindowEncoder(const JobEncoder& encoder, const EmbedJobOptions& options, PayloadKind kind)
      : encoder_(encoder), options_(options), kind_(kind) {}

  // Rows that could not be read pass through as NaN; with OnRowError::kStop a row that the encoder fails is the error.
  // kInternal when the encoder returns another number of vectors.
  Result<EncodedWindow> encode(RowWindow window);
  void report_progress(double fraction);
  // Everything encoded so far.
  const RowsSummary& done() const noexcept { return done_; }

 private:
  using Clock = std::chrono::steady_clock;

  Result<void> fill(EncodedWindow& encoded, std::span<const Payload> payloads, std::span<const std::size_t> places);
  void log_unknown_words(const RowOutcome& row, const RowReport& report);
  void report(const EncodedWindow& encoded, double fraction);
  void log_row(const RowOutcome& row) const;

  const JobEncoder& encoder_;
  const EmbedJobOptions& options_;
  const PayloadKind kind_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_progress_ = start_;
  RowsSummary done_;
  std::uint64_t unknown_row_count_ = 0;  // without a known word
};

}  // namespace asterism
