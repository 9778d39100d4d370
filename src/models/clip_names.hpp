// The words of CLIP and SigLIP checkpoints of the transformers library, the same for text and images. Private to
// src/models.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "models/family.hpp"
#include "models/image_family.hpp"
#include "models/transformer_block.hpp"

namespace asterism {

inline constexpr BlockNames kClipBlock{
    .norm1 = "layer_norm1",
    .query = "self_attn.q_proj",
    .key = "self_attn.k_proj",
    .value = "self_attn.v_proj",
    .mix = "self_attn.mix",
    .out = "self_attn.out_proj",
    .attention = "self_attn",
    .add1 = "add_attention",
    .norm2 = "layer_norm2",
    .fc1 = "mlp.fc1",
    .act = "mlp.activation_fn",
    .fc2 = "mlp.fc2",
    .mlp = "mlp",
    .add2 = "add_mlp",
};

inline constexpr std::string_view kVisionTower = "vision_model.";
inline constexpr std::string_view kTextTower = "text_model.";

// "vision_config" or "text_config" of a configuration of both towers, or the configuration itself, of one.
Result<Json> tower_config(const Json& config, std::string_view key, std::string_view source);

// Takes "logit_scale" and "logit_bias" out of the tensors.
Result<LogitScale> take_logit_scale(std::map<std::string, Tensor>& tensors, std::string_view source);

// Whether the configuration is of both towers, or of one with its projection: the tensors must then have it.
bool wants_projection(const Json& config) noexcept;

// kMismatch where a checkpoint of both towers has no logit_scale.
Result<void> expect_logit_scale(const Json& config, const LogitScale& scale, std::string_view source);

// Removes the tensors whose names begin with one of `prefixes`: those of the other tower.
void drop_tensors(std::map<std::string, Tensor>& tensors, std::initializer_list<std::string_view> prefixes);

// A checkpoint of the tower alone may lack its prefix: adds `prefix` to names that begin with one of `parts`.
void add_prefix(std::map<std::string, Tensor>& tensors, std::string_view prefix,
                std::initializer_list<std::string_view> parts);

}  // namespace asterism
