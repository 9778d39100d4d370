// Rows of an input, window by window, for use cases that need no output files.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "dataset/row_source.hpp"

namespace asterism::service {

// Rows that were read, whole, and rows that failed, with their error: in input order.
struct InputWindow {
  std::uint64_t row_first = 0;
  std::vector<Row> rows;
};

class InputWindows {
 public:
  // `cancel` is borrowed and may be null.
  static Result<InputWindows> open(RowSourceOptions input, const CancelFlag* cancel);

  // Over rows that come from elsewhere.
  InputWindows(std::unique_ptr<RowReader> reader, const CancelFlag* cancel)
      : reader_(std::move(reader)), cancel_(cancel) {}

  // False at the end. kCancelled when asked to stop.
  Result<bool> next(InputWindow& window);
  PayloadKind kind() const noexcept { return reader_->kind(); }
  std::uint64_t row_count() const noexcept { return row_count_; }  // so far
  std::uint64_t ignored_file_count() const noexcept { return reader_->ignored_file_count(); }
  const IllFormedTexts& ill_formed_texts() const noexcept { return reader_->ill_formed_texts(); }
  // How much of the inputs was read, from 0 to 1; 0 when unknown.
  double fraction() const noexcept;

 private:
  std::unique_ptr<RowReader> reader_;
  const CancelFlag* cancel_;
  std::uint64_t row_count_ = 0;
  bool ended_ = false;
};

}  // namespace asterism::service
