// Any bytes as an ONNX model: an error, or the names of the files that hold its weights.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "openvino/onnx_external.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto locations = asterism::onnx_external_locations(std::as_bytes(std::span(data, size)), "fuzz");
  if (!locations && locations.error().message.empty()) {
    std::abort();
  }
  std::size_t named = 0;
  for (const std::string& location : locations.value_or(std::set<std::string>{})) {
    named += location.size();
  }
  if (named > size) {
    std::abort();
  }
  return 0;
}
