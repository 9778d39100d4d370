// The words of the transformers library for the parts of its ViT-shaped blocks, as its checkpoints have them. Private
// to src/models.
#pragma once

#include "models/transformer_block.hpp"

namespace asterism {

// ViT, DeiT and ViTMAE.
inline constexpr BlockNames kTransformersVitBlock{
    .norm1 = "layernorm_before",
    .query = "attention.attention.query",
    .key = "attention.attention.key",
    .value = "attention.attention.value",
    .mix = "attention.attention",
    .out = "attention.output.dense",
    .attention = "attention",
    .attention_output = "attention.output",
    .add1 = "add_attention",
    .norm2 = "layernorm_after",
    .fc1 = "intermediate.dense",
    .act = "intermediate",
    .fc2 = "output.dense",
    .add2 = "output",
};

// BEiT and data2vec-vision: layer scale as two vectors of the block.
inline constexpr BlockNames kTransformersBeitBlock{
    .norm1 = "layernorm_before",
    .query = "attention.attention.query",
    .key = "attention.attention.key",
    .value = "attention.attention.value",
    .mix = "attention.attention",
    .out = "attention.output.dense",
    .attention = "attention",
    .attention_output = "attention.output",
    .scale1 = "lambda_1.multiply",
    .scale1_weight = "lambda_1",
    .add1 = "add_attention",
    .norm2 = "layernorm_after",
    .fc1 = "intermediate.dense",
    .act = "intermediate",
    .fc2 = "output.dense",
    .mlp = "output",
    .scale2 = "lambda_2.multiply",
    .scale2_weight = "lambda_2",
    .add2 = "add_output",
};

}  // namespace asterism
