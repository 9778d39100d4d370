#include "cli/progress.hpp"

#include <fmt/format.h>

#include "cli/interrupt.hpp"
#include "cli/text_format.hpp"

namespace asterism::cli {
namespace {

constexpr double kPlainLineIntervalSeconds = 5.0;

}  // namespace

std::string_view rows_word(PayloadKind kind) noexcept {
  return kind == PayloadKind::kText ? "texts" : kind == PayloadKind::kRecord ? "rows" : "images";
}

std::string EmbedProgress::line(const EmbedJobProgress& now, const EmbedJobProgress& first) {
  std::string text;
  if (now.fraction > 0.0) {
    text += fmt::format("{:3.0f}%  ", 100.0 * now.fraction);
  }
  text += counted(now.row_count, "row");
  const double seconds = now.seconds - first.seconds;
  if (seconds > 0.0) {
    const double rows_per_second = static_cast<double>(now.row_count - first.row_count) / seconds;
    if (now.kind == PayloadKind::kText && now.token_count > 0) {
      text += fmt::format("  {} texts/s  {} tokens/s", format_rate(rows_per_second),
                          format_rate(static_cast<double>(now.token_count - first.token_count) / seconds));
    } else {
      text += fmt::format("  {} {}/s", format_rate(rows_per_second), rows_word(now.kind));
    }
    if (now.fraction > first.fraction) {
      const double left = seconds * (1.0 - now.fraction) / (now.fraction - first.fraction);
      text += fmt::format("  {} left", format_duration(left));
    }
  }
  return text;
}

void EmbedProgress::update(const EmbedJobProgress& progress) {
  if (!started_) {
    started_ = true;
    first_ = progress;
    last_plain_seconds_ = progress.seconds;
  }
  if (console_.stderr_is_terminal()) {
    console_.set_live_line(line(progress, first_));
  } else if (progress.seconds - last_plain_seconds_ >= kPlainLineIntervalSeconds) {
    last_plain_seconds_ = progress.seconds;
    console_.note(line(progress, first_));
  }
}

void EmbedProgress::finish() {
  console_.set_live_line({});
}

void StepProgress::update(const std::string& step, const std::string& amount, double fraction) {
  const std::string text = fraction > 0.0 ? fmt::format("{}  {:.0f}%  {}", step, 100.0 * fraction, amount)
                                          : fmt::format("{}  {}", step, amount);
  if (console_.stderr_is_terminal()) {
    console_.set_live_line(text);
    return;
  }
  const auto now = Clock::now();
  if (step != step_ || std::chrono::duration<double>(now - last_plain_).count() >= kPlainLineIntervalSeconds) {
    step_ = step;
    last_plain_ = now;
    console_.note(text);
  }
}

void StepProgress::finish() {
  console_.set_live_line({});
}

service::ModelFetch watched_fetch(Console& console, StepProgress& progress) {
  service::ModelFetch fetch;
  fetch.cancel = &cancel_on_interrupt();
  fetch.log = console.log_sink();
  fetch.on_progress = [&progress](const HubProgress& now) {
    const bool known = now.total_bytes > 0;
    progress.update("fetching " + now.file,
                    known ? fmt::format("{} of {}", format_size(now.done_bytes), format_size(now.total_bytes))
                          : format_size(now.done_bytes),
                    known ? static_cast<double>(now.done_bytes) / static_cast<double>(now.total_bytes) : 0.0);
  };
  return fetch;
}

}  // namespace asterism::cli
