#include "train/picture_augment.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "train/picture_geometry.hpp"

namespace asterism {
namespace {

constexpr double kSolarizeThreshold = 0.5;

bool crops(const AugmentationRecipe& recipe) {
  return recipe.crop_area_min < 1.0 || recipe.crop_aspect_max > 1.0;
}

Image random_crop(const Image& image, const AugmentationRecipe& recipe, SeededRandom& random) {
  const CropRange range{recipe.crop_area_min, recipe.crop_aspect_max};
  return cut_window(image, random_crop_window({image.width, image.height}, range, random));
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

void erase_somewhere(PicturePlanes& planes, const std::vector<double>& mean, SeededRandom& random) {
  std::array<float, 3> colour{};
  for (std::size_t c = 0; c < colour.size(); ++c) {
    colour[c] = static_cast<float>(mean[std::min(c, mean.size() - 1)]);
  }
  if (const auto window = random_erase_window({planes.width, planes.height}, random)) {
    erase(planes, *window, colour);
  }
}

}  // namespace

Result<Image> augment_geometry(const Image& image, ImageSize size, const AugmentationRecipe& recipe,
                               SeededRandom& random) {
  const ResizeOptions bilinear{.interpolation = Interpolation::kBilinear};
  auto out = crops(recipe) ? resize_image(random_crop(image, recipe, random), size, bilinear)
                           : resize_image(image, size, bilinear);
  if (!out) {
    return out;
  }
  if (recipe.flip && random.chance(0.5)) {
    mirror(*out);
  }
  if (const std::int64_t most = recipe.shift_pixels; most > 0) {
    const std::int64_t dx = random.below(2 * most + 1) - most;
    *out = moved(*out, dx, random.below(2 * most + 1) - most);
  }
  if (recipe.rotation_degrees > 0.0) {
    *out = rotated(*out, random.uniform(-recipe.rotation_degrees, recipe.rotation_degrees));
  }
  return out;
}

Image crop_and_flip(const Image& image, const AugmentationRecipe& recipe, SeededRandom& random) {
  Image out = crops(recipe) ? random_crop(image, recipe, random) : image;
  if (recipe.flip && random.chance(0.5)) {
    mirror(out);
  }
  return out;
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
    solarize(planes, kSolarizeThreshold);
  }
  if (recipe.erase_probability > 0.0 && random.chance(recipe.erase_probability)) {
    erase_somewhere(planes, mean, random);
  }
  return planes;
}

}  // namespace asterism
