#include "models/vit_timm_traits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "models/text_config.hpp"
#include "models/vit_heads.hpp"

namespace asterism {
namespace {

// Parts of a name between underscores that tell what the weights do not. Source: timm 1.0.31; a test compares all of
// its architectures.
constexpr double kClipEpsilon = 1e-5;

// Entry points with act_layer="gelu_tanh", by how they begin.
constexpr std::array<std::string_view, 5> kTanhGelu{
    "vit_giantopt_patch16_siglip_", "vit_so400m_patch16_siglip_",       "vit_base_patch32_siglip_",
    "vit_large_patch16_siglip_512", "vit_large_patch16_siglip_gap_512",
};

struct HeadException {
  std::string_view begins;
  std::int64_t head_count;
};
constexpr std::array<HeadException, 6> kHeadExceptions{{
    {"vit_giantopt_", 16},
    {"vit_base_patch16_gap_224", 16},
    {"test_vit2", 2},
    {"test_vit3", 3},
    {"test_vit4", 3},
    {"test_vit", 2},
}};

// Other blocks under the same names of tensors.
constexpr std::array<std::string_view, 1> kOtherBlocks{"vit_base_patch16_rpn_224"};

// Arguments that change nothing in evaluation, or that the tensors show as well.
constexpr std::array<std::string_view, 28> kShownArguments{
    "img_size",    "patch_size",    "in_chans",         "num_classes",     "embed_dim",      "depth",
    "mlp_ratio",   "qkv_bias",      "qk_norm",          "scale_attn_norm", "scale_mlp_norm", "proj_bias",
    "init_values", "class_token",   "no_embed_class",   "pre_norm",        "final_norm",     "fc_norm",
    "drop_rate",   "pos_drop_rate", "patch_drop_rate",  "proj_drop_rate",  "attn_drop_rate", "drop_path_rate",
    "weight_init", "fix_init",      "dynamic_img_size", "pretrained",
};

bool has_part(std::string_view name, std::string_view part) {
  const std::string wrapped = fmt::format("_{}_", name);
  return wrapped.find(fmt::format("_{}_", part)) != std::string::npos;
}

Result<VitPooling> pooling_by_name(std::string_view name, std::string_view source) {
  constexpr std::array<std::pair<std::string_view, VitPooling>, 4> kNames{{
      {"token", VitPooling::kToken},
      {"avg", VitPooling::kAverage},
      {"max", VitPooling::kMaximum},
      {"map", VitPooling::kAttention},
  }};
  for (const auto& [known, pooling] : kNames) {
    if (known == name) {
      return pooling;
    }
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: \"global_pool\": expected token, avg, max or map, found \"{}\"", source, name));
}

// By a part "reg1" or "reg4".
std::int64_t registers_by_name(std::string_view name) {
  for (const std::int64_t count : {1, 4}) {
    if (has_part(name, fmt::format("reg{}", count))) {
      return count;
    }
  }
  if (has_part(name, "radio")) {
    return has_part(name, "v3") ? 7 : 9;
  }
  return name == "test_vit2" || name == "test_vit3" ? 1 : 0;
}

TimmVitTraits traits_by_name(std::string_view name) {
  TimmVitTraits traits;
  traits.register_count = registers_by_name(name);
  const auto begins = [&](std::string_view start) { return name.starts_with(start); };
  if (const auto* it = std::ranges::find_if(kHeadExceptions, begins, &HeadException::begins);
      it != kHeadExceptions.end()) {
    traits.head_count = it->head_count;
  }
  if (has_part(name, "clip") || begins("beit3_")) {
    traits.epsilon = kClipEpsilon;
  }
  if (has_part(name, "quickgelu")) {
    traits.activation = Activation::kGeluQuick;
  } else if (std::ranges::any_of(kTanhGelu, begins)) {
    traits.activation = Activation::kGeluTanh;
  }
  if (has_part(name, "gap") || begins("eva_large_") || begins("beit3_") || begins("test_vit2")) {
    traits.pooling = VitPooling::kAverage;
  } else if (has_part(name, "siglip") || has_part(name, "map")) {
    traits.pooling = VitPooling::kAttention;
  }
  return traits;
}

Result<void> read_argument(const std::string& key, const Json& value, TimmVitTraits& traits, std::string_view source) {
  if (value.is_null() || std::ranges::count(kShownArguments, key) > 0) {
    return {};
  }
  if (key == "reg_tokens" && value.is_number_integer()) {
    traits.register_count = value.get<std::int64_t>();
    return {};
  }
  if (key == "pos_embed" && value.is_string()) {
    traits.positions = value == "learn";
    return {};
  }
  if (key == "num_heads" && value.is_number_integer() && value.get<std::int64_t>() > 0) {
    traits.head_count = value.get<std::int64_t>();
    return {};
  }
  if (key == "global_pool" && value.is_string()) {
    const auto pooling = pooling_by_name(value.get<std::string>(), source);
    if (!pooling) {
      return std::unexpected(pooling.error());
    }
    traits.pooling = *pooling;
    return {};
  }
  if (key == "act_layer" && value.is_string()) {
    const std::string name = value.get<std::string>();
    const auto activation = activation_by_name(name == "gelu_tanh" ? "gelu_pytorch_tanh" : name, source);
    if (!activation) {
      return std::unexpected(activation.error());
    }
    traits.activation = *activation;
    return {};
  }
  if ((key == "pool_include_prefix" || key == "dynamic_img_pad") && value == false) {
    return {};
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: \"model_args\": \"{}\" = {}: this changes the model's numbers and is not implemented",
                          source, key, value.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

}  // namespace

Result<std::int64_t> heads_by_width(std::int64_t width, std::string_view source) {
  constexpr std::int64_t kHeadDim = 64;
  constexpr std::int64_t kRegularWidthMax = 1024;
  constexpr std::array<std::pair<std::int64_t, std::int64_t>, 5> kWide{
      {{1152, 16}, {1280, 16}, {1408, 16}, {1536, 24}, {1664, 16}}};
  if (width > 0 && width <= kRegularWidthMax && width % kHeadDim == 0) {
    return width / kHeadDim;
  }
  for (const auto& [known, head_count] : kWide) {
    if (known == width) {
      return head_count;
    }
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: a ViT {} wide: nothing says how many heads it has", source, width),
              "give \"num_heads\" in \"model_args\" of config.json");
}

Result<TimmVitTraits> timm_vit_traits(std::string_view architecture, const Json& config, std::int64_t width,
                                      std::string_view source) {
  if (std::ranges::any_of(kOtherBlocks, [&](std::string_view begin) { return architecture.starts_with(begin); })) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: the blocks of \"{}\" are not implemented", source, architecture));
  }
  TimmVitTraits traits = traits_by_name(architecture);
  const Json arguments = config.value("model_args", Json::object());
  if (!arguments.is_object()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"model_args\": expected an object", source));
  }
  for (const auto& [key, value] : arguments.items()) {
    if (auto ok = read_argument(key, value, traits, source); !ok) {
      return std::unexpected(ok.error());
    }
  }
  const auto pool = json_find<std::string>(config, "global_pool", source);
  if (!pool) {
    return std::unexpected(pool.error());
  }
  if (*pool) {
    const auto pooling = pooling_by_name(**pool, source);
    if (!pooling) {
      return std::unexpected(pooling.error());
    }
    traits.pooling = *pooling;
  }
  if (traits.head_count == 0) {
    const auto heads = heads_by_width(width, source);
    if (!heads) {
      return std::unexpected(heads.error());
    }
    traits.head_count = *heads;
  }
  if (width % traits.head_count != 0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"num_heads\": expected a divisor of {}, found {}", source, width, traits.head_count));
  }
  return traits;
}

}  // namespace asterism
