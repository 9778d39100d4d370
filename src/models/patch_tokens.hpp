// From an image to tokens: patches, class and register tokens at the front, position embeddings. Private to src/models.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "models/modules.hpp"

namespace asterism {

// A parameter [1, count, hidden] that stands before the patches of every image.
struct PrefixToken {
  std::string parameter;
  std::int64_t count = 1;
};

struct TokenPlan {
  std::string patch_path;    // the convolution: "patch_embed.proj"
  std::string patches_name;  // its result as tokens: "patch_embed"
  std::string result_name;   // alias of the whole: "embeddings"
  PatchConvolution convolution;
  std::vector<PrefixToken> prefix;
  std::string position;  // parameter [1, placed tokens + patches, hidden]; empty = none
  // How many of `prefix`, from the front, the position table has rows for. The others join after it is added.
  std::size_t placed_prefix_count = 0;
  std::optional<ValueId> kept_ids;  // i32 [rows, k]: only these patches go on
  // i32 [rows, patches]: the patch that stands at each place, or the number of patches for the parameter `mask_token`.
  std::optional<ValueId> mask_ids = std::nullopt;
  std::string mask_token = {};
};

// [rows, prefix + patches, hidden]
ValueId patch_tokens(GraphBuilder& builder, const TokenPlan& plan, ValueId image);

// Number of tokens of `prefix`.
std::int64_t prefix_token_count(const std::vector<PrefixToken>& prefix) noexcept;

}  // namespace asterism
