#include "tokenizer/vocab_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/file.hpp"
#include "base/json.hpp"
#include "tokenizer/bpe_merges.hpp"
#include "tokenizer/special_tokens.hpp"
#include "tokenizer/tokenizer_json.hpp"
#include "tokenizer/vocab_txt.hpp"

namespace asterism::tok {
namespace {

enum class Family : std::uint8_t { kClip, kRoberta, kGpt2 };

struct FamilyName {
  std::string_view name;
  Family family;
};

constexpr std::array<FamilyName, 8> kTokenizerClasses{{{"CLIPTokenizer", Family::kClip},
                                                       {"CLIPTokenizerFast", Family::kClip},
                                                       {"RobertaTokenizer", Family::kRoberta},
                                                       {"RobertaTokenizerFast", Family::kRoberta},
                                                       {"BartTokenizer", Family::kRoberta},
                                                       {"BartTokenizerFast", Family::kRoberta},
                                                       {"GPT2Tokenizer", Family::kGpt2},
                                                       {"GPT2TokenizerFast", Family::kGpt2}}};

constexpr std::array<FamilyName, 5> kModelTypes{{{"clip", Family::kClip},
                                                 {"roberta", Family::kRoberta},
                                                 {"bart", Family::kRoberta},
                                                 {"longformer", Family::kRoberta},
                                                 {"gpt2", Family::kGpt2}}};

// In the order in which new ones are numbered.
constexpr std::array<SpecialName, 7> kClipNames{{{"bos_token", "<|startoftext|>"},
                                                 {"eos_token", "<|endoftext|>"},
                                                 {"unk_token", "<|endoftext|>"},
                                                 {"sep_token", ""},
                                                 {"pad_token", "<|endoftext|>"},
                                                 {"cls_token", ""},
                                                 {"mask_token", ""}}};
constexpr std::array<SpecialName, 7> kRobertaNames{{{"bos_token", "<s>"},
                                                    {"eos_token", "</s>"},
                                                    {"unk_token", "<unk>"},
                                                    {"sep_token", "</s>"},
                                                    {"pad_token", "<pad>"},
                                                    {"cls_token", "<s>"},
                                                    {"mask_token", "<mask>"}}};
constexpr std::array<SpecialName, 7> kGpt2Names{{{"bos_token", "<|endoftext|>"},
                                                 {"eos_token", "<|endoftext|>"},
                                                 {"unk_token", "<|endoftext|>"},
                                                 {"sep_token", ""},
                                                 {"pad_token", ""},
                                                 {"cls_token", ""},
                                                 {"mask_token", ""}}};

std::span<const SpecialName> names_of(Family family) {
  switch (family) {
    case Family::kClip:
      return kClipNames;
    case Family::kRoberta:
      return kRobertaNames;
    case Family::kGpt2:
      break;
  }
  return kGpt2Names;
}

template <std::size_t Count>
Result<Family> choose(const std::array<FamilyName, Count>& known, std::string_view name, std::string_view place) {
  const auto it = std::ranges::find(known, name, &FamilyName::name);
  if (it != known.end()) {
    return it->family;
  }
  std::string expected;
  for (const FamilyName& one : known) {
    expected += fmt::format("{}\"{}\"", expected.empty() ? "" : ", ", one.name);
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: \"{}\" is not supported with vocab.json, expected one of {}", place, name, expected));
}

Result<Family> read_family(const std::filesystem::path& folder, const FolderConfiguration& c) {
  const auto named = json_find<std::string>(c.config, "tokenizer_class", c.config_source);
  if (!named) {
    return std::unexpected(named.error());
  }
  if (*named) {
    return choose(kTokenizerClasses, **named, c.config_source + ": tokenizer_class");
  }
  const std::filesystem::path path = folder / "config.json";
  const auto config = read_json_file(path);
  if (!config) {
    return std::unexpected(config.error());
  }
  const auto type = json_get<std::string>(*config, "model_type", path.string());
  return type ? choose(kModelTypes, *type, path.string() + ": model_type") : std::unexpected(type.error());
}

Result<void> read_vocabulary(const std::filesystem::path& path, TokenizerParts& parts) {
  const auto text = read_file(path, kVocabularyFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  const auto document = JsonDocument::parse(*text, path.string());
  return document ? read_vocabulary_object(document->root(), parts) : std::unexpected(document.error());
}

// "a b" a line; lines that begin with #version are left out.
Result<std::vector<BpeMerge>> read_merges(const std::filesystem::path& path, const Vocabulary& vocabulary) {
  const auto text = read_file(path, kVocabularyFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  const std::string_view all = *text;
  if (!is_well_formed_utf8(all)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected UTF-8 text, two tokens a line", path.string()));
  }
  MergeReader reader({}, vocabulary, path.string());
  std::size_t number = 1;
  for (std::size_t begin = 0; begin < all.size(); ++number) {
    const std::size_t end = std::min(all.find('\n', begin), all.size());
    std::string_view line = all.substr(begin, end - begin);
    begin = end + 1;
    if (end < all.size() && line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (line.starts_with("#version")) {
      continue;
    }
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: line {}: expected two tokens with one space between, found \"{}\"", path.string(),
                              number, line));
    }
    if (auto added = reader.add(line.substr(0, space), line.substr(space + 1)); !added) {
      return std::unexpected(added.error());
    }
  }
  return std::move(reader).take();
}

struct Settings {
  bool add_prefix_space = false;
  bool trim_offsets = true;
};

Result<Settings> read_settings(const FolderConfiguration& c) {
  Settings settings;
  bool adds_bos = false;
  bool adds_eos = false;
  const std::array<std::pair<std::string_view, bool*>, 4> flags{{{"add_prefix_space", &settings.add_prefix_space},
                                                                 {"trim_offsets", &settings.trim_offsets},
                                                                 {"add_bos_token", &adds_bos},
                                                                 {"add_eos_token", &adds_eos}}};
  for (const auto& [key, place] : flags) {
    const auto flag = json_find<bool>(c.config, key, c.config_source);
    if (!flag) {
      return std::unexpected(flag.error());
    }
    *place = flag->value_or(*place);
  }
  if (adds_bos || adds_eos) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: {} is true, which is not supported with vocab.json", c.config_source,
                            adds_bos ? "add_bos_token" : "add_eos_token"),
                "save the tokenizer with transformers, which writes tokenizer.json");
  }
  return settings;
}

// The steps before the model and after it.
Result<void> build_steps(Family family, const FolderConfiguration& c, const SpecialTokens& tokens,
                         TokenizerParts& parts) {
  const bool is_clip = family == Family::kClip;
  const auto settings = read_settings(c);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  if (is_clip) {
    parts.normalizer = {NormalFormStep{unicode::DecompositionKind::kCanonical, true},
                        ReplaceRunStep{.whitespace = true, .content = " "}, LowercaseStep{}};
    parts.pre_tokenizer = {PatternSplitStep{WordPattern::kClipMarked, SplitBehavior::kRemoved, SplitAt::kGaps}};
  }
  parts.pre_tokenizer.emplace_back(ByteLevelStep{!is_clip && settings->add_prefix_space, true});
  if (family == Family::kGpt2) {
    return {};
  }
  const auto before = required_content(c, tokens, is_clip ? "bos_token" : "cls_token");
  const auto after = required_content(c, tokens, is_clip ? "eos_token" : "sep_token");
  if (!before || !after) {
    return std::unexpected(before ? after.error() : before.error());
  }
  parts.post_processor.frame = {{id_of(parts, *before)}, {id_of(parts, *after)}};
  if (!is_clip && settings->trim_offsets) {
    parts.post_processor.trim = OffsetTrim{settings->add_prefix_space};
  }
  return {};
}

}  // namespace

Result<TokenizerParts> read_vocab_json(const std::filesystem::path& folder) {
  const auto configuration = read_folder_configuration(folder);
  if (!configuration) {
    return std::unexpected(configuration.error());
  }
  const auto family = read_family(folder, *configuration);
  if (!family) {
    return std::unexpected(family.error());
  }
  TokenizerParts parts;
  if (auto read = read_vocabulary(folder / "vocab.json", parts); !read) {
    return std::unexpected(read.error());
  }
  auto tokens = read_special_tokens(*configuration, names_of(*family));
  const auto merges = read_merges(folder / "merges.txt", parts.vocabulary);
  if (!tokens || !merges) {
    return std::unexpected(tokens ? merges.error() : tokens.error());
  }
  BpeOptions options;
  if (*family == Family::kClip) {
    const auto unknown = required_content(*configuration, *tokens, "unk_token");
    if (!unknown) {
      return std::unexpected(unknown.error());
    }
    options.word_suffix = "</w>";
    options.unknown_id = parts.vocabulary.find(*unknown);
    if (options.unknown_id < 0) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: the unknown token \"{}\" is not in the vocabulary", (folder / "vocab.json").string(),
                              *unknown),
                  "set \"unk_token\" in tokenizer_config.json to one of its tokens");
    }
  }
  parts.model.emplace<Bpe>(std::move(options), *merges, parts.vocabulary);
  if (auto added = add_tokens(std::move(tokens->tokens), AddedIds::kAssigned, folder.string(), parts); !added) {
    return std::unexpected(added.error());
  }
  if (auto built = build_steps(*family, *configuration, *tokens, parts); !built) {
    return std::unexpected(built.error());
  }
  parts.padding_id = id_of(parts, tokens->contents["pad_token"]);
  return parts;
}

}  // namespace asterism::tok
