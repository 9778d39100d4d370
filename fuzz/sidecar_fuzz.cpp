// Any text as the file beside a model: an error, or settings that a model of 224 pixels can be given.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "encoder/image_sidecar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto sidecar = asterism::parse_image_sidecar(text, "fuzz");
  if (!sidecar) {
    if (sidecar.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  asterism::ForeignImageInput input;
  const auto settings = asterism::sidecar_image_settings(*sidecar, input, "fuzz");
  if (!settings) {
    return 0;
  }
  // What was accepted gives every picture the size that the model takes.
  const auto preprocessed = asterism::preprocessed_image_size({640, 480}, settings->preprocess);
  if (preprocessed && *preprocessed != settings->size) {
    std::abort();
  }
  return 0;
}
