// Any bytes as the vectors of TensorBoard's projector: an error that names the line, or finite numbers in whole rows.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "service/projector_files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::size_t dim = 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto values = asterism::service::parse_vectors_tsv(text, "fuzz", dim);
  if (!values) {
    if (!values.error().message.starts_with("fuzz:")) {
      std::abort();
    }
    return 0;
  }
  if (dim == 0 || values->empty() || values->size() % dim != 0) {
    std::abort();
  }
  for (const float value : *values) {
    if (!std::isfinite(value)) {
      std::abort();
    }
  }
  return 0;
}
