// Any bytes as a safetensors file: an error or a file whose every tensor can be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "weights/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = asterism::parse_safetensors(std::as_bytes(std::span(data, size)), nullptr, "fuzz");
  if (!file) {
    if (file.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  std::size_t size_bytes = 0;
  for (const auto& [name, tensor] : file->tensors) {
    size_bytes += tensor.bytes().size();
    // Touches every byte: a range outside the input is a sanitizer report.
    volatile float sum = 0.0F;
    const asterism::Tensor wide = tensor.to_f32();
    for (const float value : wide.as<float>()) {
      sum = sum + value;
    }
  }
  // The tensors cover the data section exactly, so they can never be more than the input.
  if (size_bytes > size) {
    std::abort();
  }
  return 0;
}
