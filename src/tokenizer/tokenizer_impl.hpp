// What a Tokenizer holds: filled by the loaders (tokenizer_json.cpp, vocab_txt.cpp), read by tokenizer.cpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "tokenizer/added_tokens.hpp"
#include "tokenizer/bert_path.hpp"
#include "tokenizer/bpe.hpp"
#include "tokenizer/byte_path.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/offset_trim.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/unigram.hpp"
#include "tokenizer/vocabulary.hpp"
#include "tokenizer/wordpiece.hpp"

namespace asterism::tok {

// What the post-processor puts around the tokens of one text.
struct SpecialFrame {
  std::vector<TokenId> before;
  std::vector<TokenId> after;
};

struct PostProcessor {
  SpecialFrame frame;
  std::optional<OffsetTrim> trim;
};

// A tokenizer as a file describes it, before it is made ready to run.
struct TokenizerParts {
  Vocabulary vocabulary;
  std::variant<std::monostate, WordPiece, Unigram, Bpe> model;
  std::vector<AddedToken> added_tokens;  // ids as the original assigns them
  std::vector<NormalizerStep> normalizer;
  std::vector<PreTokenizerStep> pre_tokenizer;
  PostProcessor post_processor;
  TokenId padding_id = kNoToken;
  std::size_t token_count_max = 0;
};

}  // namespace asterism::tok

namespace asterism {

struct Tokenizer::Impl {
  explicit Impl(tok::TokenizerParts parts_in);

  tok::TokenizerParts parts;
  tok::AddedTokenFinder raw_finder;         // tokens looked for before normalisation
  tok::AddedTokenFinder normalized_finder;  // and after
  std::map<std::string, TokenId, std::less<>> added_ids;
  std::unordered_map<TokenId, std::size_t> added_by_id;  // index into parts.added_tokens
  std::size_t id_end = 0;
  std::optional<tok::BertPath> bert_path;
  std::optional<tok::BytePath> byte_path;
  // Its address tells a scratch whose words it remembers; shared, so that no later tokenizer can have it meanwhile.
  std::shared_ptr<const int> identity = std::make_shared<const int>(0);
};

}  // namespace asterism
