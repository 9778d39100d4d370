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

  Result<bool> next(Row& row) override {
    auto line = lines_.next();
    if (!line) {
      return std::unexpected(line.error());
    }
    if (!*line) {
      return false;
    }
    const Line& found = **line;
    row = Row{.source = options_.source, .line = found.number, .payload = {.bytes = std::string(found.text)}};
    if (found.too_long) {
      row.error = row_too_long_error(options_.source, found.number, options_.row_size_bytes_max, found.size_bytes);
    }
    return true;
  }

  RecordPlace place() const noexcept override { return {.byte_offset = lines_.byte_offset(), .line = lines_.line()}; }
  Result<bool> seek(const RecordPlace& place) override {
    auto moved = lines_.seek(place.byte_offset, place.line);
    return moved ? Result<bool>(true) : std::unexpected(moved.error());
  }

 private:
  RecordOptions options_;
  LineScanner lines_;
};

}  // namespace

std::unique_ptr<RecordReader> make_lines_reader(BufferedInput input, RecordOptions options) {
  return std::make_unique<LinesReader>(std::move(input), std::move(options));
}

}  // namespace asterism
