// One line of a text file of word vectors, and the first line that counts them. Private to word_vectors.
//
// Thread-safety: pure functions. Cost: one pass; numbers of up to seven digits take a short way (a division of two
// exact floats, Clinger 1990), others std::from_chars. Both give the nearest float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace asterism::words {

struct FirstLineCounts {
  std::size_t word_count = 0;
  std::size_t dim = 0;
};
// Of a line of two whole numbers; nothing for any other.
std::optional<FirstLineCounts> first_line_counts(std::string_view line) noexcept;

// Without the spaces and the carriage return at its end.
std::string_view trim_line_end(std::string_view line) noexcept;

// Fields are parted by one space or tab.
std::size_t field_count(std::string_view line) noexcept;

// The word of a trimmed line; its numbers go to `values` [dim]. An error says what was expected and found.
std::expected<std::string_view, std::string> parse_word_line(std::string_view line, std::span<float> values);

}  // namespace asterism::words
