#include "models/initial_checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/edit_distance.hpp"
#include "models/initial_parts.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kInitialSideMin = 8;
constexpr std::int64_t kInitialSideMax = 1024;

struct InitialArchitecture {
  std::string_view name;
  Result<ImageCheckpoint> (*make)(const InitialModel& model);
  bool classifies = true;
};

constexpr std::array kArchitectures{
    InitialArchitecture{"lenet", initial_lenet},       InitialArchitecture{"resnet", initial_resnet},
    InitialArchitecture{"vit", initial_vit},           InitialArchitecture{"vit_mae", initial_vit_mae, false},
    InitialArchitecture{"data2vec", initial_data2vec}, InitialArchitecture{"autoencoder", initial_autoencoder, false},
};

constexpr std::array<std::string_view, kArchitectures.size()> kNames{"lenet",   "resnet",   "vit",
                                                                     "vit_mae", "data2vec", "autoencoder"};

}  // namespace

std::span<const std::string_view> initial_architectures() noexcept {
  return kNames;
}

Result<ImageCheckpoint> initial_checkpoint(const InitialModel& model) {
  const auto found = std::ranges::find(kArchitectures, model.architecture, &InitialArchitecture::name);
  if (found == kArchitectures.end()) {
    const std::string cut = model.architecture.substr(0, 100);
    const auto nearest =
        std::ranges::min_element(kNames, {}, [&](std::string_view name) { return edit_distance(cut, name); });
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"architecture\": expected one of {}, found \"{}\"", model.source,
                            fmt::join(kNames, ", "), cut),
                fmt::format("did you mean \"{}\"?", *nearest));
  }
  if (model.image_size < kInitialSideMin || model.image_size > kInitialSideMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"image_size\": expected {} to {} pixels, found {}", model.source, kInitialSideMin,
                            kInitialSideMax, model.image_size));
  }
  if (model.channel_count != 1 && model.channel_count != 3) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: \"channels\": expected 1 (grey) or 3 (RGB), found {}",
                                                         model.source, model.channel_count));
  }
  if (!found->classifies && !model.classes.empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: architecture \"{}\" has no classifier", model.source, model.architecture),
                "classify with lenet, resnet, vit or data2vec");
  }
  auto checkpoint = found->make(model);
  if (checkpoint && !model.classes.empty()) {
    set_class_names(checkpoint->config, model.classes);
  }
  return checkpoint;
}

void set_class_names(Json& config, const std::vector<std::string>& classes) {
  Json names = Json::object();
  Json numbers = Json::object();
  for (std::size_t i = 0; i < classes.size(); ++i) {
    names[fmt::format("{}", i)] = classes[i];
    numbers[classes[i]] = i;
  }
  config["id2label"] = std::move(names);
  config["label2id"] = std::move(numbers);
  config["num_labels"] = classes.size();
}

void add_classifier(ImageCheckpoint& checkpoint, const std::string& path, std::int64_t class_count, std::int64_t dim,
                    std::uint64_t seed) {
  InitialTensors tensors(seed);
  tensors.layer(path, {class_count, dim}, InitialRule::kTorchDefault);
  for (auto& [name, tensor] : tensors.take()) {
    checkpoint.tensors[name] = std::move(tensor);
  }
}

void InitialTensors::weight(const std::string& path, const Shape& shape, InitialRule rule) {
  const std::string name = path + ".weight";
  const ValueStream stream{seed_, name};
  switch (rule) {
    case InitialRule::kTorchDefault:
      tensors_[name] = torch_default_values(stream, shape, fan_in(shape));
      return;
    case InitialRule::kKaimingNormal:
      tensors_[name] = kaiming_normal_values(stream, shape);
      return;
    case InitialRule::kKaimingUniform:
      tensors_[name] = kaiming_uniform_values(stream, shape);
      return;
    case InitialRule::kGlorotUniform:
      tensors_[name] = glorot_uniform_values(stream, shape);
      return;
    case InitialRule::kNormal002:
      tensors_[name] = normal_values(stream, shape, 0.02);
      return;
  }
}

void InitialTensors::layer(const std::string& path, const Shape& shape, InitialRule rule) {
  weight(path, shape, rule);
  const std::string name = path + ".bias";
  tensors_[name] = rule == InitialRule::kTorchDefault ? torch_default_values({seed_, name}, {shape[0]}, fan_in(shape))
                                                      : constant_values({shape[0]}, 0.0F);
}

void InitialTensors::glorot_linear(const std::string& path, const Shape& shape) {
  const std::string name = path + ".weight";
  const double bound = std::sqrt(6.0 / (fan_in(shape) + static_cast<double>(shape[0])));
  tensors_[name] = uniform_values({seed_, name}, shape, bound);
  constant(path + ".bias", {shape[0]}, 0.0F);
}

void InitialTensors::layer_norm(const std::string& path, std::int64_t size) {
  constant(path + ".weight", {size}, 1.0F);
  constant(path + ".bias", {size}, 0.0F);
}

void InitialTensors::batch_norm(const std::string& path, std::int64_t size) {
  layer_norm(path, size);
  constant(path + ".running_mean", {size}, 0.0F);
  constant(path + ".running_var", {size}, 1.0F);
  Tensor counter(DType::kI64, {});
  counter.mutable_as<std::int64_t>()[0] = 0;
  tensors_[path + ".num_batches_tracked"] = std::move(counter);
}

void InitialTensors::constant(const std::string& name, const Shape& shape, float value) {
  tensors_[name] = constant_values(shape, value);
}

void InitialTensors::normal(const std::string& name, const Shape& shape, double standard_deviation) {
  tensors_[name] = normal_values({seed_, name}, shape, standard_deviation);
}

}  // namespace asterism
