#include "tokenizer/pre_tokenizer.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "tokenizer/byte_level.hpp"
#include "tokenizer/unicode.hpp"

namespace asterism::tok {
namespace {

// Collects the parts of one segment according to the behaviour. Parts come in order and cover the segment.
class PartJoiner {
 public:
  PartJoiner(SplitBehavior behavior, std::vector<Segment>& out) : behavior_(behavior), out_(out), first_(out.size()) {}

  void add(std::uint32_t begin, std::uint32_t end, bool separates) {
    if (begin == end) {
      return;
    }
    if (behavior_ == SplitBehavior::kRemoved) {
      if (!separates) {
        out_.push_back({begin, end, kNoToken});
      }
      return;
    }
    if (out_.size() > first_ && joins(separates)) {
      out_.back().end = end;
    } else {
      out_.push_back({begin, end, kNoToken});
    }
    last_separates_ = separates;
  }

 private:
  bool joins(bool separates) const {
    switch (behavior_) {
      case SplitBehavior::kContiguous:
        return separates == last_separates_;
      case SplitBehavior::kMergedWithPrevious:
        return separates && !last_separates_;
      case SplitBehavior::kMergedWithNext:
        return !separates && last_separates_;
      case SplitBehavior::kIsolated:
      case SplitBehavior::kRemoved:
        break;
    }
    return false;
  }

  SplitBehavior behavior_;
  std::vector<Segment>& out_;
  std::size_t first_;
  bool last_separates_ = false;
};

// Cuts `segment` at every character for which separates(code_point) holds.
template <typename Separates>
void split_at(const std::string& bytes, Segment segment, SplitBehavior behavior, Separates&& separates,
              std::vector<Segment>& out) {
  PartJoiner parts(behavior, out);
  std::uint32_t done = segment.begin;
  for (std::uint32_t i = segment.begin; i < segment.end;) {
    const DecodedChar c = decode_utf8(bytes, i);
    const std::uint32_t next = i + c.size_bytes;
    if (separates(c.code_point)) {
      parts.add(done, i, false);
      parts.add(i, next, true);
      done = next;
    }
    i = next;
  }
  parts.add(done, segment.end, false);
}

std::string_view bytes_of(const AlignedText& text, Segment segment) {
  return std::string_view(text.bytes).substr(segment.begin, segment.end - segment.begin);
}

void cut(const PatternSplitStep& step, const AlignedText& text, Segment segment, PreTokenizeState& state) {
  PartJoiner parts(step.behavior, state.text.segments);
  each_match(step.pattern, bytes_of(text, segment), [&](std::size_t begin, std::size_t end, bool matches) {
    parts.add(segment.begin + static_cast<std::uint32_t>(begin), segment.begin + static_cast<std::uint32_t>(end),
              matches == (step.at == SplitAt::kMatches));
  });
}

void cut(const TextSplitStep& step, const AlignedText& text, Segment segment, PreTokenizeState& state) {
  PartJoiner parts(step.behavior, state.text.segments);
  const bool separates = step.at == SplitAt::kMatches;
  const std::string_view bytes = bytes_of(text, segment);
  const auto place = [&](std::size_t i) { return segment.begin + static_cast<std::uint32_t>(i); };
  std::size_t done = 0;
  for (std::size_t at = bytes.find(step.text); at != std::string_view::npos; at = bytes.find(step.text, done)) {
    parts.add(place(done), place(at), !separates);
    done = at + step.text.size();
    parts.add(place(at), place(done), separates);
  }
  parts.add(place(done), segment.end, !separates);
}

// Appends the bytes [begin, end) as characters; all characters of one character's bytes come from where it came from.
void append_byte_level(const AlignedText& text, std::size_t begin, std::size_t end, SegmentedText& out) {
  const auto first = static_cast<std::uint32_t>(out.text.size());
  for (std::size_t i = begin; i < end; ++i) {
    out.text.push(byte_char(text.bytes[i]), text.spans[i]);
  }
  out.segments.push_back({first, static_cast<std::uint32_t>(out.text.size()), kNoToken});
}

void cut(const ByteLevelStep& step, const AlignedText& text, Segment segment, PreTokenizeState& state) {
  const AlignedText* source = &text;
  if (step.add_prefix_space && text.bytes[segment.begin] != ' ') {
    AlignedText& prefixed = state.prefixed.text;
    prefixed.clear();
    prefixed.push(U' ', text.spans[segment.begin]);
    prefixed.append(text, segment.begin, segment.end);
    source = &prefixed;
    segment = {0, static_cast<std::uint32_t>(prefixed.size()), kNoToken};
  }
  if (!step.splits) {
    append_byte_level(*source, segment.begin, segment.end, state.text);
    return;
  }
  each_match(WordPattern::kGpt2, bytes_of(*source, segment), [&](std::size_t begin, std::size_t end, bool) {
    append_byte_level(*source, segment.begin + begin, segment.begin + end, state.text);
  });
}

void cut(const SplitStep& step, const AlignedText& text, Segment segment, PreTokenizeState& state) {
  const auto flag = step.at == SplitClass::kWhitespace ? unicode::kWhitespace : unicode::kPunctuation;
  split_at(
      text.bytes, segment, step.behavior, [&](char32_t c) { return unicode::has_flag(c, flag); }, state.text.segments);
}

void cut(const WordRunsStep&, const AlignedText& text, Segment segment, PreTokenizeState& state) {
  SegmentedText& out = state.text;
  enum class Kind { kSpace, kWord, kOther };
  const auto kind_of = [](char32_t c) {
    const std::uint16_t flags = unicode::char_record(c).flags;
    return (flags & unicode::kWord) != 0         ? Kind::kWord
           : (flags & unicode::kWhitespace) != 0 ? Kind::kSpace
                                                 : Kind::kOther;
  };
  std::uint32_t begin = segment.begin;
  Kind run = Kind::kSpace;
  for (std::uint32_t i = segment.begin; i < segment.end;) {
    const DecodedChar c = decode_utf8(text.bytes, i);
    if (const Kind kind = kind_of(c.code_point); kind != run) {
      if (run != Kind::kSpace) {
        out.segments.push_back({begin, i, kNoToken});
      }
      begin = i;
      run = kind;
    }
    i += c.size_bytes;
  }
  if (run != Kind::kSpace) {
    out.segments.push_back({begin, segment.end, kNoToken});
  }
}

void cut(const MetaspaceStep& step, const AlignedText& text, Segment segment, PreTokenizeState& state) {
  SegmentedText& out = state.text;
  std::string replacement;
  append_utf8(step.replacement, replacement);
  const auto begin = static_cast<std::uint32_t>(out.text.size());
  const TokenOffset first = text.spans[segment.begin];
  const std::string_view bytes = bytes_of(text, segment);
  const bool starts_with_it = bytes.starts_with(replacement) || bytes.starts_with(' ');
  const bool wanted = step.prepend == MetaspaceStep::Prepend::kAlways ||
                      (step.prepend == MetaspaceStep::Prepend::kFirst && first.begin == 0);
  if (wanted && !starts_with_it) {
    out.text.push_text(replacement, first);
  }
  std::size_t done = segment.begin;
  for (std::size_t i = segment.begin; i < segment.end; ++i) {
    if (text.bytes[i] == ' ') {
      out.text.append(text, done, i);
      out.text.push_text(replacement, text.spans[i]);
      done = i + 1;
    }
  }
  out.text.append(text, done, segment.end);
  const Segment whole{begin, static_cast<std::uint32_t>(out.text.size()), kNoToken};
  if (step.split) {
    split_at(
        out.text.bytes, whole, SplitBehavior::kMergedWithNext, [&](char32_t c) { return c == step.replacement; },
        out.segments);
  } else {
    out.segments.push_back(whole);
  }
}

constexpr bool rewrites_text(const PreTokenizerStep& step) {
  return std::holds_alternative<MetaspaceStep>(step) || std::holds_alternative<ByteLevelStep>(step);
}

}  // namespace

void pre_tokenize(const std::vector<PreTokenizerStep>& steps, SegmentedText& text, PreTokenizeState& state) {
  SegmentedText& spare = state.text;
  for (const PreTokenizerStep& step : steps) {
    spare.clear();
    for (const Segment& segment : text.segments) {
      if (segment.id == kNoToken) {
        std::visit([&](const auto& s) { cut(s, text.text, segment, state); }, step);
      } else if (rewrites_text(step)) {
        const auto begin = static_cast<std::uint32_t>(spare.text.size());
        spare.text.append(text.text, segment.begin, segment.end);
        spare.segments.push_back({begin, static_cast<std::uint32_t>(spare.text.size()), segment.id});
      } else {
        spare.segments.push_back(segment);
      }
    }
    if (rewrites_text(step)) {
      std::swap(text, spare);
    } else {
      std::swap(text.segments, spare.segments);
    }
  }
}

}  // namespace asterism::tok
