// Rows of text from files and stdin: plain lines, jsonl and csv.
//
// A reader streams: memory is one buffer and one row, whatever the file's size. Thread-safety: one thread per reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/row.hpp"

namespace asterism {

enum class TextFormat : std::uint8_t { kAuto, kLines, kJsonl, kCsv };

// Longest row (line or csv record) in bytes; a longer one is that row's error.
inline constexpr std::size_t kRowSizeBytesMax = std::size_t{16} << 20;

struct TextReaderOptions {
  std::vector<std::string> inputs;         // paths, or "-" for stdin
  TextFormat format = TextFormat::kAuto;   // by extension: .jsonl/.ndjson, .csv, .tsv; else lines
  std::string column;                      // jsonl key or csv header; needed for csv, default "text" for jsonl
  std::string id_column;                   // default "id" when present
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
};

// Opens lazily, but every path is checked to exist and be readable before the first row.
Result<std::unique_ptr<TextReader>> open_text_reader(const TextReaderOptions& options);

}  // namespace asterism
