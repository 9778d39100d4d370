#include "dataset/text_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

#include "dataset/record_reader.hpp"

namespace asterism {
namespace {

TextFormat format_of(const std::string& path, TextFormat asked) {
  if (asked != TextFormat::kAuto) {
    return asked;
  }
  std::string extension = std::filesystem::path(path).extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (extension == ".jsonl" || extension == ".ndjson") {
    return TextFormat::kJsonl;
  }
  if (extension == ".csv") {
    return TextFormat::kCsv;
  }
  return extension == ".tsv" ? TextFormat::kTsv : TextFormat::kLines;
}

// The inputs one after the other; one of them open at a time.
class InputsReader final : public TextReader {
 public:
  InputsReader(TextReaderOptions options, std::vector<InputInfo> inputs)
      : options_(std::move(options)), inputs_(std::move(inputs)) {
    const bool known = std::ranges::all_of(inputs_, &InputInfo::seekable);
    for (const InputInfo& input : inputs_) {
      byte_count_total_ += known ? input.size_bytes : 0;
    }
  }

  Result<std::unique_ptr<RecordReader>> open(std::size_t index) const {
    auto bytes = open_byte_source(inputs_[index], options_.interrupted);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    const std::string& path = inputs_[index].path;
    return make_record_reader(format_of(path, options_.format), std::move(*bytes),
                              {.source = path, .column = options_.column, .id_column = options_.id_column});
  }

  Result<std::optional<TextRow>> next() override {
    while (input_ < inputs_.size()) {
      if (!records_) {
        auto opened = open(input_);
        if (!opened) {
          return std::unexpected(opened.error());
        }
        records_ = std::move(*opened);
      }
      TextRow row;
      auto found = records_->next(row);
      if (!found) {
        return std::unexpected(found.error());
      }
      if (*found) {
        return row;
      }
      close_input();
    }
    return std::nullopt;
  }

  Position position() const noexcept override {
    return {.byte_count_read = byte_count_done_ + (records_ ? records_->byte_offset() : 0),
            .byte_count_total = byte_count_total_};
  }

  std::span<const InputInfo> inputs() const noexcept override { return inputs_; }

  RowMark mark() const noexcept override {
    return records_ ? RowMark{input_, records_->byte_offset(), records_->line()} : RowMark{input_, 0, 0};
  }

  Result<bool> skip_to(const RowMark& target) override {
    if (target == mark()) {
      return true;
    }
    const std::size_t last = std::min(target.input, inputs_.size() - 1);
    for (std::size_t i = input_; i <= last; ++i) {
      if (!inputs_[i].seekable) {
        return false;
      }
    }
    while (input_ < std::min(target.input, inputs_.size())) {
      close_input();
    }
    if (target.line == 0 || input_ == inputs_.size()) {
      return true;
    }
    if (!records_) {
      auto opened = open(input_);
      if (!opened) {
        return std::unexpected(opened.error());
      }
      records_ = std::move(*opened);
    }
    if (auto moved = records_->seek(target.byte_offset, target.line); !moved) {
      return std::unexpected(moved.error());
    }
    return true;
  }

 private:
  void close_input() {
    byte_count_done_ += inputs_[input_].size_bytes;
    records_.reset();
    ++input_;
  }

  TextReaderOptions options_;
  std::vector<InputInfo> inputs_;
  std::size_t input_ = 0;
  std::unique_ptr<RecordReader> records_;  // of inputs_[input_], once its first row was asked for
  std::uint64_t byte_count_done_ = 0;
  std::uint64_t byte_count_total_ = 0;
};

}  // namespace

Result<std::unique_ptr<TextReader>> open_text_reader(TextReaderOptions options) {
  if (options.inputs.empty()) {
    return fail(ErrorCode::kInvalidArgument, "input: expected at least one file or '-' for stdin, found none");
  }
  std::vector<InputInfo> inputs;
  for (const std::string& path : options.inputs) {
    if (path == "-" && std::ranges::count(options.inputs, path) > 1) {
      return fail(ErrorCode::kInvalidArgument, "input: expected '-' (stdin) once, found it twice or more");
    }
    auto info = inspect_input(path);
    if (!info) {
      return std::unexpected(info.error());
    }
    inputs.push_back(std::move(*info));
  }
  auto reader = std::make_unique<InputsReader>(std::move(options), std::move(inputs));
  // Opening one shows a wrong first byte, and for csv a missing header or column, before anything is computed.
  for (std::size_t i = 0; i < reader->inputs().size(); ++i) {
    if (reader->inputs()[i].seekable) {
      if (auto opened = reader->open(i); !opened) {
        return std::unexpected(opened.error());
      }
    }
  }
  return reader;
}

}  // namespace asterism
