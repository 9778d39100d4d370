// Token ids back to text, as the decoder of the tokenizer's kind does it (WordPiece, ByteLevel, Metaspace).
//
// The file's own "decoder" is not read: the kind follows from the model and the pre-tokenizer, which is what published
// tokenizers pair. Source: tokenizers/src/decoders (behaviour). Thread-safety: pure. Cost: one pass over the tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer_impl.hpp"

namespace asterism::tok {

// `tokens` as the vocabulary spells them.
std::string decode_tokens(const TokenizerParts& parts, const std::vector<std::string_view>& tokens);

}  // namespace asterism::tok
