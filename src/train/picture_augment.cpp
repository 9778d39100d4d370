#include "train/picture_augment.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <span>

#include "image/resize.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kChannelCount = 3;
// torchvision's attempts before it takes the largest crop from the middle.
constexpr int kCropAttemptCount = 10;
constexpr std::array<float, 3> kGreyWeights{0.2989F, 0.587F, 0.114F};

struct Window {
  std::int64_t x = 0, y = 0, width = 0, height = 0;
};

Window random_window(const Image& image, const AugmentationRecipe& recipe, SeededRandom& random) {
  const auto area = static_cast<double>(image.width * image.height);
  const double log_aspect = std::log(recipe.crop_aspect_max);
  for (int attempt = 0; attempt < kCropAttemptCount; ++attempt) {
    const double wanted = area * random.uniform(recipe.crop_area_min, 1.0);
    const double aspect = std::exp(random.uniform(-log_aspect, log_aspect));
    const auto width = static_cast<std::int64_t>(std::lround(std::sqrt(wanted * aspect)));
    const auto height = static_cast<std::int64_t>(std::lround(std::sqrt(wanted / aspect)));
    if (width >= 1 && width <= image.width && height >= 1 && height <= image.height) {
      return {random.below(image.width - width + 1), random.below(image.height - height + 1), width, height};
    }
  }
  const double aspect = static_cast<double>(image.width) / static_cast<double>(image.height);
  Window window{0, 0, image.width, image.height};
  if (aspect > recipe.crop_aspect_max) {
    window.width = std::lround(static_cast<double>(image.height) * recipe.crop_aspect_max);
  } else if (aspect < 1.0 / recipe.crop_aspect_max) {
    window.height = std::lround(static_cast<double>(image.width) * recipe.crop_aspect_max);
  }
  window.width = std::clamp<std::int64_t>(window.width, 1, image.width);
  window.height = std::clamp<std::int64_t>(window.height, 1, image.height);
  window.x = (image.width - window.width) / 2;
  window.y = (image.height - window.height) / 2;
  return window;
}

bool crops(const AugmentationRecipe& recipe) {
  return recipe.crop_area_min < 1.0 || recipe.crop_aspect_max > 1.0;
}

Image cut(const Image& image, const Window& window) {
  Image out{window.width, window.height, {}};
  out.pixels.resize(static_cast<std::size_t>(window.width * window.height * kChannelCount));
  const auto row_size = static_cast<std::size_t>(window.width * kChannelCount);
  for (std::int64_t y = 0; y < window.height; ++y) {
    const auto* const begin = image.pixels.data() + ((window.y + y) * image.width + window.x) * kChannelCount;
    std::copy_n(begin, row_size, out.pixels.data() + static_cast<std::size_t>(y) * row_size);
  }
  return out;
}

void flip(Image& image) {
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::uint8_t* const row = image.pixels.data() + y * image.width * kChannelCount;
    for (std::int64_t left = 0, right = image.width - 1; left < right; ++left, --right) {
      std::swap_ranges(row + left * kChannelCount, row + (left + 1) * kChannelCount, row + right * kChannelCount);
    }
  }
}

// Zero padding on each side and a crop back: the picture moved by up to `most` pixels.
void shift(Image& image, std::int64_t most, SeededRandom& random) {
  const std::int64_t dx = random.below(2 * most + 1) - most;
  const std::int64_t dy = random.below(2 * most + 1) - most;
  Image out{image.width, image.height, std::vector<std::uint8_t>(image.pixels.size(), 0)};
  for (std::int64_t y = std::max<std::int64_t>(0, -dy); y < std::min(image.height, image.height - dy); ++y) {
    const std::int64_t begin = std::max<std::int64_t>(0, -dx);
    const std::int64_t end = std::min(image.width, image.width - dx);
    if (begin < end) {
      std::copy_n(image.pixels.data() + ((y + dy) * image.width + begin + dx) * kChannelCount,
                  static_cast<std::size_t>((end - begin) * kChannelCount),
                  out.pixels.data() + (y * image.width + begin) * kChannelCount);
    }
  }
  image = std::move(out);
}

// About the middle, bilinear, zeros outside: torchvision.transforms.functional.rotate, counter-clockwise.
Image rotated(const Image& image, double degrees) {
  const double angle = degrees * std::numbers::pi / 180.0;
  const double cosine = std::cos(angle);
  const double sine = std::sin(angle);
  const double middle_x = static_cast<double>(image.width - 1) / 2.0;
  const double middle_y = static_cast<double>(image.height - 1) / 2.0;
  Image out{image.width, image.height, std::vector<std::uint8_t>(image.pixels.size(), 0)};
  const auto at = [&](std::int64_t x, std::int64_t y, std::int64_t channel) {
    const bool inside = x >= 0 && y >= 0 && x < image.width && y < image.height;
    return inside ? static_cast<double>(
                        image.pixels[static_cast<std::size_t>((y * image.width + x) * kChannelCount + channel)])
                  : 0.0;
  };
  for (std::int64_t y = 0; y < image.height; ++y) {
    for (std::int64_t x = 0; x < image.width; ++x) {
      const double dx = static_cast<double>(x) - middle_x;
      const double dy = static_cast<double>(y) - middle_y;
      const double from_x = cosine * dx - sine * dy + middle_x;
      const double from_y = sine * dx + cosine * dy + middle_y;
      const auto left = static_cast<std::int64_t>(std::floor(from_x));
      const auto top = static_cast<std::int64_t>(std::floor(from_y));
      const double right_share = from_x - static_cast<double>(left);
      const double low_share = from_y - static_cast<double>(top);
      for (std::int64_t c = 0; c < kChannelCount; ++c) {
        const double upper = at(left, top, c) * (1.0 - right_share) + at(left + 1, top, c) * right_share;
        const double lower = at(left, top + 1, c) * (1.0 - right_share) + at(left + 1, top + 1, c) * right_share;
        out.pixels[static_cast<std::size_t>((y * image.width + x) * kChannelCount + c)] =
            static_cast<std::uint8_t>(std::lround(upper * (1.0 - low_share) + lower * low_share));
      }
    }
  }
  return out;
}

struct Rgb {
  std::span<float> red, green, blue;
};

Rgb channels(PicturePlanes& planes) {
  const auto size = static_cast<std::size_t>(planes.width * planes.height);
  const std::span<float> all(planes.values);
  return {all.first(size), all.subspan(size, size), all.subspan(2 * size, size)};
}

float grey_of(const Rgb& rgb, std::size_t i) {
  return kGreyWeights[0] * rgb.red[i] + kGreyWeights[1] * rgb.green[i] + kGreyWeights[2] * rgb.blue[i];
}

float unit(float value) {
  return std::clamp(value, 0.0F, 1.0F);
}

void jitter(PicturePlanes& planes, const AugmentationRecipe& recipe, SeededRandom& random) {
  const auto factor = [&](double strength) { return random.uniform(std::max(0.0, 1.0 - strength), 1.0 + strength); };
  std::vector<int> order{0, 1, 2, 3};
  random.shuffle(order);
  for (const int step : order) {
    if (step == 0 && recipe.brightness > 0.0) {
      adjust_brightness(planes, factor(recipe.brightness));
    } else if (step == 1 && recipe.contrast > 0.0) {
      adjust_contrast(planes, factor(recipe.contrast));
    } else if (step == 2 && recipe.saturation > 0.0) {
      adjust_saturation(planes, factor(recipe.saturation));
    } else if (step == 3 && recipe.hue > 0.0) {
      adjust_hue(planes, random.uniform(-recipe.hue, recipe.hue));
    }
  }
}

// A rectangle of 2 to 33 % of the area and an aspect of 0.3 to 3.3: torchvision.transforms.RandomErasing.
void erase(PicturePlanes& planes, const std::vector<double>& mean, SeededRandom& random) {
  const auto area = static_cast<double>(planes.width * planes.height);
  for (int attempt = 0; attempt < kCropAttemptCount; ++attempt) {
    const double wanted = area * random.uniform(0.02, 0.33);
    const double aspect = std::exp(random.uniform(std::log(0.3), std::log(3.3)));
    const auto width = static_cast<std::int64_t>(std::lround(std::sqrt(wanted / aspect)));
    const auto height = static_cast<std::int64_t>(std::lround(std::sqrt(wanted * aspect)));
    if (width < 1 || height < 1 || width >= planes.width || height >= planes.height) {
      continue;
    }
    const std::int64_t x = random.below(planes.width - width + 1);
    const std::int64_t y = random.below(planes.height - height + 1);
    for (std::int64_t c = 0; c < kChannelCount; ++c) {
      const auto fill = static_cast<float>(mean[std::min(static_cast<std::size_t>(c), mean.size() - 1)]);
      for (std::int64_t row = y; row < y + height; ++row) {
        std::fill_n(planes.values.begin() + (c * planes.height + row) * planes.width + x, width, fill);
      }
    }
    return;
  }
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

}  // namespace

Result<Image> augment_geometry(const Image& image, ImageSize size, const AugmentationRecipe& recipe,
                               SeededRandom& random) {
  auto out = crops(recipe) ? resize_image(cut(image, random_window(image, recipe, random)), size,
                                          {.interpolation = Interpolation::kBilinear})
                           : resize_image(image, size, {.interpolation = Interpolation::kBilinear});
  if (!out) {
    return out;
  }
  if (recipe.flip && random.chance(0.5)) {
    flip(*out);
  }
  if (recipe.shift_pixels > 0) {
    shift(*out, recipe.shift_pixels, random);
  }
  if (recipe.rotation_degrees > 0.0) {
    *out = rotated(*out, random.uniform(-recipe.rotation_degrees, recipe.rotation_degrees));
  }
  return out;
}

Image crop_and_flip(const Image& image, const AugmentationRecipe& recipe, SeededRandom& random) {
  Image out = crops(recipe) ? cut(image, random_window(image, recipe, random)) : image;
  if (recipe.flip && random.chance(0.5)) {
    flip(out);
  }
  return out;
}

PicturePlanes to_planes(const Image& image) {
  PicturePlanes planes{image.width, image.height, {}};
  const auto size = static_cast<std::size_t>(image.width * image.height);
  planes.values.resize(size * kChannelCount);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      planes.values[c * size + i] = static_cast<float>(image.pixels[i * kChannelCount + c]) / 255.0F;
    }
  }
  return planes;
}

PicturePlanes augment_colours(const Image& image, const AugmentationRecipe& recipe, const std::vector<double>& mean,
                              SeededRandom& random) {
  PicturePlanes planes = to_planes(image);
  if (recipe.jitter_probability > 0.0 && random.chance(recipe.jitter_probability)) {
    jitter(planes, recipe, random);
  }
  if (recipe.grey_probability > 0.0 && random.chance(recipe.grey_probability)) {
    make_grey(planes);
  }
  if (recipe.blur_probability > 0.0 && random.chance(recipe.blur_probability)) {
    // A tenth of the edge, as SimCLR has it; at least three pixels.
    const std::int64_t tenth = std::max<std::int64_t>(3, planes.width / 10);
    blur(planes, tenth | 1, random.uniform(recipe.blur_sigma_min, recipe.blur_sigma_max));
  }
  if (recipe.solarize_probability > 0.0 && random.chance(recipe.solarize_probability)) {
    std::ranges::transform(planes.values, planes.values.begin(), [](float x) { return x >= 0.5F ? 1.0F - x : x; });
  }
  if (recipe.erase_probability > 0.0 && random.chance(recipe.erase_probability)) {
    erase(planes, mean, random);
  }
  return planes;
}

void adjust_brightness(PicturePlanes& planes, double factor) {
  const auto f = static_cast<float>(factor);
  std::ranges::transform(planes.values, planes.values.begin(), [f](float x) { return unit(f * x); });
}

void adjust_contrast(PicturePlanes& planes, double factor) {
  const Rgb rgb = channels(planes);
  double sum = 0.0;
  for (std::size_t i = 0; i < rgb.red.size(); ++i) {
    sum += static_cast<double>(grey_of(rgb, i));
  }
  const auto f = static_cast<float>(factor);
  const float rest = (1.0F - f) * static_cast<float>(sum / static_cast<double>(rgb.red.size()));
  std::ranges::transform(planes.values, planes.values.begin(), [f, rest](float x) { return unit(f * x + rest); });
}

void adjust_saturation(PicturePlanes& planes, double factor) {
  const Rgb rgb = channels(planes);
  const auto f = static_cast<float>(factor);
  for (std::size_t i = 0; i < rgb.red.size(); ++i) {
    const float rest = (1.0F - f) * grey_of(rgb, i);
    rgb.red[i] = unit(f * rgb.red[i] + rest);
    rgb.green[i] = unit(f * rgb.green[i] + rest);
    rgb.blue[i] = unit(f * rgb.blue[i] + rest);
  }
}

void adjust_hue(PicturePlanes& planes, double turn) {
  const Rgb rgb = channels(planes);
  for (std::size_t i = 0; i < rgb.red.size(); ++i) {
    const float r = rgb.red[i];
    const float g = rgb.green[i];
    const float b = rgb.blue[i];
    const float high = std::max({r, g, b});
    const float range = high - std::min({r, g, b});
    if (range <= 0.0F) {
      continue;
    }
    float sixths = high == r ? (g - b) / range : high == g ? 2.0F + (b - r) / range : 4.0F + (r - g) / range;
    sixths += 6.0F * static_cast<float>(turn);
    // Smith 1978 in the form with one formula a channel: value - chroma * max(0, min(k, 4 - k, 1)).
    const auto channel = [&](float n) {
      float k = std::fmod(n + sixths, 6.0F);
      k = k < 0.0F ? k + 6.0F : k;
      return high - range * std::max(0.0F, std::min({k, 4.0F - k, 1.0F}));
    };
    rgb.red[i] = unit(channel(5.0F));
    rgb.green[i] = unit(channel(3.0F));
    rgb.blue[i] = unit(channel(1.0F));
  }
}

void make_grey(PicturePlanes& planes) {
  const Rgb rgb = channels(planes);
  for (std::size_t i = 0; i < rgb.red.size(); ++i) {
    rgb.red[i] = rgb.green[i] = rgb.blue[i] = grey_of(rgb, i);
  }
}

void blur(PicturePlanes& planes, std::int64_t size, double sigma) {
  const std::int64_t half = size / 2;
  std::vector<float> kernel;
  for (std::int64_t i = -half; i <= half; ++i) {
    const double x = static_cast<double>(i) / sigma;
    kernel.push_back(static_cast<float>(std::exp(-0.5 * x * x)));
  }
  const float sum = std::accumulate(kernel.begin(), kernel.end(), 0.0F);
  std::ranges::transform(kernel, kernel.begin(), [sum](float x) { return x / sum; });
  std::vector<float> between(planes.values.size());
  const auto pass = [&](const std::vector<float>& from, std::vector<float>& to, std::int64_t along,
                        std::int64_t across) {
    // Lines of `count` elements that lie `along` apart; `across` from line to line.
    const bool rows = along == 1;
    const std::int64_t count = rows ? planes.width : planes.height;
    const std::int64_t lines = rows ? planes.height : planes.width;
    for (std::int64_t c = 0; c < kChannelCount; ++c) {
      for (std::int64_t line = 0; line < lines; ++line) {
        const std::int64_t begin = c * planes.width * planes.height + line * across;
        for (std::int64_t i = 0; i < count; ++i) {
          float total = 0.0F;
          for (std::int64_t k = -half; k <= half; ++k) {
            total += kernel[static_cast<std::size_t>(k + half)] *
                     from[static_cast<std::size_t>(begin + reflected(i + k, count) * along)];
          }
          to[static_cast<std::size_t>(begin + i * along)] = total;
        }
      }
    }
  };
  pass(planes.values, between, 1, planes.width);
  pass(between, planes.values, planes.width, 1);
}

}  // namespace asterism
