// The image towers of CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023), as the transformers library has them.
//
// "penultimate" is the image's place beside texts: image_embeds of CLIP, the projected class token after the last norm,
// and pooler_output of SigLIP, which pools by attention. A CLIP checkpoint without projection gives pooler_output.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "models/attention_pool.hpp"
#include "models/clip_names.hpp"
#include "models/image_families.hpp"
#include "models/image_head.hpp"
#include "models/parameter_edit.hpp"
#include "models/patch_tokens.hpp"
#include "models/position_table.hpp"

namespace asterism {
namespace {

constexpr std::string_view kPosition = "vision_model.embeddings.position_embedding.weight";
constexpr std::string_view kClassToken = "vision_model.embeddings.class_embedding";

// Of SigLIP's pooling head: a block without its first half.
constexpr BlockNames kPool{
    .mix = "attention.mix",
    .out = "attention.out_proj",
    .attention = "attention",
    .norm2 = "layernorm",
    .fc1 = "mlp.fc1",
    .act = "mlp.activation_fn",
    .fc2 = "mlp.fc2",
    .mlp = "mlp",
    .add2 = "add_mlp",
};

constexpr VitDefaults kClipDefaults{.patch_size = 32, .epsilon = 1e-5, .activation = Activation::kGeluQuick};
constexpr VitDefaults kSiglipDefaults{.epsilon = 1e-6, .activation = Activation::kGeluTanh};

// What the two towers differ in.
struct Tower {
  VitConfig vit;
  bool class_token = false;          // and norms before the blocks and after its pooling: CLIP
  std::int64_t projection_size = 0;  // 0 = none
  std::int64_t class_count = 0;      // of a classifier
};

class TowerGraph {
 public:
  explicit TowerGraph(const Tower& tower) : tower_(tower), block_(tower.vit.block) {}

  ValueId encoded() {
    TokenPlan plan;
    plan.patch_path = "vision_model.embeddings.patch_embedding";
    plan.patches_name = "vision_model.embeddings.patch_embedding.tokens";
    plan.result_name = "vision_model.embeddings";
    plan.convolution = {block_.hidden_size,
                        {tower_.vit.patch.height, tower_.vit.patch.width},
                        tower_.class_token ? Bias::kNo : Bias::kYes};
    if (tower_.class_token) {
      plan.prefix.push_back({std::string(kClassToken)});
      plan.placed_prefix_count = 1;
    }
    plan.position = kPosition;
    ValueId hidden = patch_tokens(builder_, plan, image_input(builder_, tower_.vit.channels, tower_.vit.wanted));
    if (tower_.class_token) {
      hidden = layer_norm_module(builder_, "vision_model.pre_layrnorm", hidden, block_.epsilon);
    }
    feature_alias(builder_, 0, hidden);
    for (std::int64_t i = 0; i < tower_.vit.layer_count; ++i) {
      hidden =
          transformer_block(builder_, kClipBlock, block_, fmt::format("vision_model.encoder.layers.{}", i), hidden);
      feature_alias(builder_, i + 1, hidden);
    }
    builder_.alias("vision_model.encoder", hidden);
    return hidden;
  }

  ValueId clip_vector() {
    const ValueId hidden = encoded();
    last_hidden_state(hidden);
    const ValueId class_token = token_at(builder_, "class_token", hidden, 0);
    ValueId vector = layer_norm_module(builder_, "vision_model.post_layernorm", class_token, block_.epsilon);
    builder_.alias("pooler_output", vector);
    // transformers classifies the mean of the patches, not the vector.
    if (tower_.class_count > 0) {
      vector = mean_of_tokens(builder_, "patch_mean", hidden, 1);
      builder_.alias(std::string(kLogits), linear_module(builder_, "classifier", vector, tower_.class_count));
    }
    if (tower_.projection_size > 0) {
      vector = linear_module(builder_, "visual_projection", vector, tower_.projection_size, Bias::kNo);
      builder_.alias("image_embeds", vector);
    }
    return vector;
  }

  ValueId siglip_vector() {
    const ValueId hidden = layer_norm_module(builder_, "vision_model.post_layernorm", encoded(), block_.epsilon);
    last_hidden_state(hidden);
    if (tower_.class_count > 0) {
      const ValueId mean = mean_of_tokens(builder_, "patch_mean", hidden, 0);
      builder_.alias(std::string(kLogits), linear_module(builder_, "classifier", mean, tower_.class_count));
      return mean;
    }
    const std::string path = "vision_model.head";
    const ValueId probe = builder_.parameter(path + ".probe", {1, 1, block_.hidden_size});
    const ValueId query = builder_.broadcast_rows(path + ".probe.broadcast", probe, hidden);
    const auto project = [&](const char* name, ValueId x) {
      return linear_module(builder_, path + ".attention." + name, x, block_.hidden_size);
    };
    const PoolHeads heads{project("q_proj", query), project("k_proj", hidden), project("v_proj", hidden)};
    const ValueId vector = attention_pool(builder_, kPool, block_, path, heads);
    builder_.alias("pooler_output", vector);
    return vector;
  }

  GraphBuilder& builder() noexcept { return builder_; }

 private:
  void last_hidden_state(ValueId hidden) {
    builder_.alias("last_hidden_state", hidden);
    builder_.alias(std::string(kForwardFeatures), hidden);
  }

  const Tower& tower_;
  const BlockShape& block_;
  GraphBuilder builder_;
};

// in_proj_weight and in_proj_bias of torch.nn.MultiheadAttention as three layers, since query and key come from
// different tokens.
Result<void> split_projection(ParameterMap& parameters, const std::string& path, std::int64_t size,
                              std::string_view source) {
  const auto weight = find_parameter(parameters, path + ".in_proj_weight", {3 * size, size}, source);
  const auto bias = find_parameter(parameters, path + ".in_proj_bias", {3 * size}, source);
  if (!weight || !bias) {
    return std::unexpected(weight ? bias.error() : weight.error());
  }
  const std::array names{path + ".q_proj", path + ".k_proj", path + ".v_proj"};
  const auto part = [](const Tensor& whole, const Shape& shape, std::size_t index) {
    auto owner = std::make_shared<const Tensor>(whole);
    const std::size_t size_bytes = owner->bytes().size() / 3;
    const auto bytes = owner->bytes().subspan(index * size_bytes, size_bytes);
    return Tensor(whole.dtype(), shape, bytes, std::move(owner));
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    parameters.emplace(names[i] + ".weight", part(*weight, {size, size}, i));
    parameters.emplace(names[i] + ".bias", part(*bias, {size}, i));
  }
  parameters.erase(path + ".in_proj_weight");
  parameters.erase(path + ".in_proj_bias");
  return {};
}

struct TowerRead {
  Tower tower;
  ParameterMap parameters;
  LogitScale logit_scale;
};

Result<TowerRead> read_tower(ImageCheckpoint& checkpoint, const ImageModelOptions& options, const VitDefaults& defaults,
                             bool class_token) {
  TowerRead out;
  const std::string& source = checkpoint.source;
  const auto config = tower_config(checkpoint.config, "vision_config", source);
  if (!config) {
    return std::unexpected(config.error());
  }
  const auto vit = read_vit_config(*config, defaults, options, source);
  const auto scale = take_logit_scale(checkpoint.tensors, source);
  const auto declared = declared_classes(checkpoint);
  if (!vit || !scale || !declared) {
    return std::unexpected(!vit ? vit.error() : !scale ? scale.error() : declared.error());
  }
  out.logit_scale = *scale;
  out.tower.vit = *vit;
  out.tower.class_token = class_token;
  drop_tensors(checkpoint.tensors, {kTextTower, "text_projection.", "vision_model.embeddings.position_ids"});
  add_prefix(checkpoint.tensors, kVisionTower,
             {"embeddings.", "encoder.", "pre_layrnorm.", "post_layernorm.", "head."});
  for (auto& [name, tensor] : checkpoint.tensors) {
    out.parameters.emplace(name, std::move(tensor));
  }
  const auto classes = classifier_size(out.parameters, "classifier", *declared, source);
  if (!classes) {
    return std::unexpected(classes.error());
  }
  out.tower.class_count = *classes;
  if (*classes == 0) {
    if (auto ok = expect_logit_scale(checkpoint.config, *scale, source); !ok) {
      return std::unexpected(ok.error());
    }
  }
  const PositionFit fit{std::string(kPosition), class_token ? 1 : 0, vit->trained_grid(), vit->wanted_grid()};
  if (auto ok = fit_position_table(out.parameters, fit, source); !ok) {
    return std::unexpected(ok.error());
  }
  return out;
}

ImageModel describe(std::string_view family, const LogitScale& scale, std::int64_t prefix_token_count) {
  ImageModel model;
  model.family = model.architecture = family;
  model.dialect = kTransformers;
  model.logit_scale = scale;
  model.prefix_token_count = prefix_token_count;
  return model;
}

}  // namespace

Result<ImageModel> build_clip_vision(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  auto read = read_tower(checkpoint, options, kClipDefaults, true);
  if (!read) {
    return std::unexpected(read.error());
  }
  const std::int64_t hidden_size = read->tower.vit.block.hidden_size;
  if (auto ok = reshape_parameter(read->parameters, kClassToken, {1, 1, hidden_size}, checkpoint.source); !ok) {
    return std::unexpected(ok.error());
  }
  if (read->parameters.contains("visual_projection.weight") ||
      (read->tower.class_count == 0 && wants_projection(checkpoint.config))) {
    const auto size = parameter_size(read->parameters, "visual_projection.weight", 0, checkpoint.source);
    if (!size) {
      return std::unexpected(size.error());
    }
    read->tower.projection_size = *size;
  }
  if (read->tower.class_count > 0) {
    std::erase_if(read->parameters, [](const auto& entry) { return entry.first == "visual_projection.weight"; });
    read->tower.projection_size = 0;
  }
  TowerGraph graph(read->tower);
  const ValueId vector = graph.clip_vector();
  return finish_image_model(graph.builder(), vector, std::move(read->parameters),
                            describe("clip", read->logit_scale, 1), checkpoint.source);
}

Result<ImageModel> build_siglip_vision(ImageCheckpoint checkpoint, const ImageModelOptions& options) {
  auto read = read_tower(checkpoint, options, kSiglipDefaults, false);
  if (!read) {
    return std::unexpected(read.error());
  }
  if (read->tower.class_count > 0) {
    // The classifier is given the mean of the patches; the pooling head is there and not used.
    std::erase_if(read->parameters, [](const auto& entry) { return entry.first.starts_with("vision_model.head."); });
  } else if (!read->parameters.contains("vision_model.head.probe")) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"vision_use_head\" is false: the model gives no vector an image", checkpoint.source));
  } else if (auto ok = split_projection(read->parameters, "vision_model.head.attention",
                                        read->tower.vit.block.hidden_size, checkpoint.source);
             !ok) {
    return std::unexpected(ok.error());
  }
  TowerGraph graph(read->tower);
  const ValueId vector = graph.siglip_vector();
  return finish_image_model(graph.builder(), vector, std::move(read->parameters),
                            describe("siglip", read->logit_scale, 0), checkpoint.source);
}

}  // namespace asterism
