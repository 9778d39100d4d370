// A grid of vectors at another size, as torch.nn.functional.interpolate computes it: private to src/models.
//
// Done once, when a checkpoint is loaded for images of another size than it was trained on.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace asterism {

struct Grid {
  std::int64_t height = 0;
  std::int64_t width = 0;

  std::int64_t area() const noexcept { return height * width; }
  bool operator==(const Grid&) const = default;
};

enum class Resampling : std::uint8_t {
  kBicubic,              // mode="bicubic", align_corners=False
  kBicubicAlignCorners,  // mode="bicubic", align_corners=True
  kBicubicAntialias,     // mode="bicubic", antialias=True
  kBilinear,             // mode="bilinear", align_corners=False
};

// `values` is [from.height, from.width, dim]; the result [to.height, to.width, dim]. Sizes are positive.
std::vector<float> resample_grid(std::span<const float> values, std::int64_t dim, const Grid& from, const Grid& to,
                                 Resampling resampling);

}  // namespace asterism
