#include "train/static_vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/file.hpp"
#include "base/json.hpp"

namespace asterism {
namespace {

constexpr std::string_view kContinuation = "##";
constexpr std::string_view kUnusedPrefix = "[unused";
constexpr std::string_view kPadding = "[PAD]";

// Keys sorted by a tree: a vocabulary of tens of thousands of keys must not be searched from the front for each.
using TreeJson = nlohmann::json;

bool is_unused(std::string_view token) {
  if (!token.starts_with(kUnusedPrefix) || !token.ends_with("]")) {
    return false;
  }
  const std::string_view number = token.substr(kUnusedPrefix.size(), token.size() - kUnusedPrefix.size() - 1);
  return !number.empty() && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view without_continuation(std::string_view token) {
  return token.starts_with(kContinuation) ? token.substr(kContinuation.size()) : token;
}

// A word that goes on with the token: if the tokenizer cuts it or changes its letters, no word ever does.
bool continues_a_word(const Tokenizer& tokenizer, std::string_view rest) {
  std::string word = "a";
  word += rest;
  const Encoding encoding = tokenizer.encode(word, {.add_special_tokens = false});
  std::string spelled;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const std::string_view piece = tokenizer.token(encoding.ids[i]);
    if (encoding.ids[i] == tokenizer.unknown_id()) {
      return true;  // the pieces of this word are missing, those of another may be there
    }
    if (i > 0 && !piece.starts_with(kContinuation)) {
      return false;
    }
    spelled += i == 0 ? piece : without_continuation(piece);
  }
  return spelled == word;
}

bool is_reachable(const Tokenizer& tokenizer, TokenId id) {
  const std::string_view token = tokenizer.token(id);
  if (id == tokenizer.unknown_id()) {
    return true;
  }
  if (token.size() > kContinuation.size() && token.starts_with(kContinuation)) {
    return continues_a_word(tokenizer, without_continuation(token));
  }
  const Encoding encoding = tokenizer.encode(token, {.add_special_tokens = false});
  return encoding.ids.size() == 1 && encoding.ids.front() == id;
}

Result<TreeJson> read_tokenizer_json(const std::filesystem::path& path) {
  auto text = read_file(path, kJsonFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  try {
    TreeJson json = TreeJson::parse(*text);
    const bool word_piece = json.is_object() && json.contains("model") && json["model"].is_object() &&
                            json["model"].value("type", "WordPiece") == "WordPiece";
    if (!word_piece) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: expected a WordPiece tokenizer, found another", path.string()),
                  "distil from a BERT-like teacher");
    }
    return json;
  } catch (const TreeJson::exception& e) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected JSON, found {}", path.string(), e.what()));
  }
}

std::string member(const TreeJson& object, const char* key) {
  return object.contains(key) ? object[key].dump() : "null";
}

}  // namespace

std::vector<VocabularyToken> select_vocabulary(const Tokenizer& tokenizer) {
  std::vector<VocabularyToken> tokens;
  for (std::size_t i = 0; i < tokenizer.vocabulary_size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const std::string_view text = tokenizer.token(id);
    const bool kept_special = id == tokenizer.unknown_id() || text == kPadding;
    if (text.empty() || is_unused(text) || (tokenizer.is_special(id) && !kept_special)) {
      continue;
    }
    tokens.push_back({.id = id, .reachable = text != kPadding && is_reachable(tokenizer, id)});
  }
  return tokens;
}

Result<std::string> make_static_tokenizer_json(const std::filesystem::path& teacher_folder, const Tokenizer& tokenizer,
                                               const std::vector<VocabularyToken>& tokens) {
  auto teacher = read_tokenizer_json(teacher_folder / "tokenizer.json");
  if (!teacher) {
    return std::unexpected(teacher.error());
  }
  try {
    TreeJson model = (*teacher)["model"];
    model.erase("vocab");
    model["type"] = "WordPiece";
    std::string vocabulary;
    std::string added = "[";
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::string text(tokenizer.token(tokens[i].id));
      vocabulary += fmt::format("{}{}:{}", i == 0 ? "" : ",", TreeJson(text).dump(), i);
      if (tokens[i].id == tokenizer.unknown_id() || text == kPadding) {
        added += fmt::format(
            R"({}{{"id":{},"content":{},"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}})",
            added.size() == 1 ? "" : ",", i, TreeJson(text).dump());
      }
    }
    std::string settings = model.dump();
    settings.pop_back();
    return fmt::format(
        R"({{"version":"1.0","truncation":null,"padding":null,"added_tokens":{}],"normalizer":{},"pre_tokenizer":{},)"
        R"("post_processor":null,"decoder":{},"model":{},"vocab":{{{}}}}}}})",
        added, member(*teacher, "normalizer"), member(*teacher, "pre_tokenizer"), member(*teacher, "decoder"), settings,
        vocabulary);
  } catch (const TreeJson::exception& e) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: {}", (teacher_folder / "tokenizer.json").string(), e.what()));
  }
}

}  // namespace asterism
