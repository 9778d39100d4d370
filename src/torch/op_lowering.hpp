// One op on torch. Private to src/torch.
//
// All may throw c10::Error: the caller catches.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <span>

#include "graph/graph.hpp"

namespace asterism {

// Texts of a packed run as rows of one length, for ops that see texts.
struct PaddedTexts {
  std::int64_t text_count = 0;  // without empty ones
  std::int64_t length = 0;      // of the longest
  at::Tensor gather;            // i64 [texts * length]: the token at each place; the text's first where it has none
  at::Tensor scatter;           // i64 [tokens]: the place of each token; 0 for tokens of no text
  at::Tensor absent;            // bool [texts, length]: places without a token
};

struct OpCall {
  const Value& value;
  std::span<const at::Tensor> inputs;
  // Of a batch norm: statistics come from the batch, and the running ones take this share of them.
  std::optional<double> statistics_momentum;
  // Of this run, by the data of the offsets.
  std::map<const void*, PaddedTexts>& texts;
  // Not under autocast, which has its own products.
  bool split_products;
};

// Offsets and ranges are i32 on the CPU; everything else lies where the parameters do.
at::Tensor lower_op(const OpCall& call);
at::Tensor lower_image_op(const OpCall& call);
at::Tensor lower_attention(const OpCall& call);
at::Tensor lower_pool(const OpCall& call);
// softmax(scale * query key^T + bias, hidden places apart) value, over the last two dimensions; `bias` and `hide`
// (bool) may be undefined.
struct AttentionParts {
  at::Tensor query, key, value, bias, hide;
};
at::Tensor attention_of(const AttentionParts& parts, const OpCall& call);

}  // namespace asterism
