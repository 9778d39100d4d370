// Pooling by attention: one learned query looks at all tokens, and an MLP follows. Private to src/models.
//
// Source: Lee et al. 2019, "Set Transformer", PMA; timm's AttentionPoolLatent, the transformers library's
// SiglipMultiheadAttentionPoolingHead.
#pragma once

#include <string>

#include "graph/graph.hpp"
#include "models/transformer_block.hpp"

namespace asterism {

struct PoolHeads {
  ValueId query{};  // [rows, 1, hidden]
  ValueId key{};    // [rows, tokens, hidden]
  ValueId value{};
};

// `names` and `shape`: as of a block; `mix`, `out` and what belongs to the MLP are used. The result is [rows, hidden]
// and has the alias `path`.
ValueId attention_pool(GraphBuilder& builder, const BlockNames& names, const BlockShape& shape, const std::string& path,
                       const PoolHeads& heads);

}  // namespace asterism
