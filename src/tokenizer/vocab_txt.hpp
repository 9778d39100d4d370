// A BERT vocabulary file, read into TokenizerParts as transformers' BertTokenizer (5.x) would build it.
//
// Beside it, tokenizer_config.json (do_lower_case, strip_accents, tokenize_chinese_chars, the special tokens,
// added_tokens_decoder) and special_tokens_map.json are honoured; never_split has no effect, as in the original.
#pragma once

#include <filesystem>

#include "base/json.hpp"
#include "tokenizer/tokenizer_impl.hpp"

namespace asterism::tok {

inline constexpr std::size_t kVocabularyFileSizeBytesMax = std::size_t{64} << 20U;

Result<TokenizerParts> read_vocab_txt(const std::filesystem::path& path);

// Whether a tokenizer_config.json speaks of a BERT tokenizer (or of none in particular).
Result<bool> names_bert_tokenizer(const Json& config, std::string_view source);
// Applies do_lower_case, strip_accents and tokenize_chinese_chars where they are present.
Result<void> read_normalizer_settings(const Json& config, std::string_view source, BertNormalizerOptions& options);

}  // namespace asterism::tok
