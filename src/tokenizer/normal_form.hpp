// Unicode normal forms as a stream of characters, with the change notes that place each result in the input.
//
// The `tokenizers` package aligns by position: a result noted 0 stands where the next source character stood, +1 is
// squeezed in behind it, and -n also swallows the n source characters that follow. After canonical reordering that is
// not where the character came from, but offsets must come out the same, so the notes are kept and played back here.
// Thread-safety: one thread per object. Cost: constant per character, plus sorting runs of combining marks.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tokenizer/tokenizer.hpp"
#include "tokenizer/unicode.hpp"

namespace asterism::tok {

struct NotedChar {
  char32_t code_point;
  int change;
  std::uint8_t combining_class;
};

// Source characters in order; place() says which part of the input a result covers.
class SourceSpans {
 public:
  void clear() noexcept {
    spans_.clear();
    taken_ = 0;
    last_ = {};
  }
  void push(TokenOffset span) {
    if (taken_ == spans_.size()) {
      spans_.clear();
      taken_ = 0;
    }
    spans_.push_back(span);
  }
  TokenOffset place(int change) noexcept {
    if (change > 0) {
      return last_;
    }
    const TokenOffset span = spans_[taken_];
    taken_ = std::min(taken_ + 1 + static_cast<std::size_t>(-change), spans_.size());
    last_ = spans_[taken_ - 1];
    return span;
  }

 private:
  std::vector<TokenOffset> spans_;
  std::size_t taken_ = 0;
  TokenOffset last_;
};

// Decomposes and puts runs of combining marks into canonical order. Calls sink(NotedChar).
class Decomposer {
 public:
  explicit Decomposer(unicode::DecompositionKind kind) : kind_(kind) {}

  template <typename Sink>
  void feed(char32_t c, Sink&& sink) {
    std::array<char32_t, unicode::kDecompositionLengthMax> buffer;
    int change = 0;
    for (const char32_t part : unicode::decompose(c, kind_, buffer)) {
      const std::uint8_t combining_class = unicode::char_record(part).combining_class;
      const NotedChar noted{part, change, combining_class};
      change = 1;
      if (combining_class == 0) {
        flush(sink);
        sink(noted);
      } else {
        marks_.push_back(noted);
      }
    }
  }

  // At the end of the text.
  template <typename Sink>
  void flush(Sink&& sink) {
    if (marks_.empty()) {
      return;
    }
    if (marks_.size() > 1) {
      std::ranges::stable_sort(marks_, {}, &NotedChar::combining_class);
    }
    for (const NotedChar& mark : marks_) {
      sink(mark);
    }
    marks_.clear();
  }

 private:
  unicode::DecompositionKind kind_;
  std::vector<NotedChar> marks_;
};

// Joins what a Decomposer emits. Calls sink(NotedChar).
class Composer {
 public:
  template <typename Sink>
  void feed(NotedChar c, Sink&& sink) {
    if (!has_base_) {
      if (c.combining_class != 0) {
        sink(c);
      } else {
        base_ = c;
        has_base_ = true;
      }
      return;
    }
    const bool blocked = !waiting_.empty() && waiting_.back().combining_class >= c.combining_class;
    if (!blocked) {
      if (const char32_t composed = unicode::compose(base_.code_point, c.code_point); composed != 0) {
        base_.code_point = composed;
        base_.change += c.change - 1;
        return;
      }
    }
    if (c.combining_class == 0) {
      flush(sink);
      base_ = c;
      has_base_ = true;
    } else {
      waiting_.push_back(c);
    }
  }

  template <typename Sink>
  void flush(Sink&& sink) {
    if (has_base_) {
      sink(base_);
      has_base_ = false;
    }
    for (const NotedChar& c : waiting_) {
      sink(c);
    }
    waiting_.clear();
  }

 private:
  NotedChar base_{};
  bool has_base_ = false;
  std::vector<NotedChar> waiting_;
};

}  // namespace asterism::tok
