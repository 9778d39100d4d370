#include "models/vit_config.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "models/image_config.hpp"
#include "models/text_config.hpp"

namespace asterism {
namespace {

// Sizes of the blocks.
Result<void> read_block(const Json& config, const VitDefaults& defaults, VitConfig& out, std::string_view source) {
  const std::array<std::pair<std::int64_t*, SizeRule>, 5> sizes{{
      {&out.channels, {"num_channels", kImageChannelCountMax, 3}},
      {&out.block.hidden_size, {"hidden_size", kHiddenSizeMax, defaults.hidden_size}},
      {&out.layer_count, {"num_hidden_layers", kLayerCountMax, defaults.layer_count}},
      {&out.block.head_count, {"num_attention_heads", kHiddenSizeMax, defaults.head_count}},
      {&out.block.mlp_size, {"intermediate_size", kIntermediateSizeMax, defaults.mlp_size}},
  }};
  for (const auto& [target, rule] : sizes) {
    const auto value = read_size(config, rule, source);
    if (!value) {
      return std::unexpected(value.error());
    }
    *target = *value;
  }
  if (out.block.hidden_size % out.block.head_count != 0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"hidden_size\": expected a multiple of \"num_attention_heads\" ({}), found {}",
                            source, out.block.head_count, out.block.hidden_size));
  }
  const auto epsilon = read_number(config, {"layer_norm_eps", defaults.epsilon, 0.0, 1.0}, source);
  if (!epsilon) {
    return std::unexpected(epsilon.error());
  }
  out.block.epsilon = *epsilon;
  const auto name = json_find<std::string>(config, "hidden_act", source);
  if (!name) {
    return std::unexpected(name.error());
  }
  const auto activation = *name ? activation_by_name(**name, source) : Result<Activation>(defaults.activation);
  if (!activation) {
    return std::unexpected(activation.error());
  }
  out.block.activation = *activation;
  return {};
}

}  // namespace

Result<bool> read_flag(const Json& config, std::string_view key, bool missing, std::string_view source) {
  const auto found = json_find<bool>(config, key, source);
  if (!found) {
    return std::unexpected(found.error());
  }
  return found->value_or(missing);
}

Result<double> read_number(const Json& config, const NumberRule& rule, std::string_view source) {
  const auto found = json_find<double>(config, rule.key, source);
  if (!found) {
    return std::unexpected(found.error());
  }
  const double value = found->value_or(rule.missing);
  if (!std::isfinite(value) || value < rule.low || value > rule.high) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"{}\": expected {} to {}, found {}", source, rule.key, rule.low, rule.high, value));
  }
  return value;
}

Result<Grid> read_grid(const Json& config, std::string_view key, const Grid& missing, std::int64_t most,
                       std::string_view source) {
  const auto it = config.find(key);
  Grid grid = missing;
  if (it != config.end() && !it->is_null()) {
    const bool pair = it->is_array() && it->size() == 2 && (*it)[0].is_number_integer() && (*it)[1].is_number_integer();
    if (!pair && !it->is_number_integer()) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\": expected an integer or two, found {}", source, key,
                                                   it->dump(-1, ' ', false, Json::error_handler_t::replace)));
    }
    grid = pair ? Grid{(*it)[0].get<std::int64_t>(), (*it)[1].get<std::int64_t>()}
                : Grid{it->get<std::int64_t>(), it->get<std::int64_t>()};
  }
  for (const std::int64_t side : {grid.height, grid.width}) {
    if (side < 1 || side > most) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\": expected 1 to {}, found {}", source, key, most, side));
    }
  }
  return grid;
}

Result<Grid> wanted_image(const ImageModelOptions& options, const Grid& trained, const Grid& patch,
                          std::string_view source) {
  const Grid wanted{options.height > 0 ? options.height : trained.height,
                    options.width > 0 ? options.width : trained.width};
  if (wanted.height < patch.height || wanted.width < patch.width || wanted.height > kImageSideMax ||
      wanted.width > kImageSideMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: image size: expected {} x {} to {} x {}, found {} x {}", source, patch.height,
                            patch.width, kImageSideMax, kImageSideMax, wanted.height, wanted.width),
                "choose another image size");
  }
  return wanted;
}

Result<VitConfig> read_vit_config(const Json& config, const VitDefaults& defaults, const ImageModelOptions& options,
                                  std::string_view source) {
  VitConfig out;
  const Grid image_missing{defaults.image_size, defaults.image_size};
  const auto image = read_grid(config, "image_size", image_missing, kImageSideMax, source);
  if (!image) {
    return std::unexpected(image.error());
  }
  const Grid patch_missing{defaults.patch_size, defaults.patch_size};
  const auto patch = read_grid(config, "patch_size", patch_missing, kPatchSizeMax, source);
  if (!patch) {
    return std::unexpected(patch.error());
  }
  out.image = *image;
  out.patch = *patch;
  const auto wanted = wanted_image(options, *image, *patch, source);
  if (!wanted) {
    return std::unexpected(wanted.error());
  }
  out.wanted = *wanted;
  if (auto ok = read_block(config, defaults, out, source); !ok) {
    return std::unexpected(ok.error());
  }
  return out;
}

}  // namespace asterism
