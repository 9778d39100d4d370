// Rows of one input in one format. The reader over several inputs (text_reader.hpp) makes one of these per input.
//
// Ownership: a record reader owns its byte source. Thread-safety: one thread. Cost: one buffer and one row of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "asterism/error.hpp"
#include "dataset/byte_source.hpp"
#include "dataset/row.hpp"
#include "dataset/text_reader.hpp"

namespace asterism {

struct RecordOptions {
  std::string source = {};     // name for rows and messages
  std::string column = {};     // jsonl key ("a.b" for a key inside an object) or csv header name; empty = kTextColumn
  std::string id_column = {};  // empty = kIdColumn where there is one
  std::size_t row_size_bytes_max = kRowSizeBytesMax;
};

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // Fills every field of `row`; false at the end. An Error ends the stream.
  virtual Result<bool> next(TextRow& row) = 0;
  // Where the next row begins.
  virtual std::uint64_t byte_offset() const noexcept = 0;
  virtual std::uint64_t line() const noexcept = 0;
  // To the beginning of a row, as told by byte_offset() and line().
  virtual Result<void> seek(std::uint64_t byte_offset, std::uint64_t line) = 0;
};

// `format` is not kAuto. Reads the first bytes, and for csv the header: a missing column is an error here.
Result<std::unique_ptr<RecordReader>> make_record_reader(TextFormat format, std::unique_ptr<ByteSource> bytes,
                                                         RecordOptions options);

}  // namespace asterism
