// The arithmetic that the dialects of image settings share: resize and crop from an input size, and overrides.
// Private to src/encoder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "encoder/image_settings.hpp"

namespace asterism {

// Resize and crop as timm arranges them: `scale` is the size of the picture before the crop to `size`.
void set_geometry(ImagePreprocess& preprocess, ImageFit fit, ImageSize size, ImageSize scale);

// The whole part of a positive edge. Anything past kImageResizeSideMax becomes one past it, which is refused later.
std::int64_t bounded_edge(double edge) noexcept;

// The size of the result when it is the same for every picture.
std::optional<ImageSize> fixed_output_size(const ImagePreprocess& preprocess);

// Applies the overrides, checks the limits and fills in the input size. `reason` says, where the result's size follows
// the picture's, which key of the file makes it so.
Result<ImageSettings> finish_image_settings(ImageSettings settings, const ImagePreprocessOverrides& overrides,
                                            const std::string& reason);

}  // namespace asterism
