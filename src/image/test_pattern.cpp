#include "image/test_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace asterism {
namespace {

using Rgb = std::array<std::uint8_t, 3>;

std::uint8_t byte(std::int64_t value) {
  return static_cast<std::uint8_t>(value);
}

Rgb ramp(std::int64_t x, std::int64_t y, ImageSize size) {
  const std::int64_t red = 255 * x / (size.width - 1);
  const std::int64_t green = 255 * y / (size.height - 1);
  return {byte(red), byte(green), byte(255 - (red + green) / 2)};
}

Rgb disc(std::int64_t x, std::int64_t y, ImageSize size) {
  constexpr std::array<Rgb, 3> kBlocks{{{230, 60, 30}, {40, 160, 220}, {245, 215, 70}}};
  constexpr std::int64_t kBlockEdge = 16;
  Rgb colour = kBlocks[static_cast<std::size_t>((x / kBlockEdge + y / kBlockEdge) % 3)];
  // Twice the distance from the middle, squared, against half the square of the shorter edge.
  const std::int64_t dx = 2 * x - size.width + 1;
  const std::int64_t dy = 2 * y - size.height + 1;
  const std::int64_t edge = std::min(size.width, size.height);
  if (2 * (dx * dx + dy * dy) < edge * edge) {
    for (std::uint8_t& value : colour) {
      value = byte(255 - value);
    }
  }
  return colour;
}

Rgb noise(std::int64_t x, std::int64_t y, ImageSize /*size*/) {
  Rgb colour{};
  for (std::uint32_t channel = 0; channel < 3; ++channel) {
    std::uint32_t hash =
        static_cast<std::uint32_t>(x) * 73856093U ^ static_cast<std::uint32_t>(y) * 19349663U ^ channel * 83492791U;
    hash ^= hash >> 13U;
    hash *= 0x5BD1E995U;
    hash ^= hash >> 15U;
    colour[channel] = static_cast<std::uint8_t>(hash & 0xFFU);
  }
  return colour;
}

struct Pattern {
  std::string_view name;
  Rgb (*at)(std::int64_t x, std::int64_t y, ImageSize size);
};
constexpr std::array<Pattern, 3> kPatterns{{{"ramp", ramp}, {"disc", disc}, {"noise", noise}}};

void put_little_endian(std::string& out, std::uint32_t value, int byte_count) {
  for (int i = 0; i < byte_count; ++i) {
    out += static_cast<char>(value >> (8 * i) & 0xFFU);
  }
}

}  // namespace

std::vector<std::string_view> test_pattern_names() {
  std::vector<std::string_view> names;
  for (const Pattern& pattern : kPatterns) {
    names.push_back(pattern.name);
  }
  return names;
}

Result<Image> test_pattern(std::string_view name, ImageSize size) {
  const auto pattern = std::ranges::find(kPatterns, name, &Pattern::name);
  if (pattern == kPatterns.end()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("pattern: expected one of {}, found \"{}\"", fmt::join(test_pattern_names(), ", "), name));
  }
  const auto allowed = [](std::int64_t edge) { return edge >= 2 && edge <= kTestPatternEdgeMax; };
  if (!allowed(size.width) || !allowed(size.height)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("pattern: expected edges of 2 to {} pixels, found {} x {}",
                                                         kTestPatternEdgeMax, size.width, size.height));
  }
  Image image{.width = size.width, .height = size.height, .pixels = {}};
  image.pixels.reserve(static_cast<std::size_t>(3 * size.width * size.height));
  for (std::int64_t y = 0; y < size.height; ++y) {
    for (std::int64_t x = 0; x < size.width; ++x) {
      const Rgb colour = pattern->at(x, y, size);
      image.pixels.insert(image.pixels.end(), colour.begin(), colour.end());
    }
  }
  return image;
}

std::string encode_bmp(const Image& image) {
  constexpr std::uint32_t kHeadersSizeBytes = 14 + 40;
  const auto width = static_cast<std::size_t>(image.width);
  const auto height = static_cast<std::size_t>(image.height);
  const std::size_t padding = (4 - 3 * width % 4) % 4;  // rows end at multiples of 4 bytes
  std::string out = "BM";
  put_little_endian(out, static_cast<std::uint32_t>(kHeadersSizeBytes + (3 * width + padding) * height), 4);
  put_little_endian(out, 0, 4);
  put_little_endian(out, kHeadersSizeBytes, 4);
  put_little_endian(out, 40, 4);  // BITMAPINFOHEADER
  put_little_endian(out, static_cast<std::uint32_t>(width), 4);
  put_little_endian(out, static_cast<std::uint32_t>(height), 4);
  put_little_endian(out, 1, 2);             // planes
  put_little_endian(out, 24, 2);            // bits a pixel
  out.append(24, '\0');                     // not compressed; no size, resolution or palette
  for (std::size_t y = height; y-- > 0;) {  // the last row comes first
    for (std::size_t x = 0; x < width; ++x) {
      const std::uint8_t* pixel = image.pixels.data() + 3 * (y * width + x);
      out += {static_cast<char>(pixel[2]), static_cast<char>(pixel[1]), static_cast<char>(pixel[0])};
    }
    out.append(padding, '\0');
  }
  return out;
}

}  // namespace asterism
