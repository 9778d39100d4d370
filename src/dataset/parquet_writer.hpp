// Tables as Apache Parquet files: plain pages without compression, one row group every so many rows.
//
// Format: https://github.com/apache/parquet-format (README.md, Encodings.md, src/main/thrift/parquet.thrift); the footer
// is Thrift's compact protocol. Every column is optional: a value may be missing. Read by pyarrow in
// tests/server_clients. Ownership: the sink is the caller's. Thread-safety: one thread. Memory: one row group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

enum class ParquetType : std::uint8_t {
  kText,       // UTF-8; bytes that are none become U+FFFD
  kNumber,     // double
  kDate,       // int64, milliseconds since 1970, UTC
  kFloatList,  // list of float
};

struct ParquetColumn {
  std::string name;
  ParquetType type = ParquetType::kText;
};

class ParquetWriter {
 public:
  using Sink = std::function<Result<void>(std::string_view bytes)>;

  // Nothing is written before the first row group is full.
  ParquetWriter(std::vector<ParquetColumn> columns, Sink sink);

  // Of the row at hand; a column that is not set before end_row() has no value there. Setting a column of another type,
  // or twice in a row, is a mistake of the caller's and is ignored.
  void set_text(std::size_t column, std::string_view value);
  void set_number(std::size_t column, double value);
  void set_date(std::size_t column, std::int64_t time_ms);
  void set_floats(std::size_t column, std::span<const float> values);
  // Writes a row group when one is full. An error of the sink.
  Result<void> end_row();
  // After the last row: the rest, and the footer.
  Result<void> finish();

 private:
  // Values and levels of one column in the row group at hand.
  struct Chunk {
    std::string values;  // PLAIN
    std::vector<std::uint8_t> definition_levels;
    std::vector<std::uint8_t> repetition_levels;  // of lists
    std::uint64_t row_count = 0;
  };
  // Where a chunk was written.
  struct WrittenChunk {
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t value_count = 0;
  };
  struct WrittenGroup {
    std::vector<WrittenChunk> chunks;
    std::uint64_t row_count = 0;
    std::uint64_t size_bytes = 0;
  };

  Chunk* chunk_for(std::size_t column, ParquetType type);
  Result<void> write(std::string_view bytes);
  Result<void> write_group();
  std::string footer() const;

  std::vector<ParquetColumn> columns_;
  Sink sink_;
  std::vector<Chunk> chunks_;
  std::vector<WrittenGroup> groups_;
  std::uint64_t group_row_count_ = 0;
  std::uint64_t row_count_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace asterism
