// A transformer as encoder: tokenise, batch by tokens, run over the backend's streams, put rows in input order.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "asterism/encoder.hpp"
#include "encoder/encoder_impl.hpp"
#include "encoder/model_layout.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {

// A transformer, which also takes tokens instead of texts.
class TokenEncoder : public Encoder::Impl {
 public:
  // One text for each list of ids, run as it is: no special tokens are added, nothing is truncated. [texts, dim].
  // kInvalidArgument for an id outside the vocabulary or a list longer than the model's positions.
  virtual Result<std::vector<float>> encode_tokens(std::span<const std::vector<TokenId>> texts) const = 0;
  virtual const Tokenizer& tokenizer() const noexcept = 0;
};

// Reads tokenizer and weights of `layout`; nothing is compiled before the first encode().
Result<std::unique_ptr<TokenEncoder>> make_text_encoder(const ModelLayout& layout, const EncoderOptions& options);

}  // namespace asterism
