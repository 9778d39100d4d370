#include "train/picture_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "encoder/image_checkpoint.hpp"
#include "hub/hub.hpp"
#include "models/initial_checkpoint.hpp"
#include "models/shortened_efficientnet.hpp"
#include "models/vector_projection.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPrefixPartsMax = 2;
constexpr std::string_view kMaeFamily = "vit_mae";
constexpr std::string_view kPositions = "embeddings.position_embeddings";

// Where a library's classification model keeps its classifier, and what it puts before the encoder's names.
struct ClassifierPlace {
  std::string_view model_type;
  std::string_view path;
  std::string_view prefix;
  std::string_view class_name;  // "architectures" of config.json
};
constexpr std::array<ClassifierPlace, 5> kClassifierPlaces{{
    {"lenet", "fc3", "", ""},
    {"resnet", "classifier.1", "resnet.", "ResNetForImageClassification"},
    {"asterism_resnet", "classifier.1", "resnet.", "ResNetForImageClassification"},
    {"vit", "classifier", "vit.", "ViTForImageClassification"},
    {"deit", "classifier", "deit.", "DeiTForImageClassification"},
}};

bool is_variational(const Recipe& recipe) {
  const Json& settings = recipe.objective.settings;
  return recipe.objective.kind == RecipeKind::kAutoencoder && settings.is_object() &&
         settings.contains("variational") && settings["variational"] == true;
}

Result<ImageCheckpoint> fresh_checkpoint(const Recipe& recipe, const DataSummary& data) {
  InitialModel initial;
  initial.architecture = recipe.model.architecture;
  initial.settings = recipe.model.settings;
  initial.channel_count = recipe.model.channel_count;
  initial.image_size = recipe.model.image_size;
  initial.classes = recipe.objective.kind == RecipeKind::kSupervised ? data.class_names : std::vector<std::string>{};
  initial.variational = is_variational(recipe) ? VariationalCode::kYes : VariationalCode::kNo;
  initial.seed = recipe.training.seed;
  initial.source = recipe_section(recipe, "model");
  initial.places = recipe.model.places;
  return initial_checkpoint(initial);
}

// A folder relative to the recipe, or else a model as `asterism embed --model` finds it.
Result<fs::path> from_folder(const Recipe& recipe) {
  const fs::path from = recipe.model.from;
  const fs::path folder = from.is_absolute() ? from : recipe.file.parent_path() / from;
  std::error_code error;
  if (fs::exists(folder, error)) {
    return folder;
  }
  auto location = resolve_model(recipe.model.from, hub_options_from_environment());
  if (!location) {
    return fail(location.error().code,
                fmt::format("{}: \"from\": {} is no folder, and no model: {}", recipe_section(recipe, "model"),
                            folder.string(), location.error().message),
                location.error().hint);
  }
  return location->folder;
}

Result<ImageCheckpoint> read_given(const Recipe& recipe) {
  if (recipe.model.from == kBuiltinImageModel) {
    return builtin_image_checkpoint();
  }
  const auto folder = from_folder(recipe);
  auto checkpoint = folder ? read_image_folder(*folder) : std::unexpected(folder.error());
  if (!checkpoint) {
    return checkpoint;
  }
  // Fitted to weights that are now learnt further.
  const auto fitted = take_vector_projection(checkpoint->config, checkpoint->tensors, checkpoint->source);
  if (!fitted) {
    return std::unexpected(fitted.error());
  }
  return checkpoint;
}

// An EfficientNet under the names of efficientnet_lite_pytorch, as much of it as the recipe asks for.
Result<ImageCheckpoint> shortened(ImageCheckpoint checkpoint, const Recipe& recipe) {
  constexpr std::int64_t kHeadSizeMax = 1 << 14;
  const std::string section = recipe_section(recipe, "model");
  SettingsReader reader = model_settings(recipe);
  ShortenedEfficientnet asked{.seed = recipe.training.seed, .section = section};
  asked.block_count = reader.integer({"block_count", 0, 1, 1 << 10});
  asked.head_size = reader.integer({"head_size", 0, 1, kHeadSizeMax});
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  return shorten_efficientnet(std::move(checkpoint), asked);
}

// A classifier for the recipe's classes in place of what the folder has.
Result<void> replace_classifier(ImageCheckpoint& checkpoint, const Recipe& recipe, const DataSummary& data) {
  const std::string type = checkpoint.config.value("model_type", "");
  const auto* const place = std::ranges::find(kClassifierPlaces, type, &ClassifierPlace::model_type);
  if (place == kClassifierPlaces.end()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"from\": a classifier can not be put on the model type \"{}\"",
                            recipe_section(recipe, "model"), type),
                "start from lenet, resnet, vit or deit");
  }
  std::map<std::string, Tensor> renamed;
  for (auto& [name, tensor] : checkpoint.tensors) {
    if (name.starts_with(fmt::format("{}.", place->path)) || name.starts_with("pooler.") ||
        name.starts_with(fmt::format("{}pooler.", place->prefix))) {
      continue;
    }
    const bool prefixed = name.starts_with(place->prefix);
    renamed.emplace(prefixed ? name : std::string(place->prefix) + name, std::move(tensor));
  }
  checkpoint.tensors = std::move(renamed);
  if (!place->class_name.empty()) {
    checkpoint.config["architectures"] = Json::array({place->class_name});
  }
  ImageCheckpoint headless = checkpoint;
  for (const char* key : {"id2label", "label2id", "num_labels", "num_classes"}) {
    headless.config.erase(key);
  }
  const auto model = build_image_model(std::move(headless), {});
  if (!model) {
    return std::unexpected(model.error());
  }
  const Shape& vector = model->graph.value(*model->graph.find(kPenultimate)).shape;
  add_classifier(checkpoint, std::string(place->path), static_cast<std::int64_t>(data.class_names.size()),
                 vector.back(), recipe.training.seed);
  set_class_names(checkpoint.config, data.class_names);
  return {};
}

Result<ImageCheckpoint> given_checkpoint(const Recipe& recipe, const DataSummary& data) {
  auto given = read_given(recipe);
  if (!given) {
    return given;
  }
  ImageCheckpoint checkpoint = *std::move(given);
  if (has_efficientnet_pytorch_names(checkpoint) && recipe.objective.kind != RecipeKind::kSupervised) {
    auto made = shortened(std::move(checkpoint), recipe);
    if (!made) {
      return made;
    }
    checkpoint = *std::move(made);
  } else if (recipe.model.settings.is_object() && !recipe.model.settings.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"{}\": sizes are those of \"from\" = {}", recipe_section(recipe, "model"),
                            recipe.model.settings.begin().key(), checkpoint.source),
                "remove the key, or remove \"from\"");
  }
  if (recipe.objective.kind == RecipeKind::kSupervised) {
    if (auto ok = replace_classifier(checkpoint, recipe, data); !ok) {
      return std::unexpected(ok.error());
    }
  }
  checkpoint.config["image_size"] = recipe.model.image_size;
  if (checkpoint.config.contains("torch_dtype")) {
    checkpoint.config["torch_dtype"] = "float32";
  }
  if (checkpoint.config.contains("dtype")) {
    checkpoint.config["dtype"] = "float32";
  }
  return checkpoint;
}

bool same_values(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

// What is learnt must be what is written: a tensor that loading reshapes, joins or resamples can not go back.
Result<void> expect_stored_as_computed(const ImageCheckpoint& stored, const ImageModel& model, const Recipe& recipe) {
  ParameterMap found;
  for (const auto& [name, tensor] : stored.tensors) {
    if (const auto parameter = parameter_of_stored(name, model.parameters)) {
      found.insert_or_assign(*parameter, tensor);
    }
  }
  for (const auto& [name, tensor] : model.parameters) {
    // A masked autoencoder's positions are fixed: the stored table stays, whatever part of it the graph takes.
    if (model.family == kMaeFamily && name == kPositions) {
      continue;
    }
    const auto it = found.find(name);
    if (it == found.end() || !same_values(it->second, tensor)) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: \"from\" = {}: tensor \"{}\" is changed when the model is loaded at {} pixels{}, so "
                              "that what is learnt could not be written back",
                              recipe_section(recipe, "model"), stored.source, name, recipe.model.image_size,
                              it == found.end() ? ""
                                                : fmt::format(" ({} becomes {})", shape_to_string(it->second.shape()),
                                                              shape_to_string(tensor.shape()))),
                  "give the image_size that the model was made for, or start from another model");
    }
  }
  return {};
}

}  // namespace

std::string recipe_section(const Recipe& recipe, std::string_view section) {
  return fmt::format("{}: [{}]", recipe.file.empty() ? recipe.name : recipe.file.string(), section);
}

SettingsReader model_settings(const Recipe& recipe) {
  return {recipe.model.settings, recipe_section(recipe, "model"), recipe.model.places};
}

SettingsReader objective_settings(const Recipe& recipe) {
  return {recipe.objective.settings, recipe_section(recipe, "objective"), recipe.objective.places};
}

std::vector<double> channel_values(const std::vector<double>& values, std::int64_t channel_count) {
  const auto count = static_cast<std::size_t>(channel_count);
  if (values.size() == count || values.empty()) {
    return values;
  }
  return std::vector<double>(count, values.front());
}

std::optional<std::string> parameter_of_stored(std::string_view stored, const ParameterMap& parameters) {
  std::string_view name = stored;
  for (std::size_t removed = 0; removed <= kPrefixPartsMax; ++removed) {
    if (parameters.contains(name)) {
      return std::string(name);
    }
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) {
      break;
    }
    name.remove_prefix(dot + 1);
  }
  return std::nullopt;
}

Result<ImageModel> build_stored(const PictureEncoder& encoder, const ImageModelOptions& options) {
  auto model = build_image_model(encoder.stored, options);
  if (!model) {
    return model;
  }
  for (auto& [name, tensor] : model->parameters) {
    tensor = tensor.to_f32();
  }
  return model;
}

Result<ImageCheckpoint> read_image_folder(const fs::path& folder) {
  ImageCheckpoint checkpoint;
  const auto bare = bare_weights_in(folder);
  auto config = bare ? Result<Json>(Json::object()) : read_json_file(folder / "config.json");
  if (!config) {
    return std::unexpected(config.error());
  }
  auto tensors = bare ? read_checkpoint_file(*bare) : read_checkpoint(folder);
  if (!tensors) {
    return std::unexpected(tensors.error());
  }
  checkpoint.config = *std::move(config);
  checkpoint.tensors = *std::move(tensors);
  checkpoint.source = folder.string();
  return checkpoint;
}

Result<PictureEncoder> make_picture_encoder(const Recipe& recipe, const DataSummary& data) {
  auto stored = recipe.model.from.empty() ? fresh_checkpoint(recipe, data) : given_checkpoint(recipe, data);
  if (!stored) {
    return std::unexpected(stored.error());
  }
  PictureEncoder encoder;
  encoder.stored = *std::move(stored);
  const ImageModelOptions options{.height = recipe.model.image_size, .width = recipe.model.image_size};
  auto unconverted = build_image_model(encoder.stored, options);
  if (!unconverted) {
    return std::unexpected(unconverted.error());
  }
  if (unconverted->channels != recipe.model.channel_count) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"channels\": expected {}, which the model takes, found {}",
                            recipe_section(recipe, "model"), unconverted->channels, recipe.model.channel_count));
  }
  if (auto ok = expect_stored_as_computed(encoder.stored, *unconverted, recipe); !ok) {
    return std::unexpected(ok.error());
  }
  encoder.model = *std::move(unconverted);
  for (auto& [name, tensor] : encoder.model.parameters) {
    tensor = tensor.to_f32();
  }
  return encoder;
}

}  // namespace asterism
