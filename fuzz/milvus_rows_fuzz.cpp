// Any bytes as the answer of a server: an error, or rows whose vectors have the length that was asked for. The first
// byte is the dim.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "milvus/milvus_rows.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t dim = data[0] % 8U + 1U;
  ::milvus::proto::milvus::SearchResults results;
  if (!results.ParseFromArray(data + 1, static_cast<int>(size - 1))) {
    return 0;
  }
  const auto& found = results.results();
  for (const auto* ids : {static_cast<const ::milvus::proto::schema::IDs*>(nullptr), &found.ids()}) {
    const auto rows = asterism::read_milvus_rows(found.fields_data(), ids, dim, "fuzz");
    if (!rows) {
      if (rows.error().code != asterism::ErrorCode::kCorrupt) {
        std::abort();
      }
      continue;
    }
    for (const auto& row : *rows) {
      if (!row.item.vector.empty() && row.item.vector.size() != dim) {
        std::abort();
      }
    }
  }
  return 0;
}
