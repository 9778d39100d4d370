#include "image/torch_interpolate.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace asterism {
namespace {

constexpr std::size_t kChannels = 3;
constexpr std::size_t kTapsMax = 4;

// One output position: up to four input positions, clamped to the image, and their weights.
struct Taps {
  std::array<std::size_t, kTapsMax> at{};
  std::array<float, kTapsMax> weight{};
};

// Keys' cubic with a = -0.75, as PyTorch has it.
float cubic_inner(float x) {
  constexpr float kA = -0.75F;
  return ((kA + 2.0F) * x - (kA + 3.0F)) * x * x + 1.0F;
}

float cubic_outer(float x) {
  constexpr float kA = -0.75F;
  return ((kA * x - 5.0F * kA) * x + 8.0F * kA) * x - 4.0F * kA;
}

Taps make_taps(std::int64_t position, std::int64_t input_size, std::int64_t output_size, Interpolation interpolation) {
  const float scale = static_cast<float>(input_size) / static_cast<float>(output_size);
  const float place = scale * (static_cast<float>(position) + 0.5F) - 0.5F;
  const auto clamp_at = [input_size](std::int64_t at) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(at, 0, input_size - 1));
  };
  Taps taps;
  if (interpolation == Interpolation::kBilinear) {
    const float inside = std::max(place, 0.0F);
    const auto at = static_cast<std::int64_t>(inside);
    const float fraction = std::min(inside - static_cast<float>(at), 1.0F);
    taps.at = {clamp_at(at), clamp_at(at + 1), 0, 0};
    taps.weight = {1.0F - fraction, fraction, 0.0F, 0.0F};
    return taps;
  }
  const float floor = std::floor(place);
  const auto at = static_cast<std::int64_t>(floor);
  const float fraction = place - floor;
  taps.at = {clamp_at(at - 1), clamp_at(at), clamp_at(at + 1), clamp_at(at + 2)};
  taps.weight = {cubic_outer(fraction + 1.0F), cubic_inner(fraction), cubic_inner(1.0F - fraction),
                 cubic_outer(2.0F - fraction)};
  return taps;
}

std::vector<Taps> make_all_taps(std::int64_t first, std::int64_t count, std::int64_t input_size,
                                std::int64_t output_size, Interpolation interpolation) {
  std::vector<Taps> taps;
  taps.reserve(static_cast<std::size_t>(count));
  for (std::int64_t position = first; position < first + count; ++position) {
    taps.push_back(make_taps(position, input_size, output_size, interpolation));
  }
  return taps;
}

}  // namespace

void interpolate_window(const Image& image, ImageSize size, Interpolation interpolation, const ImageWindow& window,
                        std::vector<float>& scratch, ImageRows out) {
  const std::size_t tap_count = interpolation == Interpolation::kBilinear ? 2 : 4;
  const std::vector<Taps> columns = make_all_taps(window.x, window.width, image.width, size.width, interpolation);
  const std::vector<Taps> lines = make_all_taps(window.y, window.height, image.height, size.height, interpolation);
  const std::size_t stride = static_cast<std::size_t>(image.width) * kChannels;
  scratch.resize(columns.size() * kChannels);
  for (std::size_t y = 0; y < lines.size(); ++y) {
    std::ranges::fill(scratch, 0.0F);
    for (std::size_t line = 0; line < tap_count; ++line) {
      const std::uint8_t* row = image.pixels.data() + lines[y].at[line] * stride;
      for (std::size_t x = 0; x < columns.size(); ++x) {
        for (std::size_t c = 0; c < kChannels; ++c) {
          float sum = 0.0F;
          for (std::size_t tap = 0; tap < tap_count; ++tap) {
            sum += static_cast<float>(row[columns[x].at[tap] * kChannels + c]) * columns[x].weight[tap];
          }
          scratch[x * kChannels + c] += sum * lines[y].weight[line];
        }
      }
    }
    std::uint8_t* to = out.data + y * out.stride_bytes;
    for (std::size_t i = 0; i < scratch.size(); ++i) {
      // torch.round: halves to even, which is how nearbyint rounds by default.
      to[i] = static_cast<std::uint8_t>(std::clamp(std::nearbyint(scratch[i]), 0.0F, 255.0F));
    }
  }
}

}  // namespace asterism
