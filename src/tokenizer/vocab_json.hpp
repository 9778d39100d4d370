// vocab.json with merges.txt, read into TokenizerParts as transformers' CLIPTokenizer, RobertaTokenizer and
// GPT2Tokenizer (5.x) would build it.
//
// Which of them is told by tokenizer_config.json's "tokenizer_class", else by config.json's "model_type". Beside it,
// tokenizer_config.json (add_prefix_space, trim_offsets, the special tokens, added_tokens_decoder) and
// special_tokens_map.json are honoured.
#pragma once

#include <filesystem>

#include "tokenizer/tokenizer_impl.hpp"

namespace asterism::tok {

Result<TokenizerParts> read_vocab_json(const std::filesystem::path& folder);

}  // namespace asterism::tok
