// A transformer as encoder: tokenise, batch by tokens, run over the backend's streams, put rows in input order.
#pragma once

#include <memory>

#include "asterism/encoder.hpp"
#include "encoder/encoder_impl.hpp"
#include "encoder/model_layout.hpp"

namespace asterism {

// Reads tokenizer and weights of `layout`; nothing is compiled before the first encode().
Result<std::unique_ptr<Encoder::Impl>> make_text_encoder(const ModelLayout& layout, const EncoderOptions& options);

}  // namespace asterism
