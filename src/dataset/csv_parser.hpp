// Records of comma- or tab-separated values after RFC 4180: quoted fields may hold delimiters, quotes (doubled) and
// line ends. LF and CRLF end a record; a quote inside an unquoted field is text; blank lines are skipped. Source:
// https://www.rfc-editor.org/rfc/rfc4180
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/buffered_input.hpp"

namespace asterism {

enum class CsvFault : std::uint8_t {
  kNone,
  kTooLong,            // the record is longer than allowed; its fields were dropped
  kUnterminatedQuote,  // the input ended inside a quoted field
  kTextAfterQuote,     // "a"b: something between a closing quote and the delimiter
};

struct CsvParserOptions {
  char delimiter = ',';
  std::size_t record_size_bytes_max = 0;
};

// Memory: one record. Thread-safety: one thread.
class CsvParser {
 public:
  CsvParser(BufferedInput input, CsvParserOptions options) : input_(std::move(input)), options_(options) {}

  // Reads the next record that is not a blank line; false at the end. An Error is one of the byte source.
  Result<bool> next();

  // Of the record read last; valid until next().
  std::span<const std::string> fields() const noexcept { return {fields_.data(), field_count_}; }
  CsvFault fault() const noexcept { return fault_; }
  std::uint64_t record_line() const noexcept { return record_line_; }
  std::uint64_t record_size_bytes() const noexcept { return record_size_bytes_; }
  // Line of the quote that opened the field of kUnterminatedQuote.
  std::uint64_t quote_line() const noexcept { return quote_line_; }

  // Where the next record begins.
  std::uint64_t byte_offset() const noexcept { return input_.offset(); }
  std::uint64_t line() const noexcept { return line_; }
  Result<void> seek(std::uint64_t byte_offset, std::uint64_t line);

 private:
  enum class State : std::uint8_t { kFieldStart, kPlain, kQuoted, kQuoteInQuoted };

  void begin_record();
  // Takes one piece of `bytes`; the number of bytes taken. Sets `ended` when the record is complete.
  std::size_t take(std::string_view bytes, bool& ended);
  std::size_t take_quoted(std::string_view bytes);
  std::size_t take_unquoted(std::string_view bytes, bool& ended);
  void resolve_pending_cr();
  void append(std::string_view text);
  void end_field();
  void finish_at_end_of_input();

  BufferedInput input_;
  CsvParserOptions options_;
  std::vector<std::string> fields_;  // strings are reused from record to record
  std::size_t field_count_ = 0;
  State state_ = State::kFieldStart;
  bool pending_cr_ = false;  // a CR outside quotes: half of a CRLF, or text
  bool blank_ = true;        // nothing but the line end so far
  CsvFault fault_ = CsvFault::kNone;
  std::uint64_t line_ = 1;
  std::uint64_t record_line_ = 1;
  std::uint64_t quote_line_ = 1;
  std::uint64_t record_size_bytes_ = 0;
};

}  // namespace asterism
