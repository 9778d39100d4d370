// Any bytes as a PyTorch checkpoint: an error or tensors that can all be read. Seeds whose first byte is 'P' or 0x80
// come from torch.save; what the pickle names is never run, so there is nothing else to see.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "weights/pth.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = asterism::parse_pth(std::as_bytes(std::span(data, size)), nullptr, "fuzz");
  if (!file) {
    if (file.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  for (const auto& [name, tensor] : file->tensors) {
    // Touches every byte: a range outside the input is a sanitizer report.
    volatile unsigned sum = 0;
    for (const std::byte byte : tensor.bytes()) {
      sum = sum + std::to_integer<unsigned>(byte);
    }
  }
  return 0;
}
