// How a running job looks: one live line on a terminal, a plain line every few seconds elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/console.hpp"
#include "pipeline/embed_job.hpp"
#include "service/model_fetch.hpp"

namespace asterism::cli {

// What rows of a kind are called in rates: "texts", "images", "rows".
std::string_view rows_word(PayloadKind kind) noexcept;

// "42%  12,345 rows  3.2k texts/s  96.1k tokens/s  1:23 left"; what is unknown is left out. Rates are since the first
// update, so that rows resumed from an earlier run do not count as speed.
class EmbedProgress {
 public:
  explicit EmbedProgress(Console& console) : console_(console) {}
  void update(const EmbedJobProgress& progress);
  void finish();

  static std::string line(const EmbedJobProgress& now, const EmbedJobProgress& first);

 private:
  Console& console_;
  bool started_ = false;
  EmbedJobProgress first_;
  double last_plain_seconds_ = 0.0;
};

// Steps of unknown or known length ("downloading model.safetensors", 12 MB of 90 MB).
class StepProgress {
 public:
  explicit StepProgress(Console& console) : console_(console) {}
  // `done` and `total` in the step's own unit, already formatted into `amount`; fraction 0 when unknown.
  void update(const std::string& step, const std::string& amount, double fraction);
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  Console& console_;
  std::string step_;
  Clock::time_point last_plain_{};
};

// A fetch that shows its downloads and stops at Ctrl-C; borrows both.
service::ModelFetch watched_fetch(Console& console, StepProgress& progress);

}  // namespace asterism::cli
