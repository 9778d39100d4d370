#include "train/picture_geometry.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace asterism {
namespace {

constexpr std::int64_t kChannelCount = 3;
constexpr int kAttemptCount = 10;

std::int64_t rounded_root(double area) {
  return std::lround(std::sqrt(area));
}

ImageWindow largest_crop(ImageSize size, double aspect_max) {
  const double aspect = static_cast<double>(size.width) / static_cast<double>(size.height);
  ImageWindow window{0, 0, size.width, size.height};
  if (aspect > aspect_max) {
    window.width = std::lround(static_cast<double>(size.height) * aspect_max);
  } else if (aspect < 1.0 / aspect_max) {
    window.height = std::lround(static_cast<double>(size.width) * aspect_max);
  }
  window.width = std::clamp<std::int64_t>(window.width, 1, size.width);
  window.height = std::clamp<std::int64_t>(window.height, 1, size.height);
  window.x = (size.width - window.width) / 2;
  window.y = (size.height - window.height) / 2;
  return window;
}

// A picture with two black pixels on every side: what a turn looks at without asking whether it is inside.
struct Framed {
  static constexpr std::int64_t kFrame = 2;

  explicit Framed(const Image& image) : stride((image.width + 2 * kFrame) * kChannelCount) {
    pixels.resize(static_cast<std::size_t>(stride * (image.height + 2 * kFrame)), 0);
    for (std::int64_t y = 0; y < image.height; ++y) {
      std::copy_n(image.pixels.data() + y * image.width * kChannelCount, image.width * kChannelCount,
                  pixels.data() + (y + kFrame) * stride + kFrame * kChannelCount);
    }
  }
  const std::uint8_t* at(std::int64_t x, std::int64_t y) const {
    return pixels.data() + (y + kFrame) * stride + (x + kFrame) * kChannelCount;
  }

  std::int64_t stride;
  std::vector<std::uint8_t> pixels;
};

}  // namespace

ImageWindow random_crop_window(ImageSize size, const CropRange& range, SeededRandom& random) {
  const auto area = static_cast<double>(size.width * size.height);
  const double log_aspect = std::log(range.aspect_max);
  for (int attempt = 0; attempt < kAttemptCount; ++attempt) {
    const double wanted = area * random.uniform(range.area_min, 1.0);
    const double aspect = std::exp(random.uniform(-log_aspect, log_aspect));
    const std::int64_t width = rounded_root(wanted * aspect);
    const std::int64_t height = rounded_root(wanted / aspect);
    if (width >= 1 && width <= size.width && height >= 1 && height <= size.height) {
      const std::int64_t x = random.below(size.width - width + 1);
      return {x, random.below(size.height - height + 1), width, height};
    }
  }
  return largest_crop(size, range.aspect_max);
}

std::optional<ImageWindow> random_erase_window(ImageSize size, SeededRandom& random) {
  const auto area = static_cast<double>(size.width * size.height);
  for (int attempt = 0; attempt < kAttemptCount; ++attempt) {
    const double wanted = area * random.uniform(0.02, 0.33);
    const double aspect = std::exp(random.uniform(std::log(0.3), std::log(3.3)));
    const std::int64_t width = rounded_root(wanted / aspect);
    const std::int64_t height = rounded_root(wanted * aspect);
    if (width >= 1 && width < size.width && height >= 1 && height < size.height) {
      const std::int64_t x = random.below(size.width - width + 1);
      return ImageWindow{x, random.below(size.height - height + 1), width, height};
    }
  }
  return std::nullopt;
}

Image cut_window(const Image& image, const ImageWindow& window) {
  Image out{window.width, window.height, {}};
  const auto row_size = static_cast<std::size_t>(window.width * kChannelCount);
  out.pixels.resize(row_size * static_cast<std::size_t>(window.height));
  for (std::int64_t y = 0; y < window.height; ++y) {
    std::copy_n(image.pixels.data() + ((window.y + y) * image.width + window.x) * kChannelCount, row_size,
                out.pixels.data() + static_cast<std::size_t>(y) * row_size);
  }
  return out;
}

void mirror(Image& image) {
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::uint8_t* left = image.pixels.data() + y * image.width * kChannelCount;
    std::uint8_t* right = left + (image.width - 1) * kChannelCount;
    for (; left < right; left += kChannelCount, right -= kChannelCount) {
      std::swap_ranges(left, left + kChannelCount, right);
    }
  }
}

Image moved(const Image& image, std::int64_t dx, std::int64_t dy) {
  Image out{image.width, image.height, std::vector<std::uint8_t>(image.pixels.size(), 0)};
  const std::int64_t begin = std::max<std::int64_t>(0, -dx);
  const std::int64_t end = std::min(image.width, image.width - dx);
  if (begin >= end) {
    return out;
  }
  for (std::int64_t y = std::max<std::int64_t>(0, -dy); y < std::min(image.height, image.height - dy); ++y) {
    std::copy_n(image.pixels.data() + ((y + dy) * image.width + begin + dx) * kChannelCount,
                (end - begin) * kChannelCount, out.pixels.data() + (y * image.width + begin) * kChannelCount);
  }
  return out;
}

Image rotated(const Image& image, double degrees) {
  const double angle = degrees * std::numbers::pi / 180.0;
  const double cosine = std::cos(angle);
  const double sine = std::sin(angle);
  const double middle_x = static_cast<double>(image.width - 1) / 2.0;
  const double middle_y = static_cast<double>(image.height - 1) / 2.0;
  const auto width = static_cast<double>(image.width);
  const auto height = static_cast<double>(image.height);
  const Framed framed(image);
  Image out{image.width, image.height, std::vector<std::uint8_t>(image.pixels.size(), 0)};
  std::uint8_t* to = out.pixels.data();
  for (std::int64_t y = 0; y < image.height; ++y) {
    const double dy = static_cast<double>(y) - middle_y;
    for (std::int64_t x = 0; x < image.width; ++x, to += kChannelCount) {
      const double dx = static_cast<double>(x) - middle_x;
      // Farther than a pixel outside, all is black: one place there stands for every other.
      const double from_x = std::clamp(cosine * dx - sine * dy + middle_x, -1.0, width);
      const double from_y = std::clamp(sine * dx + cosine * dy + middle_y, -1.0, height);
      const auto left = static_cast<std::int64_t>(std::floor(from_x));
      const auto top = static_cast<std::int64_t>(std::floor(from_y));
      const auto right_share = static_cast<float>(from_x - static_cast<double>(left));
      const auto low_share = static_cast<float>(from_y - static_cast<double>(top));
      const std::uint8_t* const upper = framed.at(left, top);
      const std::uint8_t* const lower = upper + framed.stride;
      for (std::int64_t c = 0; c < kChannelCount; ++c) {
        const auto blend = [&](const std::uint8_t* row) {
          const auto first = static_cast<float>(row[c]);
          return first + right_share * (static_cast<float>(row[c + kChannelCount]) - first);
        };
        const float high = blend(upper);
        to[c] = static_cast<std::uint8_t>(high + low_share * (blend(lower) - high) + 0.5F);
      }
    }
  }
  return out;
}

}  // namespace asterism
