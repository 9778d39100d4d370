#include "dataset/inputs_reader.hpp"

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"

namespace asterism {
namespace {

class InputsReader final : public RowReader {
 public:
  explicit InputsReader(InputsReaderOptions options) : options_(std::move(options)) {
    if (std::ranges::all_of(options_.inputs, &InputInfo::seekable)) {
      for (const double weight : options_.weights) {
        total_ += weight;
      }
    }
  }

  Result<std::optional<Row>> next() override {
    while (input_ < options_.inputs.size()) {
      if (!records_) {
        if (auto opened = open(); !opened) {
          if (!options_.open_failure_is_row) {
            return std::unexpected(opened.error());
          }
          Row row{.source = options_.inputs[input_].path, .payload = {.kind = options_.kind}, .error = opened.error()};
          close_input();
          return row;
        }
      }
      Row row;
      auto found = records_->next(row);
      if (!found) {
        return std::unexpected(found.error());
      }
      if (*found) {
        note_form(row);
        return row;
      }
      close_input();
    }
    return std::nullopt;
  }

  Position position() const noexcept override {
    return {.done = done_ + (records_ ? records_->done() : 0.0), .total = total_};
  }
  PayloadKind kind() const noexcept override { return options_.kind; }
  std::uint64_t ignored_file_count() const noexcept override {
    return ignored_file_count_ + (records_ ? records_->ignored_file_count() : 0);
  }
  const IllFormedTexts& ill_formed_texts() const noexcept override { return ill_formed_texts_; }
  std::span<const InputInfo> inputs() const noexcept override { return options_.inputs; }

  RowMark mark() const noexcept override {
    if (!records_) {
      return {.input = input_};
    }
    const RecordPlace place = records_->place();
    return {.input = input_, .byte_offset = place.byte_offset, .line = place.line, .files_digest = place.files_digest};
  }

  Result<bool> skip_to(const RowMark& target) override {
    if (target == mark()) {
      return true;
    }
    const std::size_t target_input = std::min(target.input, options_.inputs.size());
    const std::size_t last = std::min(target_input, options_.inputs.size() - 1);
    for (std::size_t i = input_; i <= last; ++i) {
      if (!options_.inputs[i].seekable) {
        return false;
      }
    }
    // The open input is left last, so that nothing has changed when the target turns out not to be there.
    if (target_input > input_) {
      auto records = open_at(target, target_input);
      if (!records) {
        return std::unexpected(records.error());
      }
      if (!records->found) {
        return false;
      }
      while (input_ < target_input) {
        close_input();
      }
      records_ = std::move(records->reader);
      return true;
    }
    return seek_within(target);
  }

 private:
  struct Opened {
    bool found = true;
    std::unique_ptr<RecordReader> reader;  // null at the beginning of an input
  };

  void note_form(const Row& row) {
    if (row.error || row.payload.kind != PayloadKind::kText || is_well_formed_utf8(row.payload.bytes)) {
      return;
    }
    if (ill_formed_texts_.row_count++ == 0) {
      ill_formed_texts_.first_place = place_text(row.source, row.line);
    }
  }

  Result<void> open() {
    auto opened = options_.open(input_);
    if (!opened) {
      return std::unexpected(opened.error());
    }
    records_ = std::move(*opened);
    return {};
  }

  Result<Opened> open_at(const RowMark& target, std::size_t input) const {
    Opened opened;
    if (target.line == 0 || input == options_.inputs.size()) {
      return opened;
    }
    auto reader = options_.open(input);
    if (!reader) {
      return std::unexpected(reader.error());
    }
    auto moved = (*reader)->seek({target.byte_offset, target.line, target.files_digest});
    if (!moved) {
      return std::unexpected(moved.error());
    }
    opened.found = *moved;
    opened.reader = std::move(*reader);
    return opened;
  }

  // On a changed input the reader is useless after the attempt: it is opened anew and walks to where it was.
  Result<bool> seek_within(const RowMark& target) {
    const RowMark before = mark();
    if (!records_) {
      if (auto opened = open(); !opened) {
        return std::unexpected(opened.error());
      }
    }
    auto moved = records_->seek({target.byte_offset, target.line, target.files_digest});
    if (!moved || *moved) {
      return moved;
    }
    auto back = open_at(before, before.input);
    if (!back) {
      return std::unexpected(back.error());
    }
    if (!back->found) {
      return fail(ErrorCode::kIo, options_.inputs[input_].path + ": its files changed while they were read",
                  "run again once nothing else writes to them");
    }
    records_ = std::move(back->reader);
    return false;
  }

  void close_input() {
    done_ += options_.weights[input_];
    ignored_file_count_ += records_ ? records_->ignored_file_count() : 0;
    records_.reset();
    ++input_;
  }

  InputsReaderOptions options_;
  std::size_t input_ = 0;
  std::unique_ptr<RecordReader> records_;  // of inputs[input_], once its first row was asked for
  double done_ = 0.0;                      // weights of the inputs before this one
  double total_ = 0.0;
  std::uint64_t ignored_file_count_ = 0;  // in the inputs before this one
  IllFormedTexts ill_formed_texts_;
};

}  // namespace

std::unique_ptr<RowReader> make_inputs_reader(InputsReaderOptions options) {
  return std::make_unique<InputsReader>(std::move(options));
}

}  // namespace asterism
