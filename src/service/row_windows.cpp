#include "service/row_windows.hpp"

#include <utility>

#include "pipeline/embed_job.hpp"

namespace asterism::service {
namespace {

// Large enough for length-sorted batches to be full, small enough that rows and vectors stay a few megabytes.
constexpr std::size_t kWindowTextCount = 2048;

}  // namespace

Result<InputWindows> InputWindows::open(RowSourceOptions input, const CancelFlag* cancel) {
  input.interrupted = [cancel] { return cancel != nullptr && cancel->requested(); };
  auto reader = open_row_source(std::move(input));
  if (!reader) {
    return std::unexpected(reader.error());
  }
  return InputWindows(*std::move(reader), cancel);
}

double InputWindows::fraction() const noexcept {
  const auto [done, total] = reader_->position();
  return total > 0.0 ? done / total : 0.0;
}

Result<bool> InputWindows::next(InputWindow& window) {
  const bool texts = kind() == PayloadKind::kText;
  const std::size_t count_max = texts ? kWindowTextCount : kWindowImageCountDefault;
  window.row_first = row_count_;
  window.rows.clear();
  std::size_t size_bytes = 0;
  while (!ended_ && window.rows.size() < count_max && size_bytes < kWindowImageSizeBytesMax) {
    if (cancel_ != nullptr && cancel_->requested()) {
      return fail(ErrorCode::kCancelled, "stopped before every row was read");
    }
    auto row = reader_->next();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      ended_ = true;
      break;
    }
    ++row_count_;
    size_bytes += (*row)->payload.size_bytes() + (*row)->metadata.size();
    window.rows.push_back(std::move(**row));
  }
  return !window.rows.empty();
}

}  // namespace asterism::service
