// The vocabulary of a static model, taken from its teacher's WordPiece tokenizer.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {

struct VocabularyToken {
  TokenId id = 0;         // in the teacher's vocabulary
  bool reachable = true;  // some text makes the tokenizer give it
};

// In the order of their ids: all but "[unusedN]" and the special tokens, of which only padding and unknown stay
// (model2vec's choice: their places count in the frequency weights).
std::vector<VocabularyToken> select_vocabulary(const Tokenizer& tokenizer);

// The teacher's tokenizer.json with only `tokens`, renumbered from 0 in their order: no special tokens around a text,
// no truncation, no padding. kUnsupported when the file is missing or holds another model than WordPiece.
Result<std::string> make_static_tokenizer_json(const std::filesystem::path& teacher_folder, const Tokenizer& tokenizer,
                                               const std::vector<VocabularyToken>& tokens);

}  // namespace asterism
