// How fast pictures become what a network learns from, on one thread: each step, and SimCLR's view as a whole; and how
// fast vectors are judged, by a linear probe and by neighbours.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "image/decode.hpp"
#include "image/jpeg_encode.hpp"
#include "image/resize.hpp"
#include "image/test_pattern.hpp"
#include "train/linear_probe.hpp"
#include "train/neighbour_accuracy.hpp"
#include "train/picture_augment.hpp"
#include "train/picture_geometry.hpp"
#include "train/seeded_random.hpp"

namespace asterism {
namespace {

Image picture(std::int64_t width, std::int64_t height) {
  auto image = test_pattern("disc", {width, height});
  if (!image) {
    std::cerr << image.error().to_string() << '\n';
    std::abort();
  }
  return *std::move(image);
}

AugmentationRecipe simclr() {
  return {.crop_area_min = 0.2,
          .crop_aspect_max = 4.0 / 3.0,
          .flip = true,
          .jitter_probability = 0.8,
          .brightness = 0.4,
          .contrast = 0.4,
          .saturation = 0.4,
          .hue = 0.1,
          .grey_probability = 0.2,
          .blur_probability = 0.5};
}

template <typename Step>
void colour_step(benchmark::State& state, Step step) {
  const PicturePlanes before = to_planes(picture(state.range(0), state.range(0)));
  PicturePlanes planes = before;
  for (auto _ : state) {
    planes.values = before.values;
    step(planes);
    benchmark::DoNotOptimize(planes.values.data());
  }
  state.SetItemsProcessed(state.iterations());
}

void planes_of_bytes(benchmark::State& state) {
  const Image image = picture(state.range(0), state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(to_planes(image));
  }
  state.SetItemsProcessed(state.iterations());
}

void rotation(benchmark::State& state) {
  const Image image = picture(state.range(0), state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(rotated(image, 15.0));
  }
  state.SetItemsProcessed(state.iterations());
}

// range(0): edge of the source; range(1): edge of the view; range(2): 1 = from a JPEG file.
void simclr_view(benchmark::State& state) {
  const Image image = picture(state.range(0), state.range(0));
  const auto file = encode_jpeg(image, 90).value();
  const AugmentationRecipe recipe = simclr();
  const std::vector<double> mean{0.5, 0.5, 0.5};
  std::uint64_t row = 0;
  double sum = 0.0;
  for (auto _ : state) {
    SeededRandom random({row++});
    const Image source = state.range(2) == 1 ? decode_image(std::as_bytes(std::span(file))).value() : Image{};
    const auto placed =
        augment_geometry(state.range(2) == 1 ? source : image, {state.range(1), state.range(1)}, recipe, random);
    const PicturePlanes planes = augment_colours(*placed, recipe, mean, random);
    sum += static_cast<double>(planes.values.front());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["checksum"] = sum / static_cast<double>(state.iterations());
}

// Rows around the centre of their class; each number is near the one before it, as those of pictures are, so that the
// probe takes as many steps as on these.
LabelledVectors vectors(std::size_t row_count, std::size_t dim, std::size_t class_count, std::uint64_t seed) {
  SeededRandom centre_random({1});
  std::vector<float> centres(class_count * dim);
  for (float& value : centres) {
    value = 0.1F * static_cast<float>(centre_random.normal());
  }
  SeededRandom random({seed});
  LabelledVectors out{.values = {}, .dim = dim, .labels = {}};
  for (std::size_t row = 0; row < row_count; ++row) {
    const std::size_t label = row % class_count;
    out.labels.push_back(static_cast<std::int32_t>(label));
    double walk = 0.0;
    for (std::size_t i = 0; i < dim; ++i) {
      walk = 0.98 * walk + 0.2 * random.normal();
      out.values.push_back(centres[label * dim + i] + static_cast<float>(walk));
    }
  }
  return out;
}

// range(0): rows on either side; range(1): dim; range(2): classes; range(3): threads.
void probe(benchmark::State& state) {
  const auto size = [&](std::size_t i) { return static_cast<std::size_t>(state.range(i)); };
  const LabelledVectors train = vectors(size(0), size(1), size(2), 2);
  const LabelledVectors test = vectors(size(0), size(1), size(2), 3);
  LinearProbeResult result;
  for (auto _ : state) {
    result = linear_probe(train, test, {.thread_count = size(3)}).value();
  }
  state.counters["steps"] = static_cast<double>(result.iteration_count);
  state.counters["loss"] = result.loss;
  state.counters["accuracy"] = result.accuracy;
}

void neighbours(benchmark::State& state) {
  const auto size = [&](std::size_t i) { return static_cast<std::size_t>(state.range(i)); };
  const LabelledVectors bank = vectors(size(0), size(1), size(2), 2);
  const LabelledVectors queries = vectors(size(0), size(1), size(2), 3);
  double accuracy = 0.0;
  for (auto _ : state) {
    accuracy = neighbour_accuracy(bank, queries, {.thread_count = size(3)}).value();
  }
  state.counters["accuracy"] = accuracy;
}

BENCHMARK(planes_of_bytes)->Arg(32)->Arg(96);
BENCHMARK_CAPTURE(colour_step, copy, [](PicturePlanes&) {})->Arg(32)->Arg(96);
BENCHMARK_CAPTURE(colour_step, brightness, [](PicturePlanes& p) { adjust_brightness(p, 1.2); })->Arg(32)->Arg(96);
BENCHMARK_CAPTURE(colour_step, contrast, [](PicturePlanes& p) { adjust_contrast(p, 1.2); })->Arg(32)->Arg(96);
BENCHMARK_CAPTURE(colour_step, saturation, [](PicturePlanes& p) { adjust_saturation(p, 1.2); })->Arg(32)->Arg(96);
BENCHMARK_CAPTURE(colour_step, hue, [](PicturePlanes& p) { adjust_hue(p, 0.07); })->Arg(32)->Arg(96);
BENCHMARK_CAPTURE(colour_step, grey, [](PicturePlanes& p) { make_grey(p); })->Arg(32)->Arg(96);
BENCHMARK_CAPTURE(colour_step, blur, [](PicturePlanes& p) { blur(p, p.width / 10 | 1, 1.0); })->Arg(32)->Arg(96);
BENCHMARK(rotation)->Arg(32)->Arg(96);
BENCHMARK(simclr_view)->Args({32, 32, 0})->Args({32, 32, 1})->Args({256, 96, 0})->Args({256, 96, 1});
// Raw pictures of many classes and of ten, an encoder's vectors, and few rows of many numbers.
BENCHMARK(probe)
    ->Args({3500, 3072, 110, 1})
    ->Args({3500, 3072, 110, 2})
    ->Args({10000, 3072, 10, 2})
    ->Args({10000, 256, 10, 2})
    ->Args({300, 3072, 10, 2})
    ->Args({100, 3072, 100, 2})
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK(neighbours)
    ->Args({3500, 3072, 110, 1})
    ->Args({10000, 256, 10, 1})
    ->Args({10000, 256, 10, 2})
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace asterism
