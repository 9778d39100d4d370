// BertNormalizer as a stream: clean, space out Chinese characters, strip accents, lower-case; character in, characters
// out.
//
// Source: tokenizers/src/normalizers/bert.rs (behaviour). Thread-safety: one thread per object.
#pragma once

#include <cstdint>

#include "tokenizer/normal_form.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/unicode.hpp"

namespace asterism::tok {

struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
  // A Lowercase step in front of everything else (sentence-transformers' do_lower_case).
  bool lowercase_first = false;
};

class BertStream {
 public:
  explicit BertStream(const BertNormalizerOptions& options)
      : options_(options), decomposer_(unicode::DecompositionKind::kCanonical) {}

  // Calls sink(code_point, span) for each result; combining marks come out at the next base character or flush().
  template <typename Sink>
  void feed(char32_t c, TokenOffset span, Sink&& sink) {
    if (c < kAsciiEnd) {
      ascii(c, span, sink);
    } else if (!options_.lowercase_first) {
      clean(c, span, sink);
    } else {
      lower(c, span, [&](char32_t lowered, TokenOffset same_span) { clean(lowered, same_span, sink); });
    }
  }

  template <typename Sink>
  void flush(Sink&& sink) {
    decomposer_.flush([&](const NotedChar& c) { stripped(c, sink); });
  }

 private:
  static constexpr char32_t kAsciiEnd = 0x80;

  // Bases without decomposition: nothing to reorder but the marks before, nothing to align.
  template <typename Sink>
  void ascii(char32_t c, TokenOffset span, Sink&& sink) {
    const unicode::CharRecord& record = unicode::char_record(c);
    if (options_.clean_text) {
      if ((record.flags & unicode::kDropped) != 0) {
        return;
      }
      if ((record.flags & unicode::kWhitespace) != 0) {
        c = U' ';
      }
    }
    flush(sink);
    const bool lowers = options_.lowercase || options_.lowercase_first;
    sink(lowers ? static_cast<char32_t>(static_cast<std::int32_t>(c) + record.lower_delta) : c, span);
  }

  template <typename Sink>
  void clean(char32_t c, TokenOffset span, Sink&& sink) {
    const std::uint16_t flags = unicode::char_record(c).flags;
    if (options_.clean_text) {
      if ((flags & unicode::kDropped) != 0) {
        return;
      }
      if ((flags & unicode::kWhitespace) != 0) {
        c = U' ';
      }
    }
    if (options_.handle_chinese_chars && (flags & unicode::kChinese) != 0) {
      accents(U' ', span, sink);
      accents(c, span, sink);
      accents(U' ', span, sink);
    } else {
      accents(c, span, sink);
    }
  }

  template <typename Sink>
  void accents(char32_t c, TokenOffset span, Sink&& sink) {
    if (!options_.strip_accents) {
      finish(c, span, sink);
      return;
    }
    sources_.push(span);
    decomposer_.feed(c, [&](const NotedChar& part) { stripped(part, sink); });
  }

  template <typename Sink>
  void stripped(const NotedChar& c, Sink&& sink) {
    const TokenOffset span = sources_.place(c.change);
    if (!unicode::has_flag(c.code_point, unicode::kNonspacing)) {
      finish(c.code_point, span, sink);
    }
  }

  template <typename Sink>
  void finish(char32_t c, TokenOffset span, Sink&& sink) {
    if (options_.lowercase) {
      lower(c, span, sink);
    } else {
      sink(c, span);
    }
  }

  template <typename Sink>
  static void lower(char32_t c, TokenOffset span, Sink&& sink) {
    const std::int32_t delta = unicode::char_record(c).lower_delta;
    if (delta == unicode::kLowerOfTwo) {
      sink(U'i', span);
      sink(unicode::kCombiningDotAbove, span);
    } else {
      sink(static_cast<char32_t>(static_cast<std::int32_t>(c) + delta), span);
    }
  }

  BertNormalizerOptions options_;
  Decomposer decomposer_;
  SourceSpans sources_;
};

}  // namespace asterism::tok
