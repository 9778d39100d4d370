// Rows of one input in one format. The reader over several inputs (inputs_reader.hpp) makes one of these per input.
//
// Ownership: a record reader owns its source of bytes. Thread-safety: one thread. Cost: one buffer and one row of
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/byte_source.hpp"
#include "dataset/metadata.hpp"
#include "dataset/row.hpp"
#include "dataset/text_reader.hpp"

namespace asterism {

struct RecordOptions {
  std::string source = {};     // name for rows and messages
  std::string column = {};     // jsonl key ("a.b" for a key inside an object) or csv header name; empty = kTextColumn
  std::string id_column = {};  // empty = kIdColumn where there is one
  // Not empty: rows are records of these columns, and `column` is not looked at. A key that a jsonl record lacks, or
  // that is null, has no cell.
  RecordColumns columns = {};
  MetadataColumns metadata = {};
  std::size_t row_size_bytes_max = kRowSizeBytesMax;
};

// A RowMark within one input.
struct RecordPlace {
  std::uint64_t byte_offset = 0;
  std::uint64_t line = 0;
  std::uint64_t files_digest = 0;
};

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // Fills every field of `row`; false at the end. An Error ends the stream.
  virtual Result<bool> next(Row& row) = 0;
  // Where the next row begins.
  virtual RecordPlace place() const noexcept = 0;
  // To the beginning of a row, as told by place(). False when the files on the way are not those of that place; the
  // reader is of no use then.
  virtual Result<bool> seek(const RecordPlace& place) = 0;
  // How much of the input's weight was read: bytes, unless the weight says otherwise.
  virtual double done() const noexcept { return static_cast<double>(place().byte_offset); }
  virtual std::uint64_t ignored_file_count() const noexcept { return 0; }
  // Names that stand in the header of a csv file, or in the first record of jsonl once that was read.
  virtual std::span<const std::string> column_names() const noexcept { return {}; }
};

// Texts or records. `format` is not kAuto. Reads the first bytes, and for csv the header: a missing column is an error
// here, which names the nearest one. kUnsupported: records of plain lines.
Result<std::unique_ptr<RecordReader>> make_record_reader(TextFormat format, std::unique_ptr<ByteSource> bytes,
                                                         RecordOptions options);

}  // namespace asterism
