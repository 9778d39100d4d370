#include "train/colour_steps.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace asterism {
namespace {

constexpr std::size_t kChannelCount = 3;
constexpr float kRedWeight = 0.2989F;
constexpr float kGreenWeight = 0.587F;
constexpr float kBlueWeight = 0.114F;

// Plain pointers: with spans GCC 12 does not see that the channels do not overlap, and leaves the loops scalar.
struct Channels {
  float* red;
  float* green;
  float* blue;
  std::size_t size;
};

Channels channels(PicturePlanes& planes) {
  const auto size = static_cast<std::size_t>(planes.width * planes.height);
  float* const values = planes.values.data();
  return {values, values + size, values + 2 * size, size};
}

float grey_of(float red, float green, float blue) {
  return kRedWeight * red + kGreenWeight * green + kBlueWeight * blue;
}

float unit(float value) {
  return std::min(std::max(value, 0.0F), 1.0F);
}

std::int64_t reflected(std::int64_t i, std::int64_t size) {
  if (size == 1) {
    return 0;
  }
  while (i < 0 || i >= size) {
    i = i < 0 ? -i : 2 * (size - 1) - i;
  }
  return i;
}

std::vector<float> gaussian_kernel(std::int64_t size, double sigma) {
  const std::int64_t half = size / 2;
  std::vector<float> kernel;
  for (std::int64_t i = -half; i <= half; ++i) {
    const double x = static_cast<double>(i) / sigma;
    kernel.push_back(static_cast<float>(std::exp(-0.5 * x * x)));
  }
  const float sum = std::accumulate(kernel.begin(), kernel.end(), 0.0F);
  std::ranges::transform(kernel, kernel.begin(), [sum](float x) { return x / sum; });
  return kernel;
}

void add_scaled(float* __restrict to, const float* __restrict from, float weight, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    to[i] += weight * from[i];
  }
}

// Along each row, in place.
void blur_rows(std::vector<float>& values, std::int64_t width, const std::vector<float>& kernel) {
  const auto half = static_cast<std::int64_t>(kernel.size() / 2);
  const auto count = static_cast<std::size_t>(width);
  std::vector<float> padded(count + kernel.size() - 1);
  for (std::size_t begin = 0; begin < values.size(); begin += count) {
    float* const row = values.data() + begin;
    for (std::int64_t i = 0; i < half; ++i) {
      padded[static_cast<std::size_t>(i)] = row[reflected(i - half, width)];
      padded[static_cast<std::size_t>(width + half + i)] = row[reflected(width + i, width)];
    }
    std::copy_n(row, count, padded.begin() + half);
    std::fill_n(row, count, 0.0F);
    for (std::size_t k = 0; k < kernel.size(); ++k) {
      add_scaled(row, padded.data() + k, kernel[k], count);
    }
  }
}

// Across the rows of each channel.
void blur_columns(const std::vector<float>& from, std::vector<float>& to, const PicturePlanes& planes,
                  const std::vector<float>& kernel) {
  const auto half = static_cast<std::int64_t>(kernel.size() / 2);
  const auto width = static_cast<std::size_t>(planes.width);
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const std::size_t begin = c * width * static_cast<std::size_t>(planes.height);
    for (std::int64_t y = 0; y < planes.height; ++y) {
      float* const row = to.data() + begin + static_cast<std::size_t>(y) * width;
      std::fill_n(row, width, 0.0F);
      for (std::size_t k = 0; k < kernel.size(); ++k) {
        const std::int64_t other = reflected(y + static_cast<std::int64_t>(k) - half, planes.height);
        add_scaled(row, from.data() + begin + static_cast<std::size_t>(other) * width, kernel[k], width);
      }
    }
  }
}

// One channel of Smith's hexcone (1978) with one formula for all three: value - chroma * max(0, min(k, 4 - k, 1)) with
// k = n + hue in sixths of a turn. `k` comes within two turns of [0, 6): sums and comparisons instead of a remainder.
float hexcone(float k, float high, float range) {
  k = k >= 6.0F ? k - 6.0F : k;
  k = k >= 6.0F ? k - 6.0F : k;
  k = k < 0.0F ? k + 6.0F : k;
  return high - range * std::max(0.0F, std::min(std::min(k, 4.0F - k), 1.0F));
}

}  // namespace

PicturePlanes to_planes(const Image& image) {
  PicturePlanes planes{image.width, image.height, {}};
  planes.values.resize(image.pixels.size());
  const Channels to = channels(planes);
  const std::uint8_t* const from = image.pixels.data();
  for (std::size_t i = 0; i < to.size; ++i) {
    to.red[i] = static_cast<float>(from[i * kChannelCount]) / 255.0F;
    to.green[i] = static_cast<float>(from[i * kChannelCount + 1]) / 255.0F;
    to.blue[i] = static_cast<float>(from[i * kChannelCount + 2]) / 255.0F;
  }
  return planes;
}

void adjust_brightness(PicturePlanes& planes, double factor) {
  const auto f = static_cast<float>(factor);
  for (float& value : planes.values) {
    value = unit(f * value);
  }
}

void adjust_contrast(PicturePlanes& planes, double factor) {
  const Channels rgb = channels(planes);
  // The mean of the greys is the grey of the means.
  const auto mean = [&](const float* values) {
    return std::accumulate(values, values + rgb.size, 0.0) / static_cast<double>(rgb.size);
  };
  const double grey = static_cast<double>(kRedWeight) * mean(rgb.red) +
                      static_cast<double>(kGreenWeight) * mean(rgb.green) +
                      static_cast<double>(kBlueWeight) * mean(rgb.blue);
  const auto f = static_cast<float>(factor);
  const float rest = (1.0F - f) * static_cast<float>(grey);
  for (float& value : planes.values) {
    value = unit(f * value + rest);
  }
}

void adjust_saturation(PicturePlanes& planes, double factor) {
  const Channels rgb = channels(planes);
  const auto f = static_cast<float>(factor);
  for (std::size_t i = 0; i < rgb.size; ++i) {
    const float red = rgb.red[i];
    const float green = rgb.green[i];
    const float blue = rgb.blue[i];
    const float rest = (1.0F - f) * grey_of(red, green, blue);
    rgb.red[i] = unit(f * red + rest);
    rgb.green[i] = unit(f * green + rest);
    rgb.blue[i] = unit(f * blue + rest);
  }
}

void adjust_hue(PicturePlanes& planes, double shift) {
  const Channels rgb = channels(planes);
  const float turned = 6.0F * static_cast<float>(shift);
  for (std::size_t i = 0; i < rgb.size; ++i) {
    const float red = rgb.red[i];
    const float green = rgb.green[i];
    const float blue = rgb.blue[i];
    const float high = std::max(std::max(red, green), blue);
    const float range = high - std::min(std::min(red, green), blue);
    // Grey has no hue and stays: any divisor will do.
    const float scale = 1.0F / (range > 0.0F ? range : 1.0F);
    const float of_red = (green - blue) * scale;
    const float of_green = 2.0F + (blue - red) * scale;
    const float of_blue = 4.0F + (red - green) * scale;
    const float not_red = high == green ? of_green : of_blue;
    const float sixths = turned + (high == red ? of_red : not_red);
    rgb.red[i] = unit(hexcone(5.0F + sixths, high, range));
    rgb.green[i] = unit(hexcone(3.0F + sixths, high, range));
    rgb.blue[i] = unit(hexcone(1.0F + sixths, high, range));
  }
}

void make_grey(PicturePlanes& planes) {
  const Channels rgb = channels(planes);
  for (std::size_t i = 0; i < rgb.size; ++i) {
    const float grey = grey_of(rgb.red[i], rgb.green[i], rgb.blue[i]);
    rgb.red[i] = grey;
    rgb.green[i] = grey;
    rgb.blue[i] = grey;
  }
}

void blur(PicturePlanes& planes, std::int64_t size, double sigma) {
  const std::vector<float> kernel = gaussian_kernel(size, sigma);
  std::vector<float> rows = planes.values;
  blur_rows(rows, planes.width, kernel);
  blur_columns(rows, planes.values, planes, kernel);
}

void solarize(PicturePlanes& planes, double threshold) {
  const auto least = static_cast<float>(threshold);
  for (float& value : planes.values) {
    value = value >= least ? 1.0F - value : value;
  }
}

void erase(PicturePlanes& planes, const ImageWindow& window, const std::array<float, 3>& colour) {
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    for (std::int64_t y = window.y; y < window.y + window.height; ++y) {
      const std::int64_t begin = (static_cast<std::int64_t>(c) * planes.height + y) * planes.width + window.x;
      std::fill_n(planes.values.begin() + begin, window.width, colour[c]);
    }
  }
}

}  // namespace asterism
