// A BERT vocabulary file, read into TokenizerParts as transformers' BertTokenizer (5.x) would build it.
//
// Beside it, tokenizer_config.json (do_lower_case, strip_accents, tokenize_chinese_chars, the special tokens,
// added_tokens_decoder) and special_tokens_map.json are honoured; never_split has no effect, as in the original.
#pragma once

#include <filesystem>

#include "tokenizer/tokenizer_impl.hpp"

namespace asterism::tok {

inline constexpr std::size_t kVocabularyFileSizeBytesMax = std::size_t{64} << 20U;

Result<TokenizerParts> read_vocab_txt(const std::filesystem::path& path);

}  // namespace asterism::tok
