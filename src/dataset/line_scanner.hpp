// Lines of a byte source, of any length, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "dataset/buffered_input.hpp"

namespace asterism {

struct Line {
  std::string_view text;         // without LF or CRLF; empty when too long; valid until the next call of next()
  std::uint64_t number = 0;      // 1-based
  std::uint64_t size_bytes = 0;  // of the text
  bool too_long = false;         // past the scanner's limit: the bytes were read and dropped
};

// LF and CRLF end a line; a last line without either counts; a lone CR and NUL are text like any other.
class LineScanner {
 public:
  LineScanner(BufferedInput input, std::size_t line_size_bytes_max)
      : input_(std::move(input)), line_size_bytes_max_(line_size_bytes_max) {}

  Result<std::optional<Line>> next();
  // Where the next line begins.
  std::uint64_t byte_offset() const noexcept { return input_.offset(); }
  std::uint64_t line() const noexcept { return line_; }
  Result<void> seek(std::uint64_t byte_offset, std::uint64_t line);

 private:
  Line finish(std::string_view text, std::uint64_t size_bytes);

  BufferedInput input_;
  std::size_t line_size_bytes_max_;
  std::uint64_t line_ = 1;
  std::string spill_;  // a line that did not end within the buffer
};

}  // namespace asterism
