#include "models/autoencoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "models/image_config.hpp"
#include "models/image_families.hpp"
#include "models/image_head.hpp"
#include "models/initial_parts.hpp"
#include "models/modules.hpp"
#include "models/settings_reader.hpp"
#include "models/text_config.hpp"

namespace asterism {
namespace {

constexpr double kNormEpsilon = 1e-5;
constexpr std::size_t kWidthCountMax = 8;

ValueId convolution(GraphBuilder& builder, const std::string& path, ValueId x, std::int64_t out_size,
                    std::int64_t stride) {
  const Shape shape = builder.shape(x);
  const std::int64_t in_size = shape.size() == 4 ? shape[1] : 1;
  Conv2dInputs inputs;
  inputs.x = x;
  inputs.weight = builder.parameter(path + ".weight", {out_size, in_size, 3, 3});
  inputs.bias = builder.parameter(path + ".bias", {out_size});
  Window2d window;
  window.stride = {stride, stride};
  window.padding = {1, 1, 1, 1};
  return builder.conv2d(path, inputs, window);
}

ValueId batch_norm(GraphBuilder& builder, const std::string& path, ValueId x) {
  const Shape shape = builder.shape(x);
  const std::int64_t size = shape.size() >= 2 ? shape[1] : 1;
  const auto part = [&](const char* leaf) { return builder.parameter(path + leaf, {size}); };
  const BatchNormInputs inputs{x, part(".weight"), part(".bias"), part(".running_mean"), part(".running_var")};
  return builder.batch_norm(path, inputs, kNormEpsilon);
}

// [rows, 4 c, h, w] -> [rows, c, 2 h, 2 w]
ValueId spread_pixels(GraphBuilder& builder, const std::string& name, ValueId x) {
  const Shape shape = builder.shape(x);
  if (shape.size() != 4) {
    return x;  // an error already, which finish() reports
  }
  const std::int64_t channels = shape[1] / 4;
  const ValueId split = builder.reshape(name + ".split", x, {channels, 2, 2, shape[2], shape[3]});
  const ValueId order = builder.transpose(name + ".order", split, {0, 1, 4, 2, 5, 3});
  return builder.reshape(name, order, {channels, 2 * shape[2], 2 * shape[3]});
}

std::string layer_path(std::string_view part, std::size_t index) {
  return fmt::format("{}.layers.{}", part, index);
}

ValueId encode(GraphBuilder& builder, const AutoencoderPlan& plan, ValueId image) {
  ValueId x = image;
  if (!plan.convolutional) {
    x = builder.reshape("encoder.flatten", x, {plan.channel_count * plan.image_size * plan.image_size});
  }
  for (std::size_t i = 0; i < plan.widths.size(); ++i) {
    const std::string path = layer_path("encoder", i);
    if (plan.convolutional) {
      x = batch_norm(builder, path + ".norm", convolution(builder, path + ".conv", x, plan.widths[i], 2));
    } else {
      x = linear_module(builder, path + ".dense", x, plan.widths[i]);
    }
    x = builder.activation(path, x, plan.activation);
    feature_alias(builder, static_cast<std::int64_t>(i), x);
  }
  builder.alias(std::string(kForwardFeatures), x);
  if (plan.convolutional) {
    x = builder.reshape("encoder.flatten", x, {plan.widths.back() * plan.map_side() * plan.map_side()});
  }
  return x;
}

// Halvings that a picture has room for, up to three.
std::vector<std::int64_t> default_widths(std::int64_t image_size) {
  std::vector<std::int64_t> widths{32};
  while (widths.size() < 3 && image_size % (std::int64_t{2} << widths.size()) == 0) {
    widths.push_back(2 * widths.back());
  }
  return widths;
}

std::map<std::string, Tensor> initial_tensors(const AutoencoderPlan& plan, std::uint64_t seed) {
  InitialTensors tensors(seed);
  const InitialRule inner =
      plan.activation == Activation::kTanh ? InitialRule::kGlorotUniform : InitialRule::kKaimingUniform;
  const std::int64_t pixels = plan.channel_count * plan.image_size * plan.image_size;
  const std::int64_t flat =
      plan.convolutional ? plan.widths.back() * plan.map_side() * plan.map_side() : plan.widths.back();
  std::int64_t in = plan.convolutional ? plan.channel_count : pixels;
  for (std::size_t i = 0; i < plan.widths.size(); ++i) {
    const std::string path = layer_path("encoder", i);
    const std::int64_t out = plan.widths[i];
    if (plan.convolutional) {
      tensors.layer(path + ".conv", {out, in, 3, 3}, inner);
      tensors.batch_norm(path + ".norm", out);
    } else {
      tensors.layer(path + ".dense", {out, in}, inner);
    }
    in = out;
  }
  tensors.layer("encoder.code", {plan.code_size, flat}, InitialRule::kGlorotUniform);
  if (plan.variational) {
    tensors.layer("encoder.log_variance", {plan.code_size, flat}, InitialRule::kGlorotUniform);
  }
  if (plan.convolutional) {
    tensors.layer("decoder.input", {flat, plan.code_size}, inner);
  }
  in = plan.convolutional ? plan.widths.back() : plan.code_size;
  const std::size_t count = plan.convolutional ? plan.widths.size() - 1 : plan.widths.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string path = layer_path("decoder", i);
    const std::int64_t out = plan.widths[count - 1 - i];
    if (plan.convolutional) {
      tensors.layer(path + ".conv", {4 * out, in, 3, 3}, inner);
      tensors.batch_norm(path + ".norm", 4 * out);
    } else {
      tensors.layer(path + ".dense", {out, in}, inner);
    }
    in = out;
  }
  tensors.layer("decoder.output", plan.convolutional ? Shape{4 * plan.channel_count, in, 3, 3} : Shape{pixels, in},
                InitialRule::kGlorotUniform);
  return tensors.take();
}

}  // namespace

Result<AutoencoderPlan> read_autoencoder_plan(const Json& config, std::string_view source) {
  ConfigReader reader(config, std::string(source));
  AutoencoderPlan plan;
  plan.convolutional = reader.word("form", "convolutional", {"convolutional", "dense"}) == "convolutional";
  plan.variational = reader.value("variational", false);
  plan.image_size = reader.value<std::int64_t>("image_size", 0);
  plan.channel_count = reader.value<std::int64_t>("num_channels", 3);
  plan.code_size = reader.value<std::int64_t>("code_size", 0);
  plan.activation = reader.activation("activation", "relu");
  const std::string code_activation =
      reader.word("code_activation", "identity", {"identity", "sigmoid", "tanh", "relu"});
  plan.code_activation = code_activation == "sigmoid" ? Activation::kSigmoid
                         : code_activation == "tanh"  ? Activation::kTanh
                         : code_activation == "relu"  ? Activation::kRelu
                                                      : Activation::kIdentity;
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  const auto widths = read_sizes(config, "widths", kInitialWidthMax, source);
  if (!widths) {
    return std::unexpected(widths.error());
  }
  plan.widths = *widths;
  if (plan.image_size < 1 || plan.image_size > kImageSideMax || plan.channel_count < 1 || plan.channel_count > 64 ||
      plan.code_size < 1 || plan.code_size > kInitialWidthMax || plan.widths.size() > kWidthCountMax) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("{}: expected \"image_size\" up to {}, \"num_channels\" up to 64, \"code_size\" up to {} and "
                    "at most {} \"widths\", found {}, {}, {} and {}",
                    source, kImageSideMax, kInitialWidthMax, kWidthCountMax, plan.image_size, plan.channel_count,
                    plan.code_size, plan.widths.size()));
  }
  if (plan.convolutional && plan.image_size % (std::int64_t{1} << plan.widths.size()) != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"widths\": {} convolutions halve the picture {} times, but {} pixels can not be "
                            "halved so often",
                            source, plan.widths.size(), plan.widths.size(), plan.image_size),
                "give fewer widths or another image_size");
  }
  return plan;
}

ValueId decode_picture(GraphBuilder& builder, const AutoencoderPlan& plan, ValueId code) {
  ValueId x = code;
  std::size_t count = plan.widths.size();
  if (plan.convolutional) {
    --count;
    const std::int64_t side = plan.map_side();
    x = linear_module(builder, "decoder.input", x, plan.widths.back() * side * side);
    x = builder.activation("decoder.input.active", x, plan.activation);
    x = builder.reshape("decoder.map", x, {plan.widths.back(), side, side});
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::string path = layer_path("decoder", i);
    const std::int64_t width = plan.widths[count - 1 - i];
    if (plan.convolutional) {
      x = batch_norm(builder, path + ".norm", convolution(builder, path + ".conv", x, 4 * width, 1));
      x = spread_pixels(builder, path + ".spread", x);
    } else {
      x = linear_module(builder, path + ".dense", x, width);
    }
    x = builder.activation(path, x, plan.activation);
  }
  if (plan.convolutional) {
    x = spread_pixels(builder, std::string(kReconstructionLogits),
                      convolution(builder, "decoder.output", x, 4 * plan.channel_count, 1));
  } else {
    x = linear_module(builder, "decoder.output", x, plan.channel_count * plan.image_size * plan.image_size);
    x = builder.reshape(std::string(kReconstructionLogits), x, {plan.channel_count, plan.image_size, plan.image_size});
  }
  return builder.activation(std::string(kReconstruction), x, Activation::kSigmoid);
}

Result<ImageModel> build_autoencoder(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const auto plan = read_autoencoder_plan(checkpoint.config, checkpoint.source);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  const std::int64_t height = options.height > 0 ? options.height : plan->image_size;
  const std::int64_t width = options.width > 0 ? options.width : plan->image_size;
  if (height != plan->image_size || width != plan->image_size) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: image size: expected {} x {}, which this autoencoder was made for, found {} x {}",
                            checkpoint.source, plan->image_size, plan->image_size, height, width));
  }
  GraphBuilder builder;
  const ValueId image = image_input(builder, plan->channel_count, {height, width});
  const ValueId hidden = encode(builder, *plan, image);
  ValueId code = linear_module(builder, "encoder.code", hidden, plan->code_size);
  if (plan->code_activation != Activation::kIdentity) {
    code = builder.activation("encoder.code.active", code, plan->code_activation);
  }
  builder.alias(std::string(kCode), code);
  if (plan->variational) {
    builder.alias(std::string(kLogVariance), linear_module(builder, "encoder.log_variance", hidden, plan->code_size));
  }
  decode_picture(builder, *plan, code);
  ImageModel model;
  model.family = model.architecture = "autoencoder";
  model.dialect = "asterism";
  return finish_image_model(
      builder, code,
      {std::make_move_iterator(checkpoint.tensors.begin()), std::make_move_iterator(checkpoint.tensors.end())},
      std::move(model), checkpoint.source);
}

Result<ImageCheckpoint> initial_autoencoder(const InitialModel& model) {
  SettingsReader reader(model.settings, model.source, model.places);
  const bool convolutional = reader.word({"form", "convolutional", {"convolutional", "dense"}}) == "convolutional";
  const std::vector<std::int64_t> widths =
      reader.integers({"widths", convolutional ? default_widths(model.image_size) : std::vector<std::int64_t>{512, 256},
                       1, kInitialWidthMax});
  const std::int64_t code_size = reader.integer({"code_size", 64, 1, kInitialWidthMax});
  const std::string activation = reader.word({"activation", "relu", {"relu", "gelu", "silu", "tanh"}});
  const std::string code_activation =
      reader.word({"code_activation", "identity", {"identity", "sigmoid", "tanh", "relu"}});
  const bool variational = model.variational == VariationalCode::kYes;
  if (variational && code_activation != "identity") {
    reader.refuse(fmt::format("\"code_activation\": expected \"identity\" with a variational code, found \"{}\"",
                              code_activation));
  }
  ImageCheckpoint checkpoint;
  checkpoint.config = Json{{"model_type", kAutoencoderType},
                           {"form", convolutional ? "convolutional" : "dense"},
                           {"image_size", model.image_size},
                           {"num_channels", model.channel_count},
                           {"widths", widths},
                           {"code_size", code_size},
                           {"activation", activation},
                           {"code_activation", code_activation},
                           {"variational", variational}};
  checkpoint.source = model.source;
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  const auto plan = read_autoencoder_plan(checkpoint.config, model.source);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  checkpoint.tensors = initial_tensors(*plan, model.seed);
  return checkpoint;
}

}  // namespace asterism
