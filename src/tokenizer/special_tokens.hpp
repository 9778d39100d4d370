// The special and added tokens that tokenizer_config.json and special_tokens_map.json name beside a vocabulary, in the
// order in which transformers (5.x) numbers new ones.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "tokenizer/tokenizer_impl.hpp"

namespace asterism::tok {

struct FolderConfiguration {
  Json config;  // tokenizer_config.json; an empty object where there is none
  Json map;     // special_tokens_map.json; the same
  std::string config_source;
  std::string map_source;
};

Result<FolderConfiguration> read_folder_configuration(const std::filesystem::path& folder);

struct SpecialName {
  std::string_view key;
  std::string_view content;  // unless the configuration says otherwise; empty: none
};

// The configured token for `name`: special_tokens_map.json goes before tokenizer_config.json, where null means none.
Result<std::optional<AddedToken>> special_token(const FolderConfiguration& c, const SpecialName& name);

struct SpecialTokens {
  std::vector<AddedToken> tokens;                    // all, in the order of their numbering
  std::map<std::string_view, std::string> contents;  // by the names that were asked for
};

// `names` in the order in which new ones are numbered; they must outlive the result.
Result<SpecialTokens> read_special_tokens(const FolderConfiguration& c, std::span<const SpecialName> names);

// The text of a special token that the tokenizer cannot do without.
Result<std::string> required_content(const FolderConfiguration& c, const SpecialTokens& tokens, std::string_view key);

// Of an added token or of one in the vocabulary; -1 when there is none.
TokenId id_of(const TokenizerParts& parts, std::string_view content);

}  // namespace asterism::tok
