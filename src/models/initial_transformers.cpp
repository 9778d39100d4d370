// Fresh ViT, ViTMAE and data2vec-vision, under the names that the transformers library writes.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "models/initial_parts.hpp"
#include "models/settings_reader.hpp"

namespace asterism {
namespace {

struct VitSettings {
  std::int64_t patch_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t layer_count = 0;
  std::int64_t head_count = 0;
  std::int64_t mlp_size = 0;

  std::int64_t patch_count(std::int64_t image_size) const {
    return (image_size / patch_size) * (image_size / patch_size);
  }
};

// The largest that cuts the picture into 7 x 7 patches or more, and leaves nothing over.
std::int64_t default_patch_size(std::int64_t image_size) {
  constexpr std::int64_t kSideMin = 7;
  std::int64_t size = std::max<std::int64_t>(image_size / kSideMin, 1);
  while (image_size % size != 0) {
    --size;
  }
  return size;
}

VitSettings read_vit(SettingsReader& reader, const InitialModel& model) {
  VitSettings out;
  out.patch_size = reader.integer({"patch_size", default_patch_size(model.image_size), 1, model.image_size});
  out.hidden_size = reader.integer({"hidden_size", 192, 1, kInitialWidthMax});
  out.layer_count = reader.integer({"layer_count", 6, 1, kInitialDepthMax});
  out.head_count = reader.integer({"head_count", 3, 1, kInitialWidthMax});
  out.mlp_size = reader.integer({"mlp_size", 4 * out.hidden_size, 1, 4 * kInitialWidthMax});
  if (model.image_size % out.patch_size != 0) {
    reader.refuse(fmt::format("\"patch_size\": expected a divisor of the image size ({}), found {}", model.image_size,
                              out.patch_size));
  }
  if (out.hidden_size % out.head_count != 0) {
    reader.refuse(fmt::format("\"hidden_size\": expected a multiple of \"head_count\" ({}), found {}", out.head_count,
                              out.hidden_size));
  }
  return out;
}

Json vit_config(const VitSettings& settings, const InitialModel& model) {
  return Json{{"num_channels", model.channel_count},
              {"image_size", model.image_size},
              {"patch_size", settings.patch_size},
              {"hidden_size", settings.hidden_size},
              {"num_hidden_layers", settings.layer_count},
              {"num_attention_heads", settings.head_count},
              {"intermediate_size", settings.mlp_size},
              {"hidden_act", "gelu"},
              {"hidden_dropout_prob", 0.0},
              {"attention_probs_dropout_prob", 0.0},
              {"layer_norm_eps", 1e-12},
              {"initializer_range", 0.02}};
}

// `key_bias`: BEiT's attention, and with it data2vec's, has none.
void add_block(InitialTensors& tensors, const std::string& path, std::int64_t size, std::int64_t mlp_size,
               bool key_bias) {
  tensors.layer_norm(path + ".layernorm_before", size);
  const std::string attention = path + ".attention.attention.";
  tensors.layer(attention + "query", {size, size}, InitialRule::kNormal002);
  if (key_bias) {
    tensors.layer(attention + "key", {size, size}, InitialRule::kNormal002);
  } else {
    tensors.weight(attention + "key", {size, size}, InitialRule::kNormal002);
  }
  tensors.layer(attention + "value", {size, size}, InitialRule::kNormal002);
  tensors.layer(path + ".attention.output.dense", {size, size}, InitialRule::kNormal002);
  tensors.layer_norm(path + ".layernorm_after", size);
  tensors.layer(path + ".intermediate.dense", {mlp_size, size}, InitialRule::kNormal002);
  tensors.layer(path + ".output.dense", {size, mlp_size}, InitialRule::kNormal002);
}

// A glorot bound as that of the linear layer that the convolution is.
void add_patches(InitialTensors& tensors, const std::string& prefix, const VitSettings& settings,
                 std::int64_t channel_count, InitialRule rule) {
  const std::string path = prefix + "embeddings.patch_embeddings.projection";
  const Shape shape{settings.hidden_size, channel_count, settings.patch_size, settings.patch_size};
  if (rule == InitialRule::kGlorotUniform) {
    tensors.glorot_linear(path, shape);
  } else {
    tensors.layer(path, shape, rule);
  }
}

void add_classifier_of(InitialTensors& tensors, const InitialModel& model, std::int64_t size) {
  if (!model.classes.empty()) {
    tensors.layer("classifier", {static_cast<std::int64_t>(model.classes.size()), size}, InitialRule::kNormal002);
  }
}

ImageCheckpoint finish(Json config, InitialTensors& tensors, const InitialModel& model) {
  ImageCheckpoint checkpoint;
  checkpoint.config = std::move(config);
  checkpoint.tensors = tensors.take();
  checkpoint.source = model.source;
  return checkpoint;
}

}  // namespace

Result<ImageCheckpoint> initial_vit(const InitialModel& model) {
  SettingsReader reader(model.settings, model.source, model.places);
  const VitSettings settings = read_vit(reader, model);
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  const std::string prefix = model.classes.empty() ? "" : "vit.";
  InitialTensors tensors(model.seed);
  tensors.normal(prefix + "embeddings.cls_token", {1, 1, settings.hidden_size}, 0.02);
  tensors.normal(prefix + "embeddings.position_embeddings",
                 {1, 1 + settings.patch_count(model.image_size), settings.hidden_size}, 0.02);
  add_patches(tensors, prefix, settings, model.channel_count, InitialRule::kNormal002);
  for (std::int64_t i = 0; i < settings.layer_count; ++i) {
    add_block(tensors, fmt::format("{}encoder.layer.{}", prefix, i), settings.hidden_size, settings.mlp_size, true);
  }
  tensors.layer_norm(prefix + "layernorm", settings.hidden_size);
  add_classifier_of(tensors, model, settings.hidden_size);
  Json config = vit_config(settings, model);
  config["architectures"] = Json::array({model.classes.empty() ? "ViTModel" : "ViTForImageClassification"});
  config["model_type"] = "vit";
  config["qkv_bias"] = true;
  return finish(std::move(config), tensors, model);
}

Result<ImageCheckpoint> initial_vit_mae(const InitialModel& model) {
  SettingsReader reader(model.settings, model.source, model.places);
  const VitSettings settings = read_vit(reader, model);
  VitSettings decoder = settings;
  decoder.hidden_size = reader.integer({"decoder_hidden_size", 96, 1, kInitialWidthMax});
  decoder.layer_count = reader.integer({"decoder_layer_count", 2, 1, kInitialDepthMax});
  decoder.head_count = reader.integer({"decoder_head_count", 3, 1, kInitialWidthMax});
  decoder.mlp_size = reader.integer({"decoder_mlp_size", 4 * decoder.hidden_size, 1, 4 * kInitialWidthMax});
  if (decoder.hidden_size % decoder.head_count != 0) {
    reader.refuse(fmt::format("\"decoder_hidden_size\": expected a multiple of \"decoder_head_count\" ({}), found {}",
                              decoder.head_count, decoder.hidden_size));
  }
  if (settings.hidden_size % 4 != 0 || decoder.hidden_size % 4 != 0) {
    reader.refuse(
        fmt::format("\"hidden_size\" and \"decoder_hidden_size\": expected multiples of 4 (the positions are "
                    "sines and cosines of rows and columns), found {} and {}",
                    settings.hidden_size, decoder.hidden_size));
  }
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  InitialTensors tensors(model.seed);
  const std::int64_t side = model.image_size / settings.patch_size;
  tensors.normal("vit.embeddings.cls_token", {1, 1, settings.hidden_size}, 0.02);
  tensors.put("vit.embeddings.position_embeddings", sincos_positions(side, settings.hidden_size));
  add_patches(tensors, "vit.", settings, model.channel_count, InitialRule::kGlorotUniform);
  for (std::int64_t i = 0; i < settings.layer_count; ++i) {
    add_block(tensors, fmt::format("vit.encoder.layer.{}", i), settings.hidden_size, settings.mlp_size, true);
  }
  tensors.layer_norm("vit.layernorm", settings.hidden_size);
  tensors.layer("decoder.decoder_embed", {decoder.hidden_size, settings.hidden_size}, InitialRule::kNormal002);
  tensors.normal("decoder.mask_token", {1, 1, decoder.hidden_size}, 0.02);
  tensors.put("decoder.decoder_pos_embed", sincos_positions(side, decoder.hidden_size));
  for (std::int64_t i = 0; i < decoder.layer_count; ++i) {
    add_block(tensors, fmt::format("decoder.decoder_layers.{}", i), decoder.hidden_size, decoder.mlp_size, true);
  }
  tensors.layer_norm("decoder.decoder_norm", decoder.hidden_size);
  tensors.layer("decoder.decoder_pred",
                {settings.patch_size * settings.patch_size * model.channel_count, decoder.hidden_size},
                InitialRule::kNormal002);
  Json config = vit_config(settings, model);
  config["architectures"] = Json::array({"ViTMAEForPreTraining"});
  config["model_type"] = "vit_mae";
  config["use_mean_pooling"] = true;
  config["qkv_bias"] = true;
  config["decoder_hidden_size"] = decoder.hidden_size;
  config["decoder_num_hidden_layers"] = decoder.layer_count;
  config["decoder_num_attention_heads"] = decoder.head_count;
  config["decoder_intermediate_size"] = decoder.mlp_size;
  return finish(std::move(config), tensors, model);
}

Result<ImageCheckpoint> initial_data2vec(const InitialModel& model) {
  SettingsReader reader(model.settings, model.source, model.places);
  const VitSettings settings = read_vit(reader, model);
  const double layer_scale = reader.real({"layer_scale", 0.1, 0.0, 1.0});
  if (auto ok = reader.done(); !ok) {
    return std::unexpected(ok.error());
  }
  const std::string prefix = model.classes.empty() ? "" : "data2vec_vision.";
  const std::int64_t size = settings.hidden_size;
  InitialTensors tensors(model.seed);
  tensors.constant(prefix + "embeddings.cls_token", {1, 1, size}, 0.0F);
  tensors.constant(prefix + "embeddings.mask_token", {1, 1, size}, 0.0F);
  tensors.constant(prefix + "embeddings.position_embeddings", {1, 1 + settings.patch_count(model.image_size), size},
                   0.0F);
  add_patches(tensors, prefix, settings, model.channel_count, InitialRule::kNormal002);
  for (std::int64_t i = 0; i < settings.layer_count; ++i) {
    const std::string path = fmt::format("{}encoder.layer.{}", prefix, i);
    add_block(tensors, path, size, settings.mlp_size, false);
    if (layer_scale > 0.0) {
      tensors.constant(path + ".lambda_1", {size}, static_cast<float>(layer_scale));
      tensors.constant(path + ".lambda_2", {size}, static_cast<float>(layer_scale));
    }
  }
  if (!model.classes.empty()) {
    tensors.layer_norm(prefix + "pooler.layernorm", size);
  }
  add_classifier_of(tensors, model, size);
  Json config = vit_config(settings, model);
  config["architectures"] =
      Json::array({model.classes.empty() ? "Data2VecVisionModel" : "Data2VecVisionForImageClassification"});
  config["model_type"] = "data2vec-vision";
  config["use_mask_token"] = true;
  config["use_absolute_position_embeddings"] = true;
  config["use_relative_position_bias"] = false;
  config["use_shared_relative_position_bias"] = false;
  config["use_mean_pooling"] = true;
  config["layer_scale_init_value"] = layer_scale;
  config["drop_path_rate"] = 0.0;
  return finish(std::move(config), tensors, model);
}

}  // namespace asterism
