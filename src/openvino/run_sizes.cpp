#include "openvino/run_sizes.hpp"

#include <algorithm>
#include <bit>

namespace asterism {
namespace {

// Sizes up to this one are run as they are: a lone query must not pay for padding.
constexpr std::int64_t kExactSizeMax = 32;
// Above it, a power of two is divided into this many steps.
constexpr std::int64_t kStepsPerOctave = 16;

}  // namespace

std::int64_t bucket_size(std::int64_t count) noexcept {
  if (count <= kExactSizeMax) {
    return std::max<std::int64_t>(count, 1);
  }
  const auto octave = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(count - 1)));
  const std::int64_t step = octave / kStepsPerOctave;
  return (count + step - 1) / step * step;
}

}  // namespace asterism
