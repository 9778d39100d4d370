#include "tokenizer/vocab_txt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "base/file.hpp"
#include "base/json.hpp"
#include "tokenizer/tokenizer_json.hpp"

namespace asterism::tok {
namespace {

constexpr std::array<std::string_view, 8> kTokenizerClasses{
    "BertTokenizer",    "BertTokenizerFast",    "DistilBertTokenizer", "DistilBertTokenizerFast",
    "ElectraTokenizer", "ElectraTokenizerFast", "MobileBertTokenizer", "MobileBertTokenizerFast"};

// The special tokens in the order in which new ones are numbered.
struct SpecialName {
  std::string_view key;
  std::string_view content;  // unless the configuration says otherwise; empty: none
};
constexpr std::array<SpecialName, 7> kSpecialNames{{{"bos_token", ""},
                                                    {"eos_token", ""},
                                                    {"unk_token", "[UNK]"},
                                                    {"sep_token", "[SEP]"},
                                                    {"pad_token", "[PAD]"},
                                                    {"cls_token", "[CLS]"},
                                                    {"mask_token", "[MASK]"}}};

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

std::string_view without_trailing_space(std::string_view line) {
  std::size_t end = line.size();
  while (end > 0) {
    std::size_t last = end - 1;
    while (last > 0 && is_continuation_byte(line[last])) {
      --last;
    }
    if (!unicode::has_flag(decode_utf8(line, last).code_point, unicode::kWhitespace)) {
      break;
    }
    end = last;
  }
  return line.substr(0, end);
}

// One token a line; a token that comes twice has the later line's id.
Result<Vocabulary> read_lines(std::string_view text, const std::string& source) {
  if (!is_well_formed_utf8(text)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected UTF-8 text, one token a line", source));
  }
  std::vector<VocabularyEntry> entries;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    entries.push_back({without_trailing_space(text.substr(begin, end - begin)), static_cast<TokenId>(entries.size())});
    begin = end + 1;
  }
  if (entries.empty()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected one token a line, found an empty file", source));
  }
  return Vocabulary::build(entries, SameText::kLastCounts, source);
}

struct Configuration {
  Json config;  // tokenizer_config.json
  Json map;     // special_tokens_map.json
  std::string config_source;
  std::string map_source;
};

// The configured token for `name`: special_tokens_map.json goes before tokenizer_config.json, where null means none.
Result<std::optional<AddedToken>> special_token(const Configuration& c, const SpecialName& name) {
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

// added_tokens_decoder, in the order of its ids.
Result<void> read_decoder(const Configuration& c, std::vector<AddedToken>& tokens) {
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

Result<void> read_extra_tokens(const Configuration& c, std::vector<AddedToken>& tokens) {
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

Result<Configuration> read_configuration(const std::filesystem::path& folder) {
  Configuration c;
  c.config_source = (folder / "tokenizer_config.json").string();
  c.map_source = (folder / "special_tokens_map.json").string();
  auto config = read_if_there(folder / "tokenizer_config.json");
  auto map = read_if_there(folder / "special_tokens_map.json");
  if (!config || !map) {
    return std::unexpected(config ? map.error() : config.error());
  }
  c.config = std::move(*config);
  c.map = std::move(*map);
  const auto is_bert = names_bert_tokenizer(c.config, c.config_source);
  if (!is_bert) {
    return std::unexpected(is_bert.error());
  }
  if (!*is_bert) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: tokenizer_class: {} is not supported with vocab.txt, expected one of \"{}\"", c.config_source,
                    c.config.at("tokenizer_class").dump(), fmt::join(kTokenizerClasses, "\", \"")));
  }
  return c;
}

// The special tokens by name, and all added tokens in the order of their numbering.
Result<std::vector<AddedToken>> read_tokens(const Configuration& c, std::map<std::string_view, std::string>& contents) {
  std::vector<AddedToken> tokens;
  if (auto decoder = read_decoder(c, tokens); !decoder) {
    return std::unexpected(decoder.error());
  }
  for (const SpecialName& name : kSpecialNames) {
    auto token = special_token(c, name);
    if (!token) {
      return std::unexpected(token.error());
    }
    if (*token) {
      contents[name.key] = (*token)->content;
      add_if_new(std::move(**token), tokens);
    }
  }
  for (const std::string_view key : {"unk_token", "cls_token", "sep_token"}) {
    if (contents[key].empty()) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: expected a text for \"{}\", found none", c.config_source, key));
    }
  }
  if (auto extra = read_extra_tokens(c, tokens); !extra) {
    return std::unexpected(extra.error());
  }
  return tokens;
}

}  // namespace

Result<bool> names_bert_tokenizer(const Json& config, std::string_view source) {
  const auto name = json_find<std::string>(config, "tokenizer_class", source);
  if (!name) {
    return std::unexpected(name.error());
  }
  return !*name || std::ranges::find(kTokenizerClasses, **name) != kTokenizerClasses.end();
}

Result<void> read_normalizer_settings(const Json& config, std::string_view source, BertNormalizerOptions& options) {
  const auto lowercase = json_find<bool>(config, "do_lower_case", source);
  const auto chinese = json_find<bool>(config, "tokenize_chinese_chars", source);
  const auto accents = json_find<bool>(config, "strip_accents", source);
  for (const auto* flag : {&lowercase, &chinese, &accents}) {
    if (!*flag) {
      return std::unexpected(flag->error());
    }
  }
  options.handle_chinese_chars = chinese->value_or(options.handle_chinese_chars);
  if (*lowercase) {
    options.lowercase = **lowercase;
    // Unless told apart, accents go with upper case.
    options.strip_accents = options.lowercase;
  }
  options.strip_accents = accents->value_or(options.strip_accents);
  return {};
}

Result<TokenizerParts> read_vocab_txt(const std::filesystem::path& path) {
  const auto text = read_file(path, kVocabularyFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  auto vocabulary = read_lines(*text, path.string());
  if (!vocabulary) {
    return std::unexpected(vocabulary.error());
  }
  const auto configuration = read_configuration(path.parent_path());
  if (!configuration) {
    return std::unexpected(configuration.error());
  }
  BertNormalizerOptions options;
  const auto settings = read_normalizer_settings(configuration->config, configuration->config_source, options);
  std::map<std::string_view, std::string> contents;
  auto tokens = read_tokens(*configuration, contents);
  if (!settings || !tokens) {
    return std::unexpected(settings ? tokens.error() : settings.error());
  }
  TokenizerParts parts;
  parts.vocabulary = std::move(*vocabulary);
  const TokenId unknown_id = parts.vocabulary.find(contents["unk_token"]);
  if (unknown_id < 0) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("{}: the unknown token \"{}\" is not in the vocabulary", path.string(), contents["unk_token"]),
        "set \"unk_token\" in tokenizer_config.json to one of its tokens");
  }
  parts.model = WordPiece({"##", 100, unknown_id});
  parts.normalizer = {options};
  parts.pre_tokenizer = bert_pre_tokenizer();
  if (auto added = add_tokens(std::move(*tokens), AddedIds::kAssigned, path.string(), parts); !added) {
    return std::unexpected(added.error());
  }
  const auto id_of = [&](std::string_view key) {
    const auto same = [&](const AddedToken& token) { return token.content == contents[key]; };
    return std::ranges::find_if(parts.added_tokens, same)->id;
  };
  parts.frame = {{id_of("cls_token")}, {id_of("sep_token")}};
  return parts;
}

}  // namespace asterism::tok
