// Text on its way through the normaliser, each byte with the range of the input it came from.
//
// Ownership: values. Thread-safety: one thread. The spans never go backwards, so a piece of the text comes from
// [begin of its first byte, end of its last byte) of the input.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism::tok {

struct AlignedText {
  std::string bytes;
  std::vector<TokenOffset> spans;  // [bytes.size()]

  void clear() {
    bytes.clear();
    spans.clear();
  }
  std::size_t size() const noexcept { return bytes.size(); }
  void push(char32_t c, TokenOffset span) {
    if (c < 0x80) {
      bytes.push_back(static_cast<char>(c));
      spans.push_back(span);
      return;
    }
    char encoded[4];
    const std::size_t length = encode_utf8(c, encoded);
    bytes.append(encoded, length);
    spans.insert(spans.end(), length, span);
  }
  // Every byte of `inserted` came from `span`.
  void push_text(std::string_view inserted, TokenOffset span) {
    bytes.append(inserted);
    spans.insert(spans.end(), inserted.size(), span);
  }
  void append(const AlignedText& other, std::size_t begin, std::size_t end) {
    bytes.append(other.bytes, begin, end - begin);
    const auto first = other.spans.begin();
    spans.insert(spans.end(), first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end));
  }
  // Drops what lies past `size_bytes_max`, whole characters only.
  void truncate(std::size_t size_bytes_max) {
    if (size() <= size_bytes_max) {
      return;
    }
    while (size_bytes_max > 0 && is_continuation_byte(bytes[size_bytes_max])) {
      --size_bytes_max;
    }
    bytes.resize(size_bytes_max);
    spans.resize(size_bytes_max);
  }
  // Input range of the bytes [begin, end), which must not be empty.
  TokenOffset span_of(std::size_t begin, std::size_t end) const noexcept {
    return {spans[begin].begin, spans[end - 1].end};
  }
};

}  // namespace asterism::tok
