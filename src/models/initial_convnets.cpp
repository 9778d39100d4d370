// Fresh LeNet-5 and ResNets.
#include <fmt/format.h>

#include <utility>

#include "models/initial_parts.hpp"
#include "models/settings_reader.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kSmallStemSideMax = 64;
constexpr std::int64_t kBottleneckReduction = 4;  // ResNetConfig's, of transformers

struct ResnetSettings {
  bool small_stem = true;
  std::int64_t stem_width = 64;
  std::vector<std::int64_t> widths;
  std::vector<std::int64_t> depths;
  bool bottleneck = false;
};

Result<ResnetSettings> read_resnet(const InitialModel& model) {
  SettingsReader reader(model.settings, model.source, model.places);
  ResnetSettings out;
  out.small_stem =
      reader.word({"stem", model.image_size <= kSmallStemSideMax ? "small" : "large", {"small", "large"}}) == "small";
  out.stem_width = reader.integer({"stem_width", 64, 1, kInitialWidthMax});
  out.bottleneck = reader.word({"block", "basic", {"basic", "bottleneck"}}) == "bottleneck";
  const std::vector<std::int64_t> widths =
      out.bottleneck ? std::vector<std::int64_t>{256, 512, 1024, 2048} : std::vector<std::int64_t>{64, 128, 256, 512};
  out.widths = reader.integers({"stage_widths", widths, 1, kInitialWidthMax, 4});
  out.depths = reader.integers({"stage_depths", {2, 2, 2, 2}, 1, kInitialDepthMax, 4});
  for (const std::int64_t width : out.widths) {
    if (out.bottleneck && width % kBottleneckReduction != 0) {
      reader.refuse(fmt::format("\"stage_widths\": expected multiples of {} with block = \"bottleneck\", found {}",
                                kBottleneckReduction, width));
    }
  }
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  return out;
}

class ResnetTensors {
 public:
  ResnetTensors(const InitialModel& model, const ResnetSettings& settings)
      : settings_(settings), tensors_(model.seed), prefix_(model.classes.empty() ? "" : "resnet.") {
    const std::int64_t kernel = settings.small_stem ? 3 : 7;
    unit(prefix_ + "embedder.embedder", {settings.stem_width, model.channel_count, kernel, kernel});
    std::int64_t in = settings.stem_width;
    for (std::size_t i = 0; i < settings.widths.size(); ++i) {
      for (std::int64_t j = 0; j < settings.depths[i]; ++j) {
        block(fmt::format("{}encoder.stages.{}.layers.{}", prefix_, i, j), in, settings.widths[i], i > 0 && j == 0);
        in = settings.widths[i];
      }
    }
    if (!model.classes.empty()) {
      tensors_.layer("classifier.1", {static_cast<std::int64_t>(model.classes.size()), in}, InitialRule::kTorchDefault);
    }
  }

  std::map<std::string, Tensor> take() { return tensors_.take(); }

 private:
  void unit(const std::string& path, const Shape& shape) {
    tensors_.weight(path + ".convolution", shape, InitialRule::kKaimingNormal);
    tensors_.batch_norm(path + ".normalization", shape[0]);
  }

  void block(const std::string& path, std::int64_t in, std::int64_t out, bool strided) {
    if (in != out || strided) {
      unit(path + ".shortcut", {out, in, 1, 1});
    }
    if (!settings_.bottleneck) {
      unit(path + ".layer.0", {out, in, 3, 3});
      unit(path + ".layer.1", {out, out, 3, 3});
      return;
    }
    const std::int64_t narrow = out / kBottleneckReduction;
    unit(path + ".layer.0", {narrow, in, 1, 1});
    unit(path + ".layer.1", {narrow, narrow, 3, 3});
    unit(path + ".layer.2", {out, narrow, 1, 1});
  }

  const ResnetSettings& settings_;
  InitialTensors tensors_;
  std::string prefix_;
};

}  // namespace

Result<ImageCheckpoint> initial_lenet(const InitialModel& model) {
  SettingsReader reader(model.settings, model.source, model.places);
  const std::string activation = reader.word({"activation", "tanh", {"tanh", "relu", "sigmoid"}});
  const std::string pooling = reader.word({"pooling", "avg", {"avg", "max"}});
  const std::int64_t padding = model.image_size == 28 ? 2 : 0;
  const std::int64_t side = ((model.image_size + 2 * padding - 4) / 2 - 4) / 2;
  if (side < 1) {
    reader.refuse(fmt::format("\"image_size\": expected at least 16 pixels for lenet, found {}", model.image_size));
  }
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  InitialTensors tensors(model.seed);
  tensors.layer("conv1", {6, model.channel_count, 5, 5}, InitialRule::kTorchDefault);
  tensors.layer("conv2", {16, 6, 5, 5}, InitialRule::kTorchDefault);
  tensors.layer("fc1", {120, 16 * side * side}, InitialRule::kTorchDefault);
  tensors.layer("fc2", {84, 120}, InitialRule::kTorchDefault);
  if (!model.classes.empty()) {
    tensors.layer("fc3", {static_cast<std::int64_t>(model.classes.size()), 84}, InitialRule::kTorchDefault);
  }
  ImageCheckpoint checkpoint;
  checkpoint.config = Json{{"model_type", "lenet"},
                           {"image_size", model.image_size},
                           {"activation", activation},
                           {"pooling", pooling},
                           {"first_padding", padding}};
  checkpoint.tensors = tensors.take();
  checkpoint.source = model.source;
  return checkpoint;
}

Result<ImageCheckpoint> initial_resnet(const InitialModel& model) {
  const auto settings = read_resnet(model);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  ImageCheckpoint checkpoint;
  Json& config = checkpoint.config;
  config["architectures"] = Json::array({model.classes.empty() ? "ResNetModel" : "ResNetForImageClassification"});
  config["model_type"] = settings->small_stem ? "asterism_resnet" : "resnet";
  if (settings->small_stem) {
    config["stem"] = "small";
  }
  config["num_channels"] = model.channel_count;
  config["image_size"] = model.image_size;
  config["embedding_size"] = settings->stem_width;
  config["hidden_sizes"] = settings->widths;
  config["depths"] = settings->depths;
  config["layer_type"] = settings->bottleneck ? "bottleneck" : "basic";
  config["hidden_act"] = "relu";
  config["downsample_in_first_stage"] = false;
  config["downsample_in_bottleneck"] = false;
  checkpoint.tensors = ResnetTensors(model, *settings).take();
  checkpoint.source = model.source;
  return checkpoint;
}

}  // namespace asterism
