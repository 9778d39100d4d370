// Any bytes as a Parquet file of strings: an error, or as many strings as rows, inside their limits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "weights/parquet_strings.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto column = asterism::parse_parquet_strings(std::as_bytes(std::span(data, size)), "fuzz");
  if (!column) {
    if (column.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  std::uint64_t before = 0;
  for (const std::uint64_t end : column->ends) {
    if (end < before || end > column->bytes.size()) {
      std::abort();
    }
    before = end;
  }
  if (before != column->bytes.size()) {
    std::abort();
  }
  return 0;
}
