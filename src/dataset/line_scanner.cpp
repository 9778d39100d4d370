#include "dataset/line_scanner.hpp"

#include <algorithm>

namespace asterism {

Line LineScanner::finish(std::string_view text, std::uint64_t size_bytes) {
  if (text.size() == size_bytes && text.ends_with('\r')) {
    text.remove_suffix(1);
    --size_bytes;
  }
  const bool too_long = size_bytes > line_size_bytes_max_;
  return Line{
      .text = too_long ? std::string_view{} : text, .number = line_++, .size_bytes = size_bytes, .too_long = too_long};
}

Result<std::optional<Line>> LineScanner::next() {
  spill_.clear();
  std::uint64_t size_bytes = 0;
  bool spilled = false;
  for (;;) {
    auto chunk = input_.peek();
    if (!chunk) {
      return std::unexpected(chunk.error());
    }
    if (chunk->empty()) {
      return spilled ? std::optional(finish(spill_, size_bytes)) : std::nullopt;
    }
    const std::size_t end = chunk->find('\n');
    const std::string_view part = chunk->substr(0, end);
    size_bytes += part.size();
    input_.consume(end == std::string_view::npos ? part.size() : end + 1);
    if (end != std::string_view::npos && !spilled) {
      return finish(part, size_bytes);
    }
    spilled = true;
    // One byte past the limit is kept: it may be the CR of a CRLF.
    spill_.append(part.substr(0, line_size_bytes_max_ + 1 - std::min(spill_.size(), line_size_bytes_max_ + 1)));
    if (end != std::string_view::npos) {
      return finish(spill_, size_bytes);
    }
  }
}

Result<void> LineScanner::seek(std::uint64_t byte_offset, std::uint64_t line) {
  line_ = line;
  return input_.seek(byte_offset);
}

}  // namespace asterism
