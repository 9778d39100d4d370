// Rows of text from files and stdin: plain lines, jsonl, csv and tsv.
//
//   lines  every line is a row, empty ones too; LF or CRLF; a byte order mark is skipped; any bytes are kept
//   jsonl  one object a line, blank lines skipped; the text is the string under `column`
//   csv    RFC 4180 with a header line (tsv: the same with tabs); blank lines skipped; the text is the field under
//   `column`
//
// A reader streams: memory is one buffer and one row, whatever the file's size. Thread-safety: one thread per reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/byte_source.hpp"
#include "dataset/row.hpp"

namespace asterism {

enum class TextFormat : std::uint8_t { kAuto, kLines, kJsonl, kCsv, kTsv };

// Longest row (line or csv record) in bytes; a longer one is that row's error.
inline constexpr std::size_t kRowSizeBytesMax = std::size_t{16} << 20;

inline constexpr std::string_view kTextColumn = "text";
inline constexpr std::string_view kIdColumn = "id";

struct TextReaderOptions {
  std::vector<std::string> inputs = {};    // paths, or "-" for stdin
  TextFormat format = TextFormat::kAuto;   // by extension: .jsonl/.ndjson, .csv, .tsv; else lines
  std::string column = {};                 // jsonl key or csv header name; empty = "text"
  std::string id_column = {};              // empty = "id" where there is one
  std::function<bool()> interrupted = {};  // asked while waiting for a pipe; true ends the stream with kCancelled
};

// A place between two rows.
struct RowMark {
  std::size_t input = 0;          // index into the inputs
  std::uint64_t byte_offset = 0;  // of the next row in it
  std::uint64_t line = 0;         // of the next row; 0 = the beginning of the input, header included
  bool operator==(const RowMark&) const = default;
};

class TextReader {
 public:
  virtual ~TextReader() = default;
  // The next row, nullopt at the end of the last input. An Error ends the stream (a file cannot be opened or read at
  // all); what is wrong with one row is in TextRow::error.
  virtual Result<std::optional<TextRow>> next() = 0;
  // Bytes read so far and in all, for progress; total 0 when unknown (stdin).
  struct Position {
    std::uint64_t byte_count_read = 0;
    std::uint64_t byte_count_total = 0;
  };
  virtual Position position() const noexcept = 0;

  // The inputs as they were when the reader was opened.
  virtual std::span<const InputInfo> inputs() const noexcept = 0;
  // Where the next row begins.
  virtual RowMark mark() const noexcept = 0;
  // Goes to a mark at or after the present place. False, with nothing changed, when a pipe or stdin lies on the way:
  // its rows have to be read.
  virtual Result<bool> skip_to(const RowMark& mark) = 0;
};

// Opens lazily, but every path is checked to exist and be readable, and every csv file to have the column, before the
// first row.
Result<std::unique_ptr<TextReader>> open_text_reader(TextReaderOptions options);

}  // namespace asterism
