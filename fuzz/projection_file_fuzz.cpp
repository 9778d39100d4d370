// Any bytes as a projection: an error, or ids and places that are as many as it says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "service/projection_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto projection = asterism::service::parse_projection(std::as_bytes(std::span(data, size)), "fuzz", "fuzz");
  if (!projection) {
    if (projection.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  if (projection->ids.size() != projection->summary.row_count ||
      projection->points.size() != projection->summary.row_count * projection->summary.dim) {
    std::abort();
  }
  return 0;
}
