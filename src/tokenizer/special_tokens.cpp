#include "tokenizer/special_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/file.hpp"

namespace asterism::tok {
namespace {

Result<Json> read_if_there(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return Json::object();
  }
  auto document = read_json_file(path);
  if (document && !document->is_object()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a JSON object, found {}", path.string(), document->type_name()));
  }
  return document;
}

// "[MASK]" or {"content": "[MASK]", "lstrip": true, ...}.
Result<AddedToken> read_token(const Json& value, bool special, std::string_view place) {
  AddedToken token;
  token.special = special;
  if (value.is_string()) {
    token.content = value.get<std::string>();
    return token;
  }
  const auto content = json_get<std::string>(value, "content", place);
  if (!content) {
    return std::unexpected(content.error());
  }
  token.content = *content;
  const std::array<std::pair<std::string_view, bool*>, 5> flags{{{"single_word", &token.single_word},
                                                                 {"lstrip", &token.lstrip},
                                                                 {"rstrip", &token.rstrip},
                                                                 {"normalized", &token.normalized},
                                                                 {"special", &token.special}}};
  for (const auto& [key, place_of_flag] : flags) {
    const auto flag = json_find<bool>(value, key, place);
    if (!flag) {
      return std::unexpected(flag.error());
    }
    *place_of_flag = flag->value_or(*place_of_flag);
  }
  token.special = token.special || special;
  return token;
}

// added_tokens_decoder, in the order of its ids.
Result<void> read_decoder(const FolderConfiguration& c, std::vector<AddedToken>& tokens) {
  const auto decoder = c.config.find("added_tokens_decoder");
  if (decoder == c.config.end() || decoder->is_null()) {
    return {};
  }
  if (!decoder->is_object()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: added_tokens_decoder: expected an object, found {}",
                                                 c.config_source, decoder->type_name()));
  }
  std::map<std::uint64_t, AddedToken> by_id;
  for (const auto& [key, value] : decoder->items()) {
    const std::string place = fmt::format("{}: added_tokens_decoder[\"{}\"]", c.config_source, key);
    const bool is_number =
        !key.empty() && key.size() < 10 && std::ranges::all_of(key, [](char d) { return d >= '0' && d <= '9'; });
    if (!is_number) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: expected an id as key", place));
    }
    auto token = read_token(value, false, place);
    if (!token) {
      return std::unexpected(token.error());
    }
    std::uint64_t id = 0;
    std::from_chars(key.data(), key.data() + key.size(), id);
    by_id.emplace(id, std::move(*token));
  }
  for (auto& [id, token] : by_id) {
    tokens.push_back(std::move(token));
  }
  return {};
}

void add_if_new(AddedToken token, std::vector<AddedToken>& tokens) {
  const auto same = [&](const AddedToken& other) { return other.content == token.content; };
  if (std::ranges::none_of(tokens, same)) {
    tokens.push_back(std::move(token));
  }
}

Result<void> read_extra_tokens(const FolderConfiguration& c, std::vector<AddedToken>& tokens) {
  for (const std::string_view key : {"additional_special_tokens", "extra_special_tokens"}) {
    for (const auto& [object, source] : {std::pair{&c.config, &c.config_source}, std::pair{&c.map, &c.map_source}}) {
      const auto list = object->find(key);
      if (list == object->end() || !list->is_array()) {
        continue;
      }
      for (const Json& value : *list) {
        auto token = read_token(value, true, fmt::format("{}: {}", *source, key));
        if (!token) {
          return std::unexpected(token.error());
        }
        add_if_new(std::move(*token), tokens);
      }
    }
  }
  return {};
}

}  // namespace

Result<FolderConfiguration> read_folder_configuration(const std::filesystem::path& folder) {
  FolderConfiguration c;
  c.config_source = (folder / "tokenizer_config.json").string();
  c.map_source = (folder / "special_tokens_map.json").string();
  auto config = read_if_there(folder / "tokenizer_config.json");
  auto map = read_if_there(folder / "special_tokens_map.json");
  if (!config || !map) {
    return std::unexpected(config ? map.error() : config.error());
  }
  c.config = std::move(*config);
  c.map = std::move(*map);
  return c;
}

Result<std::optional<AddedToken>> special_token(const FolderConfiguration& c, const SpecialName& name) {
  for (const auto& [object, source] : {std::pair{&c.map, &c.map_source}, std::pair{&c.config, &c.config_source}}) {
    const auto it = object->find(name.key);
    if (it == object->end()) {
      continue;
    }
    if (it->is_null()) {
      return std::optional<AddedToken>{};
    }
    auto token = read_token(*it, true, fmt::format("{}: {}", *source, name.key));
    if (!token) {
      return std::unexpected(token.error());
    }
    return std::optional(std::move(*token));
  }
  if (name.content.empty()) {
    return std::optional<AddedToken>{};
  }
  AddedToken token;
  token.content = name.content;
  token.special = true;
  return std::optional(std::move(token));
}

Result<SpecialTokens> read_special_tokens(const FolderConfiguration& c, std::span<const SpecialName> names) {
  SpecialTokens result;
  if (auto decoder = read_decoder(c, result.tokens); !decoder) {
    return std::unexpected(decoder.error());
  }
  for (const SpecialName& name : names) {
    auto token = special_token(c, name);
    if (!token) {
      return std::unexpected(token.error());
    }
    if (*token) {
      result.contents[name.key] = (*token)->content;
      add_if_new(std::move(**token), result.tokens);
    }
  }
  if (auto extra = read_extra_tokens(c, result.tokens); !extra) {
    return std::unexpected(extra.error());
  }
  return result;
}

Result<std::string> required_content(const FolderConfiguration& c, const SpecialTokens& tokens, std::string_view key) {
  const auto it = tokens.contents.find(key);
  if (it == tokens.contents.end() || it->second.empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a text for \"{}\", found none", c.config_source, key));
  }
  return it->second;
}

TokenId id_of(const TokenizerParts& parts, std::string_view content) {
  if (content.empty()) {
    return kNoToken;
  }
  const auto same = [&](const AddedToken& token) { return token.content == content; };
  const auto it = std::ranges::find_if(parts.added_tokens, same);
  return it != parts.added_tokens.end() ? it->id : parts.vocabulary.find(content);
}

}  // namespace asterism::tok
