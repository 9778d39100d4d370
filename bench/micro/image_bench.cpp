// How fast pixels become tensors on one thread, for sizes that photographs come in. Files are timed by
// bench/peers/image, beside Pillow and torchvision.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "image/orientation.hpp"
#include "image/preprocess.hpp"
#include "image/resize.hpp"
#include "kernels/image_rows.hpp"

namespace asterism {
namespace {

Image noise(std::int64_t width, std::int64_t height) {
  Image image{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3))};
  std::uint32_t state = 1;
  for (std::uint8_t& value : image.pixels) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(state >> 24U);
  }
  return image;
}

ImagePreprocess classifier_settings(std::int64_t interpolation) {
  return {.resize = ResizeMode::kShortestEdge,
          .resize_width = 256,
          .interpolation = static_cast<Interpolation>(interpolation),
          .crop = CropMode::kCenter,
          .crop_width = 224,
          .crop_height = 224,
          .mean = {0.485F, 0.456F, 0.406F},
          .std = {0.229F, 0.224F, 0.225F}};
}

// The crop of the whole resized image, normalised number by number: what the fused chain must equal.
void check_answer(const Image& image, const ImagePreprocess& settings, std::span<const float> out) {
  const ImageSize size = *resized_image_size({image.width, image.height}, settings);
  const Image whole = *resize_image(image, size, {.interpolation = settings.interpolation});
  const auto left = (size.width - 224) / 2;
  const auto top = (size.height - 224) / 2;
  for (std::int64_t y = 0; y < 224; y += 37) {
    for (std::int64_t x = 0; x < 224; x += 41) {
      const auto byte = whole.pixels[static_cast<std::size_t>(((top + y) * size.width + left + x) * 3)];
      const float expected = (static_cast<float>(byte) / 255.0F - settings.mean[0]) / settings.std[0];
      if (out[static_cast<std::size_t>(y * 224 + x)] != expected) {
        std::cerr << "wrong answer at " << x << ", " << y << '\n';
        std::abort();
      }
    }
  }
}

void preprocess(benchmark::State& state) {
  const Image image = noise(state.range(0), state.range(1));
  const ImagePreprocess settings = classifier_settings(state.range(2));
  PreprocessScratch scratch;
  std::vector<float> out(3 * 224 * 224);
  if (!preprocess_image_into(image, settings, out, scratch)) {
    std::abort();
  }
  check_answer(image, settings, out);
  for (auto _ : state) {
    benchmark::DoNotOptimize(preprocess_image_into(image, settings, out, scratch));
  }
  state.SetItemsProcessed(state.iterations());
}

constexpr auto kBilinear = static_cast<std::int64_t>(Interpolation::kBilinear);
constexpr auto kBicubic = static_cast<std::int64_t>(Interpolation::kBicubic);
constexpr auto kLanczos = static_cast<std::int64_t>(Interpolation::kLanczos);
BENCHMARK(preprocess)
    ->ArgNames({"width", "height", "filter"})
    ->Args({320, 400, kBilinear})
    ->Args({500, 375, kBilinear})
    ->Args({500, 375, kBicubic})
    ->Args({1000, 750, kBilinear})
    ->Args({1000, 750, kBicubic})
    ->Args({1000, 750, kLanczos});

void turn(benchmark::State& state) {
  const Image original = noise(1000, 750);
  Image image = original;
  for (auto _ : state) {
    apply_orientation(image, 6);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(original.pixels.size()));
}
BENCHMARK(turn);

}  // namespace
}  // namespace asterism
