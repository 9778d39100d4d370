// From an image checkpoint as it lies on disk to the numbers of its preprocessing: timm's config.json, transformers'
// preprocessor_config.json, torchvision's presets by the name of the weight file.
//
// Each dialect is followed as its library reads it, defaults of the classes included; a key that would change the
// numbers and is not understood is an error, never a guess. Functions of their arguments; nothing is cached.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "image/preprocess.hpp"

namespace asterism {

// Largest edge of a model's input, and of the picture before its crop.
inline constexpr std::int64_t kImageInputSideMax = 8192;
inline constexpr std::int64_t kImageResizeSideMax = 16384;

// How a picture of another shape meets the model's input; timm's crop_mode.
enum class ImageFit : std::uint8_t {
  kCenter,  // covers the input, the rest is cropped
  kSquash,  // each edge is scaled on its own
  kBorder,  // fits in the input, borders in the mean colour
};

// "center", "squash", "border".
Result<ImageFit> image_fit_by_name(std::string_view name);

// What a user may ask for in place of what the checkpoint says.
struct ImagePreprocessOverrides {
  // The model's input; resize and crop keep their ratio to it (timm's crop_pct).
  std::optional<ImageSize> size{};
  std::optional<Interpolation> interpolation{};
  std::optional<ImageFit> fit{};
  std::optional<std::array<float, 3>> mean{};
  std::optional<std::array<float, 3>> std{};

  bool operator==(const ImagePreprocessOverrides&) const = default;
};

// timm keeps two input sizes for some models and takes the one of training unless told otherwise.
enum class TimmSize : std::uint8_t { kTraining, kTest };

struct ImageSettingsOptions {
  ImagePreprocessOverrides overrides;
  TimmSize timm_size = TimmSize::kTraining;
};

struct ImageSettings {
  ImagePreprocess preprocess{};
  // What the model takes: the output of `preprocess` for a picture of any size.
  std::int64_t channels = 3;
  ImageSize size{};
  std::string source{};  // the file, or the weights, that the numbers come from
  std::vector<std::string> warnings{};
};

// `checkpoint` is a folder of timm or transformers, or a weight file named as torchvision names it.
Result<ImageSettings> read_image_settings(const std::filesystem::path& checkpoint,
                                          const ImageSettingsOptions& options = {});

// True for a config.json that timm wrote, or that says its preprocessing in timm's words ("pretrained_cfg"), as
// configurations of our own (LeNet-5) do.
bool is_timm_config(const Json& config) noexcept;

// The parts of read_image_settings, for callers that hold the parsed file. `source` names it in errors.
Result<ImageSettings> timm_image_settings(const Json& config, std::string_view source,
                                          const ImageSettingsOptions& options = {});
// `model_type` from config.json: it names the class where the file does not. May be empty.
Result<ImageSettings> transformers_image_settings(const Json& processor, std::string_view model_type,
                                                  std::string_view source, const ImageSettingsOptions& options = {});
Result<ImageSettings> torchvision_image_settings(std::string_view file_name, const ImageSettingsOptions& options = {});

}  // namespace asterism
