#include "dataset/lines_reader.hpp"

#include <utility>

#include "dataset/line_scanner.hpp"
#include "dataset/row_error.hpp"

namespace asterism {
namespace {

class LinesReader final : public RecordReader {
 public:
  LinesReader(BufferedInput input, RecordOptions options)
      : options_(std::move(options)), lines_(std::move(input), options_.row_size_bytes_max) {}

  Result<bool> next(TextRow& row) override {
    auto line = lines_.next();
    if (!line) {
      return std::unexpected(line.error());
    }
    if (!*line) {
      return false;
    }
    const Line& found = **line;
    row = TextRow{
        .source = options_.source, .line = found.number, .id = {}, .text = std::string(found.text), .error = {}};
    if (found.too_long) {
      row.error = row_too_long_error(options_.source, found.number, options_.row_size_bytes_max, found.size_bytes);
    }
    return true;
  }

  std::uint64_t byte_offset() const noexcept override { return lines_.byte_offset(); }
  std::uint64_t line() const noexcept override { return lines_.line(); }
  Result<void> seek(std::uint64_t byte_offset, std::uint64_t line) override { return lines_.seek(byte_offset, line); }

 private:
  RecordOptions options_;
  LineScanner lines_;
};

}  // namespace

std::unique_ptr<RecordReader> make_lines_reader(BufferedInput input, RecordOptions options) {
  return std::make_unique<LinesReader>(std::move(input), std::move(options));
}

}  // namespace asterism
