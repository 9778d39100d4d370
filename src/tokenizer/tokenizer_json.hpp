// tokenizer.json of the `tokenizers` package, read into TokenizerParts.
//
// Everything that could change a result is either implemented or refused by name; "decoder", the pair template and all
// of "padding" but its token are known and have no effect on one text.
#pragma once

#include <string_view>

#include "tokenizer/json_view.hpp"
#include "tokenizer/tokenizer_impl.hpp"

namespace asterism::tok {

Result<TokenizerParts> read_tokenizer_json(std::string_view text, std::string_view source);

// The sections, each with its own file of code.
Result<std::vector<NormalizerStep>> read_normalizer(const JsonView& section);
Result<std::vector<PreTokenizerStep>> read_pre_tokenizer(const JsonView& section);
Result<PostProcessor> read_post_processor(const JsonView& section);
Result<void> read_model(const JsonView& section, TokenizerParts& parts);
Result<void> read_bpe(const JsonView& section, TokenizerParts& parts);

// What Replace and Split look for: {"String": "..."} or {"Regex": "..."}, not empty.
struct PatternText {
  JsonView value;
  std::string_view text;
  bool is_regex;
};
Result<PatternText> read_pattern(const JsonView& section);

// Fills parts.vocabulary; `section` is an object of tokens and ids.
Result<void> read_vocabulary_object(const JsonView& section, TokenizerParts& parts);

// Whether added tokens come with ids to be checked.
enum class AddedIds : std::uint8_t { kDeclared, kAssigned };
// Gives added tokens the ids that the original gives them; kMismatch where that is not the declared one, or is taken.
Result<void> add_tokens(std::vector<AddedToken> tokens, AddedIds ids, std::string_view place, TokenizerParts& parts);

// What must hold between the parts before they may run.
Result<void> check_parts(const TokenizerParts& parts, std::string_view source);

// The steps of BertPreTokenizer.
std::vector<PreTokenizerStep> bert_pre_tokenizer();

}  // namespace asterism::tok
