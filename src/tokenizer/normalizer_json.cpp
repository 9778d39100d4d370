#include <array>
#include <functional>
#include <utility>

#include "tokenizer/tokenizer_json.hpp"

namespace asterism::tok {
namespace {

constexpr std::string_view kSupported =
    "BertNormalizer, Lowercase, StripAccents, NFC, NFD, NFKC, NFKD, Strip, Replace, Prepend or Sequence";
constexpr std::string_view kSupportedPatterns = R"(a character or \s, alone or with + or {n,})";
constexpr std::size_t kRunLengthMax = 1000;

Result<NormalizerStep> read_bert(const JsonView& section) {
  if (auto only = section.expect_only({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
      !only) {
    return std::unexpected(only.error());
  }
  const auto clean_text = section.get_bool("clean_text");
  const auto handle_chinese_chars = section.get_bool("handle_chinese_chars");
  const auto strip_accents = section.find_bool("strip_accents");
  const auto lowercase = section.get_bool("lowercase");
  for (const auto* flag : {&clean_text, &handle_chinese_chars, &lowercase}) {
    if (!*flag) {
      return std::unexpected(flag->error());
    }
  }
  if (!strip_accents) {
    return std::unexpected(strip_accents.error());
  }
  return BertNormalizerOptions{*clean_text, *handle_chinese_chars, strip_accents->value_or(*lowercase), *lowercase};
}

// Reads `X`, `X+` or `X{n,}` where X is one character, an escaped sign or \s.
bool parse_run(std::string_view pattern, ReplaceRunStep& step) {
  constexpr std::string_view kSigns = R"(\^$.[]|()?*+{})";
  if (pattern.empty()) {
    return false;
  }
  std::size_t rest = 0;
  if (pattern[0] == '\\') {
    if (pattern.size() < 2) {
      return false;
    }
    step.whitespace = pattern[1] == 's';
    step.character = static_cast<unsigned char>(pattern[1]);
    // A letter behind the backslash is a class or a control character: only \s is known here.
    if (!step.whitespace && !unicode::has_flag(step.character, unicode::kPunctuation)) {
      return false;
    }
    rest = 2;
  } else {
    const DecodedChar c = decode_utf8(pattern, 0);
    if (c.code_point < 128 && kSigns.find(static_cast<char>(c.code_point)) != std::string_view::npos) {
      return false;
    }
    step.character = c.code_point;
    rest = c.size_bytes;
  }
  const std::string_view quantifier = pattern.substr(rest);
  if (quantifier.empty()) {
    step.greedy = false;
    return true;
  }
  if (quantifier == "+") {
    return true;
  }
  if (quantifier.size() < 4 || !quantifier.starts_with('{') || !quantifier.ends_with(",}")) {
    return false;
  }
  step.count_min = 0;
  for (const char digit : quantifier.substr(1, quantifier.size() - 3)) {
    if (digit < '0' || digit > '9' || step.count_min > kRunLengthMax) {
      return false;
    }
    step.count_min = step.count_min * 10 + static_cast<std::size_t>(digit - '0');
  }
  return step.count_min >= 1 && step.count_min <= kRunLengthMax;
}

Result<void> check_inserted(const JsonView& section, std::string_view key, std::string_view text) {
  if (text.size() <= kInsertedSizeBytesMax) {
    return {};
  }
  return fail(ErrorCode::kLimitExceeded, fmt::format("{}.{}: {} bytes long, expected at most {}", section.place(), key,
                                                     text.size(), kInsertedSizeBytesMax));
}

Result<NormalizerStep> read_replace(const JsonView& section) {
  if (auto only = section.expect_only({"type", "pattern", "content"}); !only) {
    return std::unexpected(only.error());
  }
  const auto content = section.get_string("content");
  const auto pattern = section.get("pattern");
  if (!content || !pattern) {
    return std::unexpected(content ? pattern.error() : content.error());
  }
  if (auto checked = check_inserted(section, "content", *content); !checked) {
    return std::unexpected(checked.error());
  }
  const auto spelling = read_pattern(*pattern);
  if (!spelling) {
    return std::unexpected(spelling.error());
  }
  if (!spelling->is_regex) {
    return ReplaceTextStep{std::string(spelling->text), std::string(*content)};
  }
  ReplaceRunStep run;
  if (!parse_run(spelling->text, run)) {
    return spelling->value.unsupported(kSupportedPatterns);
  }
  run.content = *content;
  return run;
}

Result<NormalizerStep> read_strip(const JsonView& section) {
  if (auto only = section.expect_only({"type", "strip_left", "strip_right"}); !only) {
    return std::unexpected(only.error());
  }
  const auto left = section.get_bool("strip_left");
  const auto right = section.get_bool("strip_right");
  if (!left || !right) {
    return std::unexpected(left ? right.error() : left.error());
  }
  return StripStep{*left, *right};
}

Result<NormalizerStep> read_prepend(const JsonView& section) {
  if (auto only = section.expect_only({"type", "prepend"}); !only) {
    return std::unexpected(only.error());
  }
  const auto text = section.get_string("prepend");
  if (!text) {
    return std::unexpected(text.error());
  }
  if (text->empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}.prepend: expected a text that is not empty, found \"\"", section.place()));
  }
  if (auto checked = check_inserted(section, "prepend", *text); !checked) {
    return std::unexpected(checked.error());
  }
  return PrependStep{std::string(*text)};
}

template <typename Step>
Result<NormalizerStep> read_plain(const JsonView& section, Step step) {
  if (auto only = section.expect_only({"type"}); !only) {
    return std::unexpected(only.error());
  }
  return step;
}

Result<NormalizerStep> read_one(const JsonView& section, const JsonView& type, std::string_view name) {
  using unicode::DecompositionKind;
  if (name == "BertNormalizer") {
    return read_bert(section);
  }
  if (name == "Replace") {
    return read_replace(section);
  }
  if (name == "Strip") {
    return read_strip(section);
  }
  if (name == "Prepend") {
    return read_prepend(section);
  }
  if (name == "Lowercase") {
    return read_plain(section, LowercaseStep{});
  }
  if (name == "StripAccents") {
    return read_plain(section, StripAccentsStep{});
  }
  if (name == "NFD" || name == "NFC") {
    return read_plain(section, NormalFormStep{DecompositionKind::kCanonical, name == "NFC"});
  }
  if (name == "NFKD" || name == "NFKC") {
    return read_plain(section, NormalFormStep{DecompositionKind::kCompatible, name == "NFKC"});
  }
  return type.unsupported(kSupported);
}

Result<void> read_into(const JsonView& section, std::vector<NormalizerStep>& steps) {
  const auto type = section.get("type");
  const auto name = section.get_string("type");
  if (!name) {
    return std::unexpected(name.error());
  }
  if (*name != "Sequence") {
    auto step = read_one(section, *type, *name);
    if (!step) {
      return std::unexpected(step.error());
    }
    steps.push_back(std::move(*step));
    return {};
  }
  if (auto only = section.expect_only({"type", "normalizers"}); !only) {
    return only;
  }
  const auto children = section.get_array("normalizers");
  if (!children) {
    return std::unexpected(children.error());
  }
  for (const JsonView& child : *children) {
    if (auto read = read_into(child, steps); !read) {
      return read;
    }
  }
  return {};
}

}  // namespace

Result<std::vector<NormalizerStep>> read_normalizer(const JsonView& section) {
  std::vector<NormalizerStep> steps;
  if (auto read = read_into(section, steps); !read) {
    return std::unexpected(read.error());
  }
  return merge_replacements(std::move(steps));
}

}  // namespace asterism::tok
