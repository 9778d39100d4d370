#include <array>
#include <utility>

#include "tokenizer/tokenizer_json.hpp"

namespace asterism::tok {
namespace {

constexpr std::string_view kSupported =
    "BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, Metaspace, ByteLevel, Split or Sequence";
constexpr std::string_view kSupportedPatterns =
    "the word pattern of GPT-2, CLIP, Llama 3 or Qwen 2, or a \"String\" pattern";

constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kBehaviors{
    {{"Removed", SplitBehavior::kRemoved},
     {"Isolated", SplitBehavior::kIsolated},
     {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
     {"MergedWithNext", SplitBehavior::kMergedWithNext},
     {"Contiguous", SplitBehavior::kContiguous}}};

constexpr std::array<std::pair<std::string_view, MetaspaceStep::Prepend>, 3> kPrepends{
    {{"always", MetaspaceStep::Prepend::kAlways},
     {"first", MetaspaceStep::Prepend::kFirst},
     {"never", MetaspaceStep::Prepend::kNever}}};

// The value that `names` has for the string at `key`; `fallback` where the key is missing.
template <typename T, std::size_t Count>
Result<T> read_choice(const JsonView& section, std::string_view key,
                      const std::array<std::pair<std::string_view, T>, Count>& names, T fallback) {
  const auto value = section.find(key);
  if (!value) {
    return std::unexpected(value.error());
  }
  if (!*value) {
    return fallback;
  }
  const auto text = (*value)->as_string();
  if (!text) {
    return std::unexpected(text.error());
  }
  std::string expected;
  for (const auto& [name, choice] : names) {
    if (*text == name) {
      return choice;
    }
    expected += fmt::format("{}\"{}\"", expected.empty() ? "" : ", ", name);
  }
  return (*value)->unsupported("one of " + expected);
}

Result<void> read_metaspace(const JsonView& section, std::vector<PreTokenizerStep>& steps) {
  if (auto only =
          section.expect_only({"type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"});
      !only) {
    return only;
  }
  const auto replacement = section.get("replacement");
  const auto text = section.get_string("replacement");
  const auto prepend = read_choice(section, "prepend_scheme", kPrepends, MetaspaceStep::Prepend::kAlways);
  const auto split = section.find_bool("split");
  const auto add_prefix_space = section.find_bool("add_prefix_space");
  if (!text) {
    return std::unexpected(text.error());
  }
  if (!prepend) {
    return std::unexpected(prepend.error());
  }
  if (!split || !add_prefix_space) {
    return std::unexpected(split ? add_prefix_space.error() : split.error());
  }
  if (text->empty() || decode_utf8(*text, 0).size_bytes != text->size()) {
    return replacement->wrong("one character");
  }
  if (!add_prefix_space->value_or(true) && *prepend != MetaspaceStep::Prepend::kNever) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"add_prefix_space\" is false, expected the \"prepend_scheme\" \"never\" with it",
                            section.place()));
  }
  steps.emplace_back(MetaspaceStep{decode_utf8(*text, 0).code_point, *prepend, split->value_or(true)});
  return {};
}

// The offsets are the post-processor's to trim: "trim_offsets" has no effect here.
Result<void> read_byte_level(const JsonView& section, std::vector<PreTokenizerStep>& steps) {
  if (auto only = section.expect_only({"type", "add_prefix_space", "trim_offsets", "use_regex"}); !only) {
    return only;
  }
  const auto add_prefix_space = section.get_bool("add_prefix_space");
  const auto trim_offsets = section.get_bool("trim_offsets");
  const auto use_regex = section.find_bool("use_regex");
  for (const auto* flag : {&add_prefix_space, &trim_offsets}) {
    if (!*flag) {
      return std::unexpected(flag->error());
    }
  }
  if (!use_regex) {
    return std::unexpected(use_regex.error());
  }
  steps.emplace_back(ByteLevelStep{*add_prefix_space, use_regex->value_or(true)});
  return {};
}

Result<void> read_split(const JsonView& section, std::vector<PreTokenizerStep>& steps) {
  if (auto only = section.expect_only({"type", "pattern", "behavior", "invert"}); !only) {
    return only;
  }
  const auto pattern = section.get("pattern");
  const auto named = section.get("behavior");
  const auto behavior = read_choice(section, "behavior", kBehaviors, SplitBehavior::kIsolated);
  const auto invert = section.get_bool("invert");
  if (!pattern || !named) {
    return std::unexpected(pattern ? named.error() : pattern.error());
  }
  if (!behavior || !invert) {
    return std::unexpected(behavior ? invert.error() : behavior.error());
  }
  const SplitAt at = *invert ? SplitAt::kGaps : SplitAt::kMatches;
  const auto spelling = read_pattern(*pattern);
  if (!spelling) {
    return std::unexpected(spelling.error());
  }
  if (!spelling->is_regex) {
    steps.emplace_back(TextSplitStep{std::string(spelling->text), *behavior, at});
    return {};
  }
  const auto known = find_word_pattern(spelling->text);
  if (!known) {
    return spelling->value.unsupported(kSupportedPatterns);
  }
  steps.emplace_back(PatternSplitStep{*known, *behavior, at});
  return {};
}

Result<void> read_into(const JsonView& section, std::vector<PreTokenizerStep>& steps) {
  const auto type = section.get("type");
  const auto name = section.get_string("type");
  if (!name) {
    return std::unexpected(name.error());
  }
  if (*name == "Metaspace") {
    return read_metaspace(section, steps);
  }
  if (*name == "ByteLevel") {
    return read_byte_level(section, steps);
  }
  if (*name == "Split") {
    return read_split(section, steps);
  }
  if (*name == "Punctuation") {
    const auto behavior = read_choice(section, "behavior", kBehaviors, SplitBehavior::kIsolated);
    if (!behavior) {
      return std::unexpected(behavior.error());
    }
    steps.emplace_back(SplitStep{SplitClass::kPunctuation, *behavior});
    return section.expect_only({"type", "behavior"});
  }
  if (*name == "Sequence") {
    const auto children = section.get_array("pretokenizers");
    if (!children) {
      return std::unexpected(children.error());
    }
    for (const JsonView& child : *children) {
      if (auto read = read_into(child, steps); !read) {
        return read;
      }
    }
    return section.expect_only({"type", "pretokenizers"});
  }
  if (*name == "BertPreTokenizer") {
    for (PreTokenizerStep& step : bert_pre_tokenizer()) {
      steps.push_back(step);
    }
  } else if (*name == "Whitespace") {
    steps.emplace_back(WordRunsStep{});
  } else if (*name == "WhitespaceSplit") {
    steps.emplace_back(SplitStep{SplitClass::kWhitespace, SplitBehavior::kRemoved});
  } else {
    return type->unsupported(kSupported);
  }
  return section.expect_only({"type"});
}

}  // namespace

std::vector<PreTokenizerStep> bert_pre_tokenizer() {
  return {SplitStep{SplitClass::kWhitespace, SplitBehavior::kRemoved},
          SplitStep{SplitClass::kPunctuation, SplitBehavior::kIsolated}};
}

Result<std::vector<PreTokenizerStep>> read_pre_tokenizer(const JsonView& section) {
  std::vector<PreTokenizerStep> steps;
  if (auto read = read_into(section, steps); !read) {
    return std::unexpected(read.error());
  }
  return steps;
}

}  // namespace asterism::tok
