#include <limits>
#include <utility>

#include "tokenizer/tokenizer_json.hpp"

namespace asterism::tok {
namespace {

// Past any real checkpoint's vocabulary.
constexpr std::size_t kVocabularySizeMax = std::size_t{1} << 22U;

Result<std::vector<VocabularyEntry>> read_entries(const JsonView& section) {
  simdjson::dom::object object;
  if (section.raw().get(object) != simdjson::SUCCESS) {
    return section.wrong("an object of tokens and ids");
  }
  std::vector<VocabularyEntry> entries;
  for (const auto [text, value] : object) {
    std::int64_t id = 0;
    if (!value.is_int64() || value.get(id) != simdjson::SUCCESS || id < 0 || id >= kTokenIdEnd) {
      const JsonView view(value, section.source(), fmt::format("{}[\"{}\"]", section.path(), text));
      return view.wrong(fmt::format("an id from 0 to {}", kTokenIdEnd - 1));
    }
    entries.push_back({text, static_cast<TokenId>(id)});
  }
  return entries;
}

Result<void> build_vocabulary(const std::vector<VocabularyEntry>& entries, const JsonView& section,
                              TokenizerParts& parts) {
  if (entries.empty()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected at least one token, found none", section.place()));
  }
  if (entries.size() > kVocabularySizeMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: {} tokens, expected at most {}", section.place(), entries.size(), kVocabularySizeMax));
  }
  auto vocabulary = Vocabulary::build(entries, SameText::kRefused, section.place());
  if (!vocabulary) {
    return std::unexpected(vocabulary.error());
  }
  parts.vocabulary = std::move(*vocabulary);
  return {};
}

Result<void> read_wordpiece(const JsonView& section, TokenizerParts& parts) {
  if (auto only =
          section.expect_only({"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
      !only) {
    return only;
  }
  const auto unknown = section.get_string("unk_token");
  const auto prefix = section.get_string("continuing_subword_prefix");
  const auto char_count_max =
      section.get_integer("max_input_chars_per_word", 0, std::numeric_limits<std::int64_t>::max());
  const auto vocab = section.get("vocab");
  for (const auto* text : {&unknown, &prefix}) {
    if (!*text) {
      return std::unexpected(text->error());
    }
  }
  if (!char_count_max || !vocab) {
    return std::unexpected(char_count_max ? vocab.error() : char_count_max.error());
  }
  if (auto read = read_vocabulary_object(*vocab, parts); !read) {
    return read;
  }
  const TokenId unknown_id = parts.vocabulary.find(*unknown);
  if (unknown_id < 0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: the unknown token \"{}\" is not in the vocabulary", section.place(), *unknown),
                "add the token to \"vocab\", or name one of its tokens in \"unk_token\"");
  }
  parts.model = WordPiece({std::string(*prefix), static_cast<std::size_t>(*char_count_max), unknown_id});
  return {};
}

Result<void> read_unigram_vocabulary(const JsonView& section, std::vector<VocabularyEntry>& entries,
                                     std::vector<double>& scores) {
  simdjson::dom::array array;
  if (section.raw().get(array) != simdjson::SUCCESS) {
    return section.wrong("an array of tokens and scores");
  }
  for (const simdjson::dom::element item : array) {
    const JsonView view(item, section.source(), {});
    const auto complain = [&] {
      return JsonView(item, section.source(), fmt::format("{}[{}]", section.path(), entries.size()))
          .wrong("a token's text and score");
    };
    simdjson::dom::array pair;
    if (item.get(pair) != simdjson::SUCCESS || pair.size() != 2) {
      return complain();
    }
    std::string_view text;
    if (pair.at(0).get(text) != simdjson::SUCCESS) {
      return complain();
    }
    const auto score = JsonView(pair.at(1).value_unsafe(), section.source(), {}).as_number();
    if (!score || entries.size() >= static_cast<std::size_t>(kTokenIdEnd)) {
      return complain();
    }
    entries.push_back({text, static_cast<TokenId>(entries.size())});
    scores.push_back(*score);
  }
  return {};
}

Result<void> read_unigram(const JsonView& section, TokenizerParts& parts) {
  if (auto only = section.expect_only({"type", "unk_id", "vocab", "byte_fallback"}); !only) {
    return only;
  }
  const auto vocab = section.get("vocab");
  const auto byte_fallback = section.find_bool("byte_fallback");
  if (!vocab || !byte_fallback) {
    return std::unexpected(vocab ? byte_fallback.error() : vocab.error());
  }
  std::vector<VocabularyEntry> entries;
  std::vector<double> scores;
  if (auto read = read_unigram_vocabulary(*vocab, entries, scores); !read) {
    return read;
  }
  if (auto built = build_vocabulary(entries, *vocab, parts); !built) {
    return built;
  }
  const auto unknown = section.get_integer("unk_id", 0, static_cast<std::int64_t>(scores.size()) - 1);
  if (!unknown) {
    return std::unexpected(unknown.error());
  }
  parts.model.emplace<Unigram>(parts.vocabulary, scores, static_cast<TokenId>(*unknown),
                               byte_fallback->value_or(false));
  return {};
}

}  // namespace

Result<void> read_vocabulary_object(const JsonView& section, TokenizerParts& parts) {
  const auto entries = read_entries(section);
  return entries ? build_vocabulary(*entries, section, parts) : std::unexpected(entries.error());
}

Result<void> read_model(const JsonView& section, TokenizerParts& parts) {
  const auto type = section.find("type");
  if (!type) {
    return std::unexpected(type.error());
  }
  if (!*type) {
    // Files from before the "type" key are told apart by a key that only one model has.
    const auto longest_word = section.find("max_input_chars_per_word");
    const auto merges = section.find("merges");
    if (merges && *merges) {
      return read_bpe(section, parts);
    }
    return longest_word && *longest_word ? read_wordpiece(section, parts)
                                         : std::unexpected(section.get("type").error());
  }
  const auto name = (*type)->as_string();
  if (!name) {
    return std::unexpected(name.error());
  }
  if (*name == "WordPiece") {
    return read_wordpiece(section, parts);
  }
  if (*name == "Unigram") {
    return read_unigram(section, parts);
  }
  if (*name == "BPE") {
    return read_bpe(section, parts);
  }
  return (*type)->unsupported("WordPiece, Unigram or BPE");
}

}  // namespace asterism::tok
