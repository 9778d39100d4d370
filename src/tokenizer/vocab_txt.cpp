#include "tokenizer/vocab_txt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/file.hpp"
#include "base/json.hpp"
#include "tokenizer/special_tokens.hpp"
#include "tokenizer/tokenizer_json.hpp"

namespace asterism::tok {
namespace {

constexpr std::array<std::string_view, 8> kTokenizerClasses{
    "BertTokenizer",    "BertTokenizerFast",    "DistilBertTokenizer", "DistilBertTokenizerFast",
    "ElectraTokenizer", "ElectraTokenizerFast", "MobileBertTokenizer", "MobileBertTokenizerFast"};

// In the order in which new ones are numbered.
constexpr std::array<SpecialName, 7> kSpecialNames{{{"bos_token", ""},
                                                    {"eos_token", ""},
                                                    {"unk_token", "[UNK]"},
                                                    {"sep_token", "[SEP]"},
                                                    {"pad_token", "[PAD]"},
                                                    {"cls_token", "[CLS]"},
                                                    {"mask_token", "[MASK]"}}};

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

Result<FolderConfiguration> read_configuration(const std::filesystem::path& folder) {
  auto c = read_folder_configuration(folder);
  if (!c) {
    return c;
  }
  const auto is_bert = names_bert_tokenizer(c->config, c->config_source);
  if (!is_bert) {
    return std::unexpected(is_bert.error());
  }
  if (!*is_bert) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: tokenizer_class: {} is not supported with vocab.txt, expected one of \"{}\"", c->config_source,
                    c->config.at("tokenizer_class").dump(), fmt::join(kTokenizerClasses, "\", \"")));
  }
  return c;
}

// The tokens, with those that the model needs.
Result<SpecialTokens> read_tokens(const FolderConfiguration& c) {
  auto tokens = read_special_tokens(c, kSpecialNames);
  for (const std::string_view key : {"unk_token", "cls_token", "sep_token"}) {
    if (!tokens) {
      break;
    }
    if (const auto content = required_content(c, *tokens, key); !content) {
      return std::unexpected(content.error());
    }
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
  auto tokens = read_tokens(*configuration);
  if (!settings || !tokens) {
    return std::unexpected(settings ? tokens.error() : settings.error());
  }
  TokenizerParts parts;
  parts.vocabulary = std::move(*vocabulary);
  auto& contents = tokens->contents;
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
  if (auto added = add_tokens(std::move(tokens->tokens), AddedIds::kAssigned, path.string(), parts); !added) {
    return std::unexpected(added.error());
  }
  parts.post_processor.frame = {{id_of(parts, contents["cls_token"])}, {id_of(parts, contents["sep_token"])}};
  parts.padding_id = id_of(parts, contents["pad_token"]);
  return parts;
}

}  // namespace asterism::tok
