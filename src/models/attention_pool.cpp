#include "models/attention_pool.hpp"

#include <fmt/format.h>

#include <cmath>

#include "models/modules.hpp"

namespace asterism {

ValueId attention_pool(GraphBuilder& builder, const BlockNames& names, const BlockShape& shape, const std::string& path,
                       const PoolHeads& heads) {
  const std::string mix = fmt::format("{}.{}", path, names.mix);
  ScaledDotProductInputs inputs;
  inputs.query = split_heads(builder, mix + ".query_heads", heads.query, shape.head_count);
  inputs.key = split_heads(builder, mix + ".key_heads", heads.key, shape.head_count);
  inputs.value = split_heads(builder, mix + ".value_heads", heads.value, shape.head_count);
  const double scale = 1.0 / std::sqrt(static_cast<double>(shape.head_dim()));
  const ValueId mixed = merge_heads(builder, mix, builder.scaled_dot_product(mix + ".heads", inputs, scale));
  const std::string out_path = fmt::format("{}.{}", path, names.out);
  const ValueId out = linear_module(builder, out_path, mixed, shape.hidden_size);
  if (!names.attention.empty()) {
    builder.alias(fmt::format("{}.{}", path, names.attention), out);
  }
  const ValueId refined = mlp_branch(builder, names, shape, path, out);
  return token_at(builder, path, refined, 0);
}

}  // namespace asterism
