// The image processor classes of transformers that are understood, with what each takes where a key is missing.
// Private to src/encoder.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "encoder/image_settings.hpp"

namespace asterism {

// What a class does beyond the common order resize, crop, rescale, normalise.
enum class ImageProcessorRule : std::uint8_t {
  kCommon,
  kConvNext,      // its own resize, by "crop_pct"
  kEfficientNet,  // "rescale_offset" and "include_top"
  kMobileVit,     // "do_flip_channel_order"
  kClip,          // "use_square_size"
};

struct ImageProcessorClass {
  std::string_view name;
  Interpolation interpolation = Interpolation::kBicubic;
  std::array<float, 3> mean{};
  std::array<float, 3> std{};
  // An edge of the default size: of both sides, or of the shorter one.
  std::int64_t side = 0;
  bool square = true;
  // What a plain number under "size" means: a square, or the shorter edge.
  bool default_to_square = true;
  std::optional<std::int64_t> crop_side{};
  bool center_crop = false;
  bool normalize = true;
  ImageProcessorRule rule = ImageProcessorRule::kCommon;
};

// The class that `processor` (preprocessor_config.json) names, under any name that it has had; else that of
// `model_type`. kUnsupported lists what is known.
Result<ImageProcessorClass> image_processor_class(const Json& processor, std::string_view model_type,
                                                  std::string_view source);

}  // namespace asterism
