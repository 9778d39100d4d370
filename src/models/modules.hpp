// Layers of torch.nn under the path of their module: parameters "PATH.weight" and "PATH.bias", value "PATH". Private to
// src/models.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "graph/graph.hpp"

namespace asterism {

enum class Bias : std::uint8_t { kNo, kYes };

// torch.nn.Linear on the last dimension.
ValueId linear_module(GraphBuilder& builder, const std::string& path, ValueId x, std::int64_t out_size,
                      Bias bias = Bias::kYes);

// torch.nn.LayerNorm on the last dimension.
ValueId layer_norm_module(GraphBuilder& builder, const std::string& path, ValueId x, double epsilon);

struct PatchConvolution {
  std::int64_t out_size = 0;
  std::array<std::int64_t, 2> patch{};  // height, width: kernel and stride
  Bias bias = Bias::kYes;
};
// torch.nn.Conv2d that cuts an image [rows, channels, h, w] into patches.
ValueId patch_convolution_module(GraphBuilder& builder, const std::string& path, ValueId image,
                                 const PatchConvolution& convolution);

// Last dimension of a value; 1 after an error, so that building goes on to finish(), which reports it.
std::int64_t last_dim(const GraphBuilder& builder, ValueId x);

// Token `index` of [rows, tokens, hidden] as [rows, hidden].
ValueId token_at(GraphBuilder& builder, const std::string& name, ValueId tokens, std::int64_t index);

// Mean over the tokens from `begin` on: [rows, hidden].
ValueId mean_of_tokens(GraphBuilder& builder, const std::string& name, ValueId tokens, std::int64_t begin);

}  // namespace asterism
