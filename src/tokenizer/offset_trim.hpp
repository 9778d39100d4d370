// Offsets without the white space that byte-level tokens begin or end with.
//
// Source: tokenizers/src/pre_tokenizers/byte_level.rs, `process_offsets` (behaviour: counted in characters of the
// input, whatever those are). Thread-safety: pure functions. Cost: linear in the token.
#pragma once

#include <cstddef>
#include <string_view>

#include "tokenizer/tokenizer.hpp"

namespace asterism::tok {

struct OffsetTrim {
  bool add_prefix_space = true;  // a first token's single leading space may not be the input's, and stays
};

enum class TokenPlace : std::uint8_t { kFirst, kLater };

// `token` is the token's text, `input` what the offsets point into.
TokenOffset trim_offset(const OffsetTrim& trim, std::string_view token, TokenPlace place, std::string_view input,
                        TokenOffset offset);

}  // namespace asterism::tok
