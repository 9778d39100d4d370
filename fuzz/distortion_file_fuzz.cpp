// Any bytes as what was measured of a map of three rows: an error, or shares of each row.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "service/distortion_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace asterism::service;
  AtlasSnapshot snapshot;
  snapshot.name = "1-00000000";
  for (const std::string_view id : {"a", "b", "c"}) {
    snapshot.ids.add(id);
  }
  snapshot.ids.finish();
  AtlasMap map;
  map.summary.dim = 2;
  map.points.assign(6, 0.0F);
  const auto distortion = parse_distortion(std::as_bytes(std::span(data, size)), snapshot, map, "fuzz");
  if (!distortion) {
    if (distortion.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  if (distortion->values.size() != 6 || distortion->asked_row_count > 3 || distortion->neighbor_count > 15) {
    std::abort();
  }
  for (const float value : distortion->values) {
    if (!std::isnan(value) && (value < 0.0F || value > 1.0F)) {
      std::abort();
    }
  }
  return 0;
}
