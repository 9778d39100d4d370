// Rows of text from files and stdin: plain lines, jsonl, csv and tsv; or rows of columns from the last three.
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
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/metadata.hpp"
#include "dataset/row_reader.hpp"

namespace asterism {

enum class TextFormat : std::uint8_t { kAuto, kLines, kJsonl, kCsv, kTsv };

// `asked`, or where that is kAuto what the extension of `path` says.
TextFormat text_format_of(const std::string& path, TextFormat asked);

// Longest row (line or csv record) in bytes; a longer one is that row's error.
inline constexpr std::size_t kRowSizeBytesMax = std::size_t{16} << 20;

inline constexpr std::string_view kTextColumn = "text";
inline constexpr std::string_view kIdColumn = "id";

struct TextReaderOptions {
  std::vector<std::string> inputs = {};    // paths, or "-" for stdin
  TextFormat format = TextFormat::kAuto;   // by extension: .jsonl/.ndjson, .csv, .tsv; else lines
  std::string column = {};                 // jsonl key or csv header name; empty = "text"
  std::string id_column = {};              // empty = "id" where there is one
  RecordColumns columns = {};              // not empty: rows are records of these (RecordOptions)
  MetadataColumns metadata = {};           // what rows keep beside text and id; lines have nothing to keep
  std::function<bool()> interrupted = {};  // asked while waiting for a pipe; true ends the stream with kCancelled
};

// Opens lazily, but every path is checked to exist and be readable, and every csv file to have the column, before the
// first row.
Result<std::unique_ptr<RowReader>> open_text_reader(TextReaderOptions options);

}  // namespace asterism
