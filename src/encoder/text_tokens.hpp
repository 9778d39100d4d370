// The two halves of encoding a text, for encoders that have a tokenizer: text to ids, and ids that are given as they
// are.
//
// Thread-safety: any thread; scratch comes from the pool. Cost: a copy of the ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"
#include "encoder/token_window.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {

struct TokenLimits {
  std::size_t vocabulary_size = 0;
  std::size_t token_count_max = 0;  // positions of the model; 0 = no limit
};

// kInvalidArgument names the text, the token and what was expected.
Result<void> check_tokens(std::span<const std::vector<std::uint32_t>> texts, const TokenLimits& limits);

// Room for the vectors of `texts`, with their reports; the values are 0.
Embeddings embeddings_for_tokens(std::span<const std::vector<std::uint32_t>> texts, std::size_t dim);

// `loaded` with what one call changes. kNotFound for a prompt that the model lacks; kUnsupported for another prompt
// than the loaded one when `prompt_is_fixed`.
Result<TokenizeSettings> settings_of_call(const TokenizeSettings& loaded, const TokenizeOptions& options,
                                          const EncoderInfo& info, bool prompt_is_fixed);

std::vector<TokenizedText> tokenize_texts(const Tokenizer& tokenizer, const TokenizeSettings& settings,
                                          std::span<const std::string_view> texts, ScratchPool& scratch);

Result<std::string> decode_ids(const Tokenizer& tokenizer, std::span<const std::uint32_t> ids,
                               bool skip_special_tokens);

std::vector<TokenPiece> pieces_of_text(const Tokenizer& tokenizer, std::string_view text, bool add_special_tokens);

}  // namespace asterism
