// A transformer as encoder: tokenise, batch by tokens, run over the backend's streams, put rows in input order.
#pragma once

#include <memory>

#include "asterism/encoder.hpp"
#include "encoder/encoder_impl.hpp"
#include "encoder/model_layout.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {

// A transformer, whose tokenizer can be looked into.
class TokenEncoder : public Encoder::Impl {
 public:
  virtual const Tokenizer& tokenizer() const noexcept = 0;
};

// Reads tokenizer and weights of `layout`; nothing is compiled before the first encode().
Result<std::unique_ptr<TokenEncoder>> make_text_encoder(const ModelLayout& layout, const EncoderOptions& options);

}  // namespace asterism
