// What a model in a file of its own (ONNX, TensorFlow Lite) is to be fed, which the file does not say: a small TOML
// file beside it, MODEL.toml (model.onnx.toml), and defaults where there is none.
//
//   [preprocess]
//   size = 224                      # or [height, width]: what the model takes
//   resize = 256                    # the shorter edge before the crop; or [height, width]; absent: to `size`
//   crop = "center"                 # or "none"
//   interpolation = "bilinear"      # nearest, box, bilinear, hamming, bicubic, lanczos
//   antialias = true
//   rescale = 0.00392156862745098   # a byte times this, then minus mean, then divided by std
//   mean = [0.485, 0.456, 0.406]    # or one number for all channels
//   std = [0.229, 0.224, 0.225]
//   channels = "rgb"                # bgr, grey
//   layout = "nchw"                 # nhwc; only where the shape does not tell
//   [output]
//   name = "avgpool"                # where the model is cut; absent: its first output
//
// A key that is not in this list is an error that names the nearest one. Functions of their arguments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "encoder/image_settings.hpp"
#include "graph/foreign_model.hpp"
#include "image/preprocess.hpp"

namespace asterism {

inline constexpr std::size_t kImageSidecarSizeBytesMax = 65'536;

// As given; what is absent follows from the model.
struct ImageSidecar {
  std::optional<ImageSize> size{};
  std::optional<std::int64_t> resize_edge{};
  std::optional<ImageSize> resize_exact{};
  std::optional<CropMode> crop{};
  std::optional<Interpolation> interpolation{};
  std::optional<bool> antialias{};
  std::optional<double> rescale{};
  std::optional<std::array<float, 3>> mean{};
  std::optional<std::array<float, 3>> std{};
  std::optional<ChannelOrder> channels{};
  std::optional<ImageLayout> layout{};
  std::string output{};

  bool operator==(const ImageSidecar&) const = default;
};

// kCorrupt for no TOML, kInvalidArgument for unknown keys and impossible values; `source` names the text.
Result<ImageSidecar> parse_image_sidecar(std::string_view text, std::string_view source);

// MODEL.toml beside `model`; nothing when there is none.
Result<std::optional<ImageSidecar>> read_image_sidecar(const std::filesystem::path& model);

// The numbers for this model. `input` is what it takes, `sidecar` what stood beside it (an empty one: nothing did);
// `model` names it in errors. Defaults: squashed to the model's size, bilinear, RGB, bytes scaled to [0, 1] (or as they
// are, for a quantised model); each one that was taken is in `warnings`. kInvalidArgument when a size is open in both,
// or when a model that takes bytes is to get anything else; kMismatch when sidecar and model disagree.
Result<ImageSettings> sidecar_image_settings(const std::optional<ImageSidecar>& sidecar, const ForeignImageInput& input,
                                             std::string_view model);

}  // namespace asterism
