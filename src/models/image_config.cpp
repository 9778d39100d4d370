#include "models/image_config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "models/text_config.hpp"
#include "models/torchvision_weights.hpp"

namespace asterism {
namespace {

// Arguments of timm.create_model that change nothing in evaluation, or say what the tensors say as well.
constexpr std::array kHarmlessArguments{
    std::string_view{"num_classes"},     std::string_view{"in_chans"},        std::string_view{"global_pool"},
    std::string_view{"drop_rate"},       std::string_view{"drop_path_rate"},  std::string_view{"drop_block_rate"},
    std::string_view{"zero_init_last"},  std::string_view{"head_init_scale"}, std::string_view{"pretrained"},
    std::string_view{"scriptable"},      std::string_view{"exportable"},      std::string_view{"no_jit"},
    std::string_view{"checkpoint_path"},
};

// The part of a name before the first of `ends`.
std::string before(std::string_view name, std::string_view ends) {
  return std::string(name.substr(0, name.find_first_of(ends)));
}

Result<std::int64_t> side(std::int64_t value, std::string_view what, std::string_view source) {
  if (value < 1 || value > kImageSideMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: {}: expected 1 to {} pixels, found {}", source, what, kImageSideMax, value),
                "choose another image size");
  }
  return value;
}

// The last two numbers of [channels, height, width] or [height, width]; one number is both.
ImageSize size_of_json(const Json& value) {
  if (value.is_number_integer()) {
    return {.width = value.get<std::int64_t>(), .height = value.get<std::int64_t>()};
  }
  const std::size_t count = value.is_array() ? value.size() : 0;
  if (count < 2 || !value[count - 2].is_number_integer() || !value[count - 1].is_number_integer()) {
    return {};
  }
  return {.width = value[count - 1].get<std::int64_t>(), .height = value[count - 2].get<std::int64_t>()};
}

ImageSize size_of_config(const Json& config) {
  const std::array<const Json*, 2> places{&config,
                                          config.contains("pretrained_cfg") ? &config["pretrained_cfg"] : &config};
  for (const Json* place : places) {
    for (const char* key : {"input_size", "image_size"}) {
      if (place->contains(key)) {
        return size_of_json((*place)[key]);
      }
    }
  }
  return {};
}

}  // namespace

std::string_view dialect_of(const ImageCheckpoint& checkpoint) {
  if (!checkpoint.config.is_object()) {
    return kTorchvision;
  }
  return checkpoint.config.contains("architecture") ? kTimm : kTransformers;
}

std::string architecture_of(const ImageCheckpoint& checkpoint) {
  const std::string_view dialect = dialect_of(checkpoint);
  if (dialect == kTorchvision) {
    const auto known = torchvision_weight(checkpoint.weight_name);
    return known ? std::string(known->weight->architecture) : "";
  }
  const auto value = checkpoint.config.find(dialect == kTimm ? "architecture" : "model_type");
  return value != checkpoint.config.end() && value->is_string() ? before(value->get<std::string>(), ".") : "";
}

Result<ImageSize> image_size(const ImageCheckpoint& checkpoint, const ImageModelOptions& options) {
  ImageSize size;
  if (checkpoint.config.is_object()) {
    size = size_of_config(checkpoint.config);
  } else if (const auto known = torchvision_weight(checkpoint.weight_name)) {
    size = {.width = known->weight->crop_size, .height = known->weight->crop_size};
  }
  size.height = options.height > 0 ? options.height : size.height;
  size.width = options.width > 0 ? options.width : size.width;
  const auto height = side(size.height > 0 ? size.height : kImageSideDefault, "image height", checkpoint.source);
  const auto width = side(size.width > 0 ? size.width : kImageSideDefault, "image width", checkpoint.source);
  if (!height || !width) {
    return std::unexpected(height ? width.error() : height.error());
  }
  return ImageSize{.width = *width, .height = *height};
}

Result<DeclaredClasses> declared_classes(const ImageCheckpoint& checkpoint) {
  const Json& config = checkpoint.config;
  if (!config.is_object()) {
    return DeclaredClasses{};
  }
  if (config.contains("id2label") && config["id2label"].is_object()) {
    return DeclaredClasses{"id2label", static_cast<std::int64_t>(config["id2label"].size())};
  }
  for (const std::string_view key : {"num_classes", "num_labels"}) {
    const auto count = json_find<std::int64_t>(config, key, checkpoint.source);
    if (!count) {
      return std::unexpected(count.error());
    }
    if (*count) {
      return DeclaredClasses{key, **count};
    }
  }
  return DeclaredClasses{};
}

Result<void> expect_plain_timm(const ImageCheckpoint& checkpoint, std::initializer_list<std::string_view> known) {
  const Json& config = checkpoint.config;
  if (!config.is_object()) {
    return {};
  }
  const Json& arguments = object_member(config, "model_args");
  for (const auto& [key, value] : arguments.items()) {
    const bool harmless = std::ranges::count(kHarmlessArguments, key) > 0 || std::ranges::count(known, key) > 0;
    if (!harmless && !value.is_null()) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: \"model_args\": \"{}\" = {} is not implemented for \"{}\"", checkpoint.source, key,
                              value.dump(), architecture_of(checkpoint)));
    }
  }
  for (const Json* place : {&config, &arguments}) {
    const Json pool = place->value("global_pool", Json("avg"));
    if (!pool.is_null() && pool != "avg") {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: \"global_pool\": expected \"avg\", found {}", checkpoint.source, pool.dump()));
    }
  }
  return {};
}

Result<std::vector<std::int64_t>> read_sizes(const Json& config, std::string_view key, std::int64_t most,
                                             std::string_view source) {
  const auto it = config.find(key);
  if (it == config.end() || !it->is_array()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\": expected an array of integers, found {}", source, key,
                                                 it == config.end() ? "nothing" : it->dump()));
  }
  std::vector<std::int64_t> sizes;
  for (const Json& value : *it) {
    const std::int64_t size = value.is_number_integer() ? value.get<std::int64_t>() : 0;
    if (size < 1 || size > most) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: \"{}\": expected integers from 1 to {}, found {}", source, key, most, value.dump()));
    }
    sizes.push_back(size);
  }
  return sizes;
}

std::string ConfigReader::word(std::string_view key, std::string missing,
                               std::initializer_list<std::string_view> known) {
  std::string found = value<std::string>(key, std::move(missing));
  if (!error_ && std::ranges::count(known, found) == 0) {
    error_ = Error{ErrorCode::kUnsupported,
                   fmt::format("{}: \"{}\": expected one of \"{}\", found \"{}\"", source_, key,
                               fmt::join(known, "\", \""), found),
                   ""};
  }
  return found;
}

Activation ConfigReader::activation(std::string_view key, std::string missing) {
  const auto found = activation_by_name(value<std::string>(key, std::move(missing)), source_);
  if (!found) {
    error_ = error_ ? error_ : found.error();
    return Activation::kIdentity;
  }
  return *found;
}

Result<void> ConfigReader::done() const {
  if (error_) {
    return std::unexpected(*error_);
  }
  return {};
}

const Json& object_member(const Json& config, std::string_view key) {
  static const Json kEmpty = Json::object();
  if (!config.is_object()) {
    return kEmpty;
  }
  const auto it = config.find(key);
  return it == config.end() || !it->is_object() ? kEmpty : *it;
}

void strip_prefix(std::map<std::string, Tensor>& tensors, std::string_view prefix) {
  std::map<std::string, Tensor> renamed;
  for (auto& [name, tensor] : tensors) {
    renamed.emplace(name.starts_with(prefix) ? name.substr(prefix.size()) : name, std::move(tensor));
  }
  tensors = std::move(renamed);
}

}  // namespace asterism
