// One pre-norm transformer block, in whatever words a library's checkpoint has for its parts. Private to src/models.
//
//   x = x + scale1 * attention(norm1(x));  x = x + scale2 * mlp(norm2(x))
//
// Source: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words"; layer scale: Touvron et al. 2021. The order of
// operations is that of timm's Block, on which float32 sums depend.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "graph/graph.hpp"

namespace asterism {

// Names of the parts, below the block's path. An empty one is a part that the library has no word for.
struct BlockNames {
  std::string_view norm1 = {};
  // Either one matrix for the three ...
  std::string_view qkv = {};
  std::string_view qkv_weight = {};
  std::string_view qkv_bias = {};
  // ... or three layers.
  std::string_view query = {};
  std::string_view key = {};
  std::string_view value = {};
  std::string_view query_norm = {};
  std::string_view key_norm = {};
  std::string_view mix = {};       // what attention gives before the output layer
  std::string_view mix_norm = {};  // on that
  std::string_view out = {};
  std::string_view attention = {};         // alias of `out`
  std::string_view attention_output = {};  // another
  std::string_view scale1 = {};
  std::string_view scale1_weight = {};
  std::string_view add1 = {};
  std::string_view norm2 = {};
  std::string_view fc1 = {};
  std::string_view act = {};
  std::string_view mlp_norm = {};
  std::string_view fc2 = {};
  std::string_view mlp = {};  // alias of fc2
  std::string_view scale2 = {};
  std::string_view scale2_weight = {};
  std::string_view add2 = {};
};

enum class MlpKind : std::uint8_t {
  kPlain,  // fc2(act(fc1(x)))
  kGated,  // fc2(act(first half of fc1(x)) * second half)
};

// Which of the optional parts a checkpoint has, and the sizes.
struct BlockShape {
  std::int64_t hidden_size = 0;
  std::int64_t head_count = 0;
  std::int64_t mlp_size = 0;  // what fc2 takes
  double epsilon = 1e-6;
  Activation activation = Activation::kGeluErf;
  MlpKind mlp = MlpKind::kPlain;
  bool query_bias = true;  // with one matrix: the bias of all three
  bool key_bias = true;
  bool value_bias = true;
  bool out_bias = true;
  bool mlp_bias = true;
  bool layer_scale = false;
  bool query_key_norm = false;
  bool mix_norm = false;
  bool mlp_norm = false;

  std::int64_t head_dim() const noexcept { return hidden_size / head_count; }
};

// What attention looks at beside the tokens.
struct AttentionContext {
  std::optional<ValueId> bias;     // images: added to the scores
  std::optional<ValueId> offsets;  // packed text: where each text begins
  bool causal = false;             // packed text
};

// x [rows, tokens, hidden], or [tokens, hidden] of packed text. The result has the alias `path`.
ValueId transformer_block(GraphBuilder& builder, const BlockNames& names, const BlockShape& shape,
                          const std::string& path, ValueId x, const AttentionContext& context = {});

// [rows, ..., tokens, heads * d] -> [rows, ..., heads, tokens, d] and back.
ValueId split_heads(GraphBuilder& builder, const std::string& name, ValueId x, std::int64_t head_count);
ValueId merge_heads(GraphBuilder& builder, const std::string& name, ValueId x);

// Swin's blocks cut windows between the norm and attention. Attention from its three inputs to its output layer, on
// normed x [rows, ..., tokens, hidden]:
ValueId attention_layer(GraphBuilder& builder, const BlockNames& names, const BlockShape& shape,
                        const std::string& path, ValueId x, const AttentionContext& context);
// ... and norm2 and the rest of a block, without the alias:
ValueId mlp_branch(GraphBuilder& builder, const BlockNames& names, const BlockShape& shape, const std::string& path,
                   ValueId x);

}  // namespace asterism
