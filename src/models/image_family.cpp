#include "models/image_family.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "models/autoencoder.hpp"
#include "models/checkpoint_names.hpp"
#include "models/image_config.hpp"
#include "models/image_families.hpp"
#include "models/shortened_efficientnet.hpp"
#include "models/vector_projection.hpp"

namespace asterism {
namespace {

struct ImageFamily {
  std::string_view name;
  // Values of "model_type" (transformers, or our own configurations).
  std::span<const std::string_view> model_types;
  // What an architecture of timm or torchvision begins with; the longest that fits decides.
  std::span<const std::string_view> architectures;
  Result<ImageModel> (*build)(ImageCheckpoint checkpoint, const ImageModelOptions& options);
  // By the names of the tensors, for a file without a configuration and under a name of the user's; may be null.
  bool (*has_names)(const std::map<std::string, Tensor>& tensors) = nullptr;
};

constexpr std::array<std::string_view, 1> kAlexnet{"alexnet"};
constexpr std::array<std::string_view, 1> kConvnext{"convnext"};
constexpr std::array<std::string_view, 2> kEfficientnetTypes{"efficientnet", kShortenedEfficientnetType};
constexpr std::array<std::string_view, 2> kEfficientnet{"efficientnet", "tf_efficientnet"};
constexpr std::array<std::string_view, 1> kLenet{"lenet"};
constexpr std::array<std::string_view, 3> kMobilenetv3{"mobilenetv3", "tf_mobilenetv3", "mobilenet_v3"};
constexpr std::array<std::string_view, 2> kResnetTypes{"resnet", "asterism_resnet"};
constexpr std::array<std::string_view, 1> kAutoencoderTypes{kAutoencoderType};
constexpr std::array<std::string_view, 5> kResnet{"resnet", "resnext", "wide_resnet", "seresne", "senet"};
constexpr std::array<std::string_view, 1> kVgg{"vgg"};
constexpr std::span<const std::string_view> kNone;
constexpr std::array<std::string_view, 1> kVitType{"vit"};
constexpr std::array<std::string_view, 6> kVit{"vit_", "deit", "flexivit_", "eva_large_", "beit3_", "test_vit"};
constexpr std::array<std::string_view, 1> kDeitType{"deit"};
constexpr std::array<std::string_view, 1> kDinov2Type{"dinov2"};
constexpr std::array<std::string_view, 1> kDinov2RegistersType{"dinov2_with_registers"};
constexpr std::array<std::string_view, 1> kVitMaeType{"vit_mae"};
constexpr std::array<std::string_view, 1> kBeitType{"beit"};
constexpr std::array<std::string_view, 2> kBeit{"beit_", "beitv2_"};
constexpr std::array<std::string_view, 1> kData2VecType{"data2vec-vision"};
constexpr std::array<std::string_view, 1> kSwinType{"swin"};
constexpr std::array<std::string_view, 1> kSwin{"swin_"};
constexpr std::array<std::string_view, 2> kClipTypes{"clip", "clip_vision_model"};
constexpr std::array<std::string_view, 2> kSiglipTypes{"siglip", "siglip_vision_model"};

constexpr std::array kFamilies{
    ImageFamily{"alexnet", kAlexnet, kAlexnet, build_alexnet, has_alexnet_names},
    ImageFamily{"convnext", kConvnext, kConvnext, build_convnext, has_convnext_names},
    ImageFamily{"efficientnet", kEfficientnetTypes, kEfficientnet, build_efficientnet, has_efficientnet_names},
    ImageFamily{"lenet", kLenet, kNone, build_lenet},
    ImageFamily{"mobilenetv3", kNone, kMobilenetv3, build_mobilenetv3, has_mobilenetv3_names},
    ImageFamily{"resnet", kResnetTypes, kResnet, build_resnet, has_resnet_names},
    ImageFamily{"vgg", kNone, kVgg, build_vgg, has_vgg_names},
    ImageFamily{"vit", kVitType, kVit, build_vit, has_torchvision_vit_names},
    ImageFamily{"deit", kDeitType, kNone, build_deit_transformers},
    ImageFamily{"dinov2", kDinov2Type, kNone, build_dinov2},
    ImageFamily{"dinov2_with_registers", kDinov2RegistersType, kNone, build_dinov2_with_registers},
    ImageFamily{"vit_mae", kVitMaeType, kNone, build_vit_mae},
    ImageFamily{"beit", kBeitType, kBeit, build_beit},
    ImageFamily{"data2vec-vision", kData2VecType, kNone, build_data2vec_vision},
    ImageFamily{"swin", kSwinType, kSwin, build_swin, has_torchvision_swin_names},
    ImageFamily{"clip", kClipTypes, kNone, build_clip_vision},
    ImageFamily{"siglip", kSiglipTypes, kNone, build_siglip_vision},
    ImageFamily{"autoencoder", kAutoencoderTypes, kNone, build_autoencoder},
};

const ImageFamily* family_of_type(std::string_view model_type) {
  const auto it = std::ranges::find_if(kFamilies, [&](const ImageFamily& family) {
    return std::ranges::find(family.model_types, model_type) != family.model_types.end();
  });
  return it == kFamilies.end() ? nullptr : &*it;
}

const ImageFamily* family_of_architecture(std::string_view architecture) {
  const ImageFamily* best = nullptr;
  std::size_t length = 0;
  for (const ImageFamily& family : kFamilies) {
    for (const std::string_view prefix : family.architectures) {
      if (architecture.starts_with(prefix) && prefix.size() > length) {
        best = &family;
        length = prefix.size();
      }
    }
  }
  return best;
}

const ImageFamily* family_of_names(const std::map<std::string, Tensor>& tensors) {
  const auto it = std::ranges::find_if(
      kFamilies, [&](const ImageFamily& family) { return family.has_names != nullptr && family.has_names(tensors); });
  return it == kFamilies.end() ? nullptr : &*it;
}

Result<const ImageFamily*> family_of(const ImageCheckpoint& checkpoint) {
  const std::string_view dialect = dialect_of(checkpoint);
  const std::string architecture = architecture_of(checkpoint);
  const ImageFamily* family = dialect == kTransformers ? family_of_type(architecture) : nullptr;
  if (dialect == kTimm) {
    family = family_of_architecture(architecture);
  } else if (dialect == kTorchvision) {
    // The names of the tensors decide: a file may have been renamed.
    family = family_of_names(checkpoint.tensors);
    family = family != nullptr ? family : family_of_architecture(architecture);
  }
  if (family != nullptr) {
    return family;
  }
  if (dialect == kTorchvision) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: the tensors are those of no known architecture, expected one of {}", checkpoint.source,
                            fmt::join(image_families(), ", ")),
                "put the config.json of the model beside the weights");
  }
  return fail(ErrorCode::kUnsupported, fmt::format("{}: {} \"{}\" is not implemented, expected one of {}",
                                                   checkpoint.source, dialect == kTimm ? "architecture" : "model_type",
                                                   architecture, fmt::join(image_families(), ", ")));
}

// Counters of training that torch saves with a batch norm; nothing in evaluation reads them.
void drop_counters(std::map<std::string, Tensor>& tensors) {
  std::erase_if(tensors, [](const auto& entry) { return entry.first.ends_with("num_batches_tracked"); });
}

Result<void> check(const ImageModel& model, std::string_view source) {
  if (auto ok = model.graph.check_parameters(model.parameters, source); !ok) {
    return ok;
  }
  if (auto ok = check_finite(model.parameters, source); !ok) {
    return ok;
  }
  for (const std::string_view name : {kImageInput, kForwardFeatures, kPenultimate}) {
    if (!model.graph.find(name)) {
      return fail(ErrorCode::kInternal, fmt::format("{}: the {} graph has no \"{}\"", source, model.family, name));
    }
  }
  return {};
}

}  // namespace

Result<ImageModel> build_image_model(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  const auto family = family_of(checkpoint);
  if (!family) {
    return std::unexpected(family.error());
  }
  const std::string source = checkpoint.source;
  const std::string dialect(dialect_of(checkpoint));
  const std::string architecture = architecture_of(checkpoint);
  drop_counters(checkpoint.tensors);
  const auto projection = take_vector_projection(checkpoint.config, checkpoint.tensors, source);
  if (!projection) {
    return std::unexpected(projection.error());
  }
  auto model = (*family)->build(std::move(checkpoint), options);
  if (!model) {
    return model;
  }
  model->family = (*family)->name;
  // A family that knows better has filled these in.
  model->dialect = model->dialect.empty() ? dialect : model->dialect;
  if (model->architecture.empty()) {
    model->architecture = architecture.empty() ? model->family : architecture;
  }
  if (*projection) {
    if (auto ok = append_vector_projection(model->graph, model->parameters, **projection, kPenultimate, source); !ok) {
      return std::unexpected(ok.error());
    }
  }
  if (auto ok = check(*model, source); !ok) {
    return std::unexpected(ok.error());
  }
  return model;
}

bool is_image_checkpoint(const Json& config) noexcept {
  if (!config.is_object()) {
    return false;
  }
  const auto architecture = config.find("architecture");
  if (architecture != config.end() && architecture->is_string()) {
    return true;
  }
  const auto type = config.find("model_type");
  return type != config.end() && type->is_string() && family_of_type(type->get_ref<const std::string&>()) != nullptr;
}

std::vector<std::string_view> image_families() {
  std::vector<std::string_view> names;
  for (const ImageFamily& family : kFamilies) {
    names.push_back(family.name);
  }
  return names;
}

}  // namespace asterism
