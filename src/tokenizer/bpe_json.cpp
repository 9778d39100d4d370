// The "BPE" model of a tokenizer.json.
#include <algorithm>
#include <utility>

#include "tokenizer/bpe_merges.hpp"
#include "tokenizer/tokenizer_json.hpp"

namespace asterism::tok {
namespace {

// Files from before the pair form skip lines that say which version they are.
constexpr std::string_view kVersionMark = "#version";

Result<std::string> find_string(const JsonView& section, std::string_view key) {
  const auto value = section.find(key);
  if (!value) {
    return std::unexpected(value.error());
  }
  if (!*value) {
    return std::string{};
  }
  const auto text = (*value)->as_string();
  return text ? Result<std::string>(std::string(*text)) : std::unexpected(text.error());
}

Result<bool> find_flag(const JsonView& section, std::string_view key) {
  const auto flag = section.find_bool(key);
  return flag ? Result<bool>(flag->value_or(false)) : std::unexpected(flag.error());
}

// "a b" or ["a", "b"].
bool read_pair(const simdjson::dom::element& item, std::pair<std::string_view, std::string_view>& pair) {
  std::string_view text;
  if (item.get(text) == simdjson::SUCCESS) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
      return false;
    }
    pair = {text.substr(0, space), text.substr(space + 1)};
    return true;
  }
  simdjson::dom::array parts;
  return item.get(parts) == simdjson::SUCCESS && parts.size() == 2 &&
         parts.at(0).get(pair.first) == simdjson::SUCCESS && parts.at(1).get(pair.second) == simdjson::SUCCESS;
}

Result<std::vector<BpeMerge>> read_merges(const JsonView& section, const BpeOptions& options,
                                          const Vocabulary& vocabulary) {
  simdjson::dom::array array;
  if (section.raw().get(array) != simdjson::SUCCESS) {
    return section.wrong("an array of pairs of tokens");
  }
  MergeReader reader(options.continuing_prefix, vocabulary, section.place());
  bool strings = false;
  std::size_t index = 0;
  for (const simdjson::dom::element item : array) {
    const auto view = [&] { return JsonView(item, section.source(), fmt::format("{}[{}]", section.path(), index)); };
    strings = index == 0 ? item.is_string() : strings;
    std::string_view text;
    if (strings && item.get(text) == simdjson::SUCCESS && text.starts_with(kVersionMark)) {
      ++index;
      continue;
    }
    std::pair<std::string_view, std::string_view> pair;
    if (item.is_string() != strings || !read_pair(item, pair)) {
      return view().wrong(strings ? "two tokens with one space between" : "an array of two tokens");
    }
    if (auto added = reader.add(pair.first, pair.second); !added) {
      return std::unexpected(added.error());
    }
    ++index;
  }
  return std::move(reader).take();
}

Result<BpeOptions> read_options(const JsonView& section) {
  BpeOptions options;
  auto prefix = find_string(section, "continuing_subword_prefix");
  auto suffix = find_string(section, "end_of_word_suffix");
  if (!prefix || !suffix) {
    return std::unexpected(prefix ? suffix.error() : prefix.error());
  }
  options.continuing_prefix = std::move(*prefix);
  options.word_suffix = std::move(*suffix);
  const std::initializer_list<std::pair<std::string_view, bool*>> flags{{"fuse_unk", &options.fuse_unknown},
                                                                        {"byte_fallback", &options.byte_fallback},
                                                                        {"ignore_merges", &options.ignore_merges}};
  for (const auto& [key, place] : flags) {
    const auto flag = find_flag(section, key);
    if (!flag) {
      return std::unexpected(flag.error());
    }
    *place = *flag;
  }
  const bool has_affixes = !options.continuing_prefix.empty() || !options.word_suffix.empty();
  if (options.byte_fallback && has_affixes) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: \"byte_fallback\" with a \"continuing_subword_prefix\" or \"end_of_word_suffix\" is not "
                    "supported, expected neither",
                    section.place()));
  }
  return options;
}

// Random merges are for training: zero is none.
Result<void> check_dropout(const JsonView& section) {
  const auto dropout = section.find("dropout");
  if (!dropout || !*dropout) {
    return dropout ? Result<void>{} : std::unexpected(dropout.error());
  }
  const auto rate = (*dropout)->as_number();
  if (!rate) {
    return std::unexpected(rate.error());
  }
  return *rate == 0 ? Result<void>{} : (*dropout)->unsupported("null");
}

}  // namespace

Result<void> read_bpe(const JsonView& section, TokenizerParts& parts) {
  if (auto only =
          section.expect_only({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                               "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
      !only) {
    return only;
  }
  if (auto checked = check_dropout(section); !checked) {
    return checked;
  }
  auto options = read_options(section);
  const auto vocab = section.get("vocab");
  const auto merges = section.get("merges");
  const auto unknown = section.find("unk_token");
  if (!options || !vocab) {
    return std::unexpected(options ? vocab.error() : options.error());
  }
  if (!merges || !unknown) {
    return std::unexpected(merges ? unknown.error() : merges.error());
  }
  if (auto read = read_vocabulary_object(*vocab, parts); !read) {
    return read;
  }
  if (*unknown) {
    const auto text = (*unknown)->as_string();
    if (!text) {
      return std::unexpected(text.error());
    }
    options->unknown_id = parts.vocabulary.find(*text);
    if (options->unknown_id < 0) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: the unknown token \"{}\" is not in the vocabulary", section.place(), *text),
                  "add the token to \"vocab\", or name one of its tokens in \"unk_token\"");
    }
  }
  const auto read = read_merges(*merges, *options, parts.vocabulary);
  if (!read) {
    return std::unexpected(read.error());
  }
  parts.model.emplace<Bpe>(std::move(*options), *read, parts.vocabulary);
  return {};
}

}  // namespace asterism::tok
