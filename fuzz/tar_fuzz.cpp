// Any bytes as a tar archive, plain and gzip: rows that do not depend on how the input was cut into reads, bounded, and
// reading that goes on at any place as if it had never stopped.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "dataset/gzip_source.hpp"
#include "dataset/tar_rows.hpp"

namespace {

using asterism::RecordPlace;
using asterism::RecordReader;
using asterism::Row;

// Small, so that inputs of a fuzzer's size go past it.
constexpr std::size_t kFuzzRowSizeBytesMax = 700;
constexpr std::size_t kSmallChunkSizeBytes = 13;
constexpr std::size_t kLargeChunkSizeBytes = std::size_t{1} << 20;
constexpr std::size_t kFuzzRowCountMax = 2000;

struct ReadRow {
  Row row;
  RecordPlace place;  // behind the row
};

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

std::unique_ptr<RecordReader> open(const std::string& bytes, std::size_t chunk, bool gzip, bool size_known) {
  auto source = asterism::make_memory_source(bytes, chunk);
  if (gzip) {
    source = asterism::make_gzip_source(std::move(source), "fuzz");
  }
  return asterism::make_tar_rows(std::move(source), "fuzz", size_known && !gzip ? bytes.size() : 0,
                                 {.row_size_bytes_max = kFuzzRowSizeBytesMax});
}

std::vector<ReadRow> read_all(RecordReader& reader) {
  std::vector<ReadRow> rows;
  for (ReadRow read; rows.size() < kFuzzRowCountMax;) {
    const auto found = reader.next(read.row);
    require(found.has_value());
    if (!*found) {
      break;
    }
    require(read.row.payload.bytes.size() <= kFuzzRowSizeBytesMax);
    require(!read.row.error || (read.row.payload.bytes.empty() && !read.row.error->message.empty()));
    read.place = reader.place();
    rows.push_back(read);
  }
  return rows;
}

void require_same(const std::vector<ReadRow>& a, std::size_t a_first, const std::vector<ReadRow>& b) {
  require(a.size() - a_first == b.size());
  for (std::size_t i = 0; i < b.size(); ++i) {
    const Row& x = a[a_first + i].row;
    const Row& y = b[i].row;
    require(x.source == y.source && x.id == y.id && x.payload.bytes == y.payload.bytes);
    require(x.error.has_value() == y.error.has_value());
  }
}

void check(const std::string& bytes, bool gzip, bool size_known) {
  const auto rows = read_all(*open(bytes, kLargeChunkSizeBytes, gzip, size_known));
  require_same(rows, 0, read_all(*open(bytes, kSmallChunkSizeBytes, gzip, size_known)));
  if (rows.empty() || rows.size() == kFuzzRowCountMax) {
    return;
  }
  const std::size_t middle = rows.size() / 2;
  auto reader = open(bytes, kLargeChunkSizeBytes, gzip, size_known);
  if (reader->seek(rows[middle].place).value_or(false)) {
    require_same(rows, middle + 1, read_all(*reader));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  check(bytes, false, true);
  check(bytes, false, false);
  check(bytes, true, false);
  return 0;
}
