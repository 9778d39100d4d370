// Any bytes as a fitted estimator: an error, or one that places rows.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "analysis/estimator_file.hpp"
#include "base/thread_pool.hpp"

namespace {

// Larger ones are the same code on more memory.
constexpr std::size_t kValuesMax = std::size_t{1} << 16;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static asterism::ThreadPool pool(1);
  const auto estimator = asterism::parse_estimator(std::as_bytes(std::span(data, size)), "fuzz");
  if (!estimator) {
    if (estimator.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  const std::size_t dim = (*estimator)->dim();
  if (dim == 0 || (*estimator)->component_count() == 0) {
    std::abort();
  }
  if (dim > kValuesMax || (*estimator)->component_count() > kValuesMax) {
    return 0;
  }
  const std::vector<float> row(dim, 0.5F);
  const auto placed = (*estimator)->transform({.values = row, .row_count = 1, .dim = dim}, {.pool = pool});
  if (placed && placed->size() != (*estimator)->component_count()) {
    std::abort();
  }
  return 0;
}
