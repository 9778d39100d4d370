#include "weights/word_vector_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "weights/printable.hpp"

namespace asterism::words {
namespace {

constexpr std::size_t kShownSizeBytesMax = 40;

bool is_separator(char c) noexcept {
  return c == ' ' || c == '\t';
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// What is shown of a field in an error.
std::string shown(std::string_view field) {
  return fmt::format("'{}'", printable(field.substr(0, kShownSizeBytesMax)));
}

// Up to the next separator.
std::string_view first_field(std::string_view rest) noexcept {
  return rest.substr(0, static_cast<std::size_t>(std::ranges::find_if(rest, is_separator) - rest.begin()));
}

// Any number; nothing for what is none, NaN, or beyond float32.
std::optional<float> general_number(std::string_view field) noexcept {
  if (field.starts_with('+')) {
    field.remove_prefix(1);
  }
  const char* const end = field.data() + field.size();
  float value = 0.0F;
  auto parsed = std::from_chars(field.data(), end, value);
  if (parsed.ec == std::errc::result_out_of_range) {
    // Too near zero for a float, or too large: a double tells.
    double wide = 0.0;
    parsed = std::from_chars(field.data(), end, wide);
    value = static_cast<float>(wide);
  }
  if (parsed.ec != std::errc{} || parsed.ptr != end || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

// The number that `rest` starts with; takes it from `rest`.
std::optional<float> take_number(std::string_view& rest) noexcept {
  constexpr std::uint32_t kExactMax = 1U << 24U;  // whole numbers up to here are floats
  constexpr std::size_t kExactPowerMax = 10;      // and 10^10 is the last power of ten that is one
  constexpr std::array<float, kExactPowerMax + 1> kPowers{1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F,
                                                          1e6F, 1e7F, 1e8F, 1e9F, 1e10F};
  const char* at = rest.data();
  const char* const end = at + rest.size();
  const bool negative = at != end && *at == '-';
  at += negative ? 1 : 0;
  std::uint32_t digits = 0;
  std::size_t digit_count = 0;
  std::size_t fraction_count = 0;
  for (bool in_fraction = false; at != end && digits <= kExactMax; ++at) {
    if (is_digit(*at)) {
      digits = digits * 10 + static_cast<std::uint32_t>(*at - '0');
      ++digit_count;
      fraction_count += in_fraction ? 1U : 0U;
    } else if (*at == '.' && !in_fraction) {
      in_fraction = true;
    } else {
      break;
    }
  }
  if (digit_count > 0 && digits <= kExactMax && fraction_count <= kExactPowerMax && (at == end || is_separator(*at))) {
    const float magnitude = static_cast<float>(digits) / kPowers[fraction_count];
    rest.remove_prefix(static_cast<std::size_t>(at - rest.data()));
    return negative ? -magnitude : magnitude;
  }
  const std::string_view field = first_field(rest);
  const auto value = general_number(field);
  if (value) {
    rest.remove_prefix(field.size());
  }
  return value;
}

// Exactly values.size() numbers, each after a separator; otherwise the number of those that were read.
std::optional<std::size_t> read_numbers(std::string_view rest, std::span<float> values) noexcept {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (rest.empty()) {
      return i;
    }
    rest.remove_prefix(1);
    const auto value = take_number(rest);
    if (!value) {
      return i;
    }
    values[i] = *value;
  }
  return rest.empty() ? std::nullopt : std::optional(values.size());
}

// Where the last `count` fields begin, at the separator in front of them; npos where there are not so many and a word.
std::size_t last_fields_begin(std::string_view line, std::size_t count) noexcept {
  for (std::size_t i = line.size(); i-- > 0;) {
    if (is_separator(line[i]) && --count == 0) {
      return i == 0 ? std::string_view::npos : i;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<FirstLineCounts> first_line_counts(std::string_view line) noexcept {
  const auto space = line.find(' ');
  if (space == std::string_view::npos) {
    return std::nullopt;
  }
  FirstLineCounts counts;
  const char* const end = line.data() + line.size();
  const auto count = std::from_chars(line.data(), end, counts.word_count);
  if (count.ec != std::errc{} || count.ptr != line.data() + space) {
    return std::nullopt;
  }
  const auto dim = std::from_chars(line.data() + space + 1, end, counts.dim);
  return dim.ec == std::errc{} && dim.ptr == end ? std::optional(counts) : std::nullopt;
}

std::string_view trim_line_end(std::string_view line) noexcept {
  while (!line.empty() && (is_separator(line.back()) || line.back() == '\r')) {
    line.remove_suffix(1);
  }
  return line;
}

std::size_t field_count(std::string_view line) noexcept {
  return line.empty() ? 0 : 1 + static_cast<std::size_t>(std::ranges::count_if(line, is_separator));
}

std::expected<std::string_view, std::string> parse_word_line(std::string_view line, std::span<float> values) {
  const std::string_view word = first_field(line);
  if (!word.empty() && !read_numbers(line.substr(word.size()), values)) {
    return word;
  }
  // A word with spaces, or a fault.
  const std::size_t begin = last_fields_begin(line, values.size());
  if (begin == std::string_view::npos) {
    const std::size_t fields = field_count(line);
    return std::unexpected(fmt::format("expected a word and {} numbers, found {} and {}", values.size(),
                                       word.empty() ? "none" : shown(word), fields == 0 ? 0 : fields - 1));
  }
  const auto failed = read_numbers(line.substr(begin), values);
  if (!failed) {
    return line.substr(0, begin);
  }
  std::string_view rest = line.substr(begin);
  for (std::size_t i = 0; i < *failed; ++i) {
    rest.remove_prefix(1);
    rest.remove_prefix(first_field(rest).size());
  }
  return std::unexpected(fmt::format("expected a finite number as number {} of {} after {}, found {}", *failed + 1,
                                     values.size(), shown(word), shown(first_field(rest.substr(1)))));
}

}  // namespace asterism::words
