// Any bytes as jsonl, csv, tsv and lines: rows that do not depend on how the input was cut into reads, metadata that is
// a JSON object, and reading that goes on at any mark as if it had never stopped.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "dataset/record_reader.hpp"

namespace {

using asterism::RecordReader;
using asterism::Row;
using asterism::TextFormat;

// Small, so that inputs of a fuzzer's size go past it.
constexpr std::size_t kFuzzRowSizeBytesMax = 200;
constexpr std::size_t kSmallChunkSizeBytes = 3;

struct ReadRow {
  Row row;
  asterism::RecordPlace place;  // behind the row
};

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

asterism::Result<std::unique_ptr<RecordReader>> open(TextFormat format, const std::string& text, std::size_t chunk) {
  return asterism::make_record_reader(
      format, asterism::make_memory_source(text, chunk),
      {.source = "fuzz", .column = "text", .metadata = {.all = true}, .row_size_bytes_max = kFuzzRowSizeBytesMax});
}

std::vector<ReadRow> read_all(RecordReader& reader, std::size_t size) {
  std::vector<ReadRow> rows;
  for (ReadRow read;;) {
    const auto found = reader.next(read.row);
    require(found.has_value());
    if (!*found) {
      return rows;
    }
    require(rows.size() <= size);
    require(read.row.payload.bytes.size() <= kFuzzRowSizeBytesMax);
    require(!read.row.error || (read.row.payload.bytes.empty() && !read.row.error->message.empty()));
    const auto metadata = asterism::parse_json(read.row.metadata, "metadata");
    require(metadata.has_value() && metadata->is_object());
    read.place = reader.place();
    rows.push_back(read);
  }
}

bool same(const Row& a, const Row& b) {
  return a.payload.bytes == b.payload.bytes && a.metadata == b.metadata && a.id == b.id && a.line == b.line &&
         a.error.has_value() == b.error.has_value();
}

void check(TextFormat format, const std::string& text) {
  auto whole = open(format, text, text.size() + 1);
  auto cut = open(format, text, kSmallChunkSizeBytes);
  require(whole.has_value() == cut.has_value());
  if (!whole) {
    require(!whole.error().message.empty());
    return;
  }
  const auto rows = read_all(**whole, text.size());
  const auto cut_rows = read_all(**cut, text.size());
  require(rows.size() == cut_rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    require(same(rows[i].row, cut_rows[i].row) && rows[i].place.byte_offset == cut_rows[i].place.byte_offset);
  }
  if (rows.empty()) {
    return;
  }
  const std::size_t middle = rows.size() / 2;
  require((*whole)->seek(rows[middle].place).value_or(false));
  const auto rest = read_all(**whole, text.size());
  require(rest.size() == rows.size() - middle - 1);
  for (std::size_t i = 0; i < rest.size(); ++i) {
    require(same(rest[i].row, rows[middle + 1 + i].row));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const TextFormat format : {TextFormat::kJsonl, TextFormat::kCsv, TextFormat::kTsv, TextFormat::kLines}) {
    check(format, text);
  }
  return 0;
}
