#include "tokenizer/normalizer.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace asterism::tok {
namespace {

// Calls visit(code_point, span) for every character.
template <typename Visit>
void each_char(const AlignedText& text, Visit&& visit) {
  for (std::size_t i = 0; i < text.size();) {
    const DecodedChar c = decode_utf8(text.bytes, i);
    visit(c.code_point, text.spans[i]);
    i += c.size_bytes;
  }
}

void apply(const BertNormalizerOptions& options, const AlignedText& in, AlignedText& out) {
  BertStream stream(options);
  const auto sink = [&](char32_t c, TokenOffset span) { out.push(c, span); };
  each_char(in, [&](char32_t c, TokenOffset span) { stream.feed(c, span, sink); });
  stream.flush(sink);
}

void apply(const LowercaseStep&, const AlignedText& in, AlignedText& out) {
  apply(
      BertNormalizerOptions{
          .clean_text = false, .handle_chinese_chars = false, .strip_accents = false, .lowercase = true},
      in, out);
}

void apply(const StripAccentsStep&, const AlignedText& in, AlignedText& out) {
  each_char(in, [&](char32_t c, TokenOffset span) {
    if (!unicode::has_flag(c, unicode::kMark)) {
      out.push(c, span);
    }
  });
}

void apply(const NormalFormStep& step, const AlignedText& in, AlignedText& out) {
  Decomposer decomposer(step.kind);
  Composer composer;
  SourceSpans sources;
  const auto place = [&](const NotedChar& c) { out.push(c.code_point, sources.place(c.change)); };
  const auto join = [&](const NotedChar& c) {
    if (step.composed) {
      composer.feed(c, place);
    } else {
      place(c);
    }
  };
  each_char(in, [&](char32_t c, TokenOffset span) {
    sources.push(span);
    decomposer.feed(c, join);
  });
  decomposer.flush(join);
  composer.flush(place);
}

void apply(const StripStep& step, const AlignedText& in, AlignedText& out) {
  std::size_t begin = 0;
  while (step.left && begin < in.size()) {
    const DecodedChar c = decode_utf8(in.bytes, begin);
    if (!unicode::has_flag(c.code_point, unicode::kWhitespace)) {
      break;
    }
    begin += c.size_bytes;
  }
  std::size_t end = in.size();
  while (step.right && end > begin) {
    std::size_t last = end - 1;
    while (is_continuation_byte(in.bytes[last])) {
      --last;
    }
    if (!unicode::has_flag(decode_utf8(in.bytes, last).code_point, unicode::kWhitespace)) {
      break;
    }
    end = last;
  }
  out.append(in, begin, end);
}

void apply(const PrependStep& step, const AlignedText& in, AlignedText& out) {
  if (in.size() > 0) {
    out.push_text(step.text, in.spans.front());
  }
  out.append(in, 0, in.size());
}

bool has_room(const AlignedText& text) {
  return text.size() < kNormalizedSizeBytesMax;
}

// An inserted text stands where the last character that it replaces stood.
void apply(const ReplaceTextStep& step, const AlignedText& in, AlignedText& out) {
  std::size_t done = 0;
  for (std::size_t at = in.bytes.find(step.pattern); at != std::string::npos && has_room(out);
       at = in.bytes.find(step.pattern, done)) {
    out.append(in, done, at);
    done = at + step.pattern.size();
    out.push_text(step.content, in.spans[done - 1]);
  }
  out.append(in, done, in.size());
}

void apply(const ReplaceRunStep& step, const AlignedText& in, AlignedText& out) {
  const auto matches = [&](char32_t c) {
    return step.whitespace ? unicode::has_flag(c, unicode::kWhitespace) : c == step.character;
  };
  std::size_t done = 0;
  for (std::size_t i = 0; i < in.size() && has_room(out);) {
    std::size_t end = i;
    std::size_t count = 0;
    while (end < in.size() && (step.greedy || count == 0)) {
      const DecodedChar c = decode_utf8(in.bytes, end);
      if (!matches(c.code_point)) {
        break;
      }
      end += c.size_bytes;
      ++count;
    }
    if (count >= step.count_min) {
      out.append(in, done, i);
      out.push_text(step.content, in.spans[end - 1]);
      done = end;
    }
    i = std::max(end, i + decode_utf8(in.bytes, i).size_bytes);
  }
  out.append(in, done, in.size());
}

void apply(const ReplaceBytesStep& step, const AlignedText& in, AlignedText& out) {
  std::size_t done = 0;
  for (std::size_t i = 0; i < in.size() && has_room(out); ++i) {
    const auto byte = static_cast<std::uint8_t>(in.bytes[i]);
    if (byte < step.replaced.size() && step.replaced[byte]) {
      out.append(in, done, i);
      out.push_text(step.contents[byte], in.spans[i]);
      done = i + 1;
    }
  }
  out.append(in, done, in.size());
}

std::optional<std::uint8_t> ascii_pattern(const NormalizerStep& step) {
  const auto* replace = std::get_if<ReplaceTextStep>(&step);
  if (replace == nullptr || replace->pattern.size() != 1 || static_cast<std::uint8_t>(replace->pattern[0]) >= 128) {
    return std::nullopt;
  }
  return static_cast<std::uint8_t>(replace->pattern[0]);
}

}  // namespace

void normalize(const std::vector<NormalizerStep>& steps, AlignedText& text, AlignedText& spare) {
  for (const NormalizerStep& step : steps) {
    spare.clear();
    std::visit([&](const auto& s) { apply(s, text, spare); }, step);
    std::swap(text, spare);
    text.truncate(kNormalizedSizeBytesMax);
  }
}

std::vector<NormalizerStep> merge_replacements(std::vector<NormalizerStep> steps) {
  std::vector<NormalizerStep> merged;
  for (NormalizerStep& step : steps) {
    const std::optional<std::uint8_t> byte = ascii_pattern(step);
    if (!byte) {
      merged.push_back(std::move(step));
      continue;
    }
    ReplaceBytesStep* table = merged.empty() ? nullptr : std::get_if<ReplaceBytesStep>(&merged.back());
    // A later step sees what earlier ones inserted: only then may the two not share a pass.
    const auto inserts = [&](const std::string& content) {
      return content.find(static_cast<char>(*byte)) != std::string::npos;
    };
    if (table == nullptr || table->replaced[*byte] || std::ranges::any_of(table->contents, inserts)) {
      table = &std::get<ReplaceBytesStep>(merged.emplace_back(ReplaceBytesStep{}));
    }
    table->replaced[*byte] = true;
    table->contents[*byte] = std::get<ReplaceTextStep>(step).content;
  }
  return merged;
}

}  // namespace asterism::tok
