#include "dataset/json_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <iterator>

namespace asterism {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
// "-1.17549435e-38" is the longest shortest form of a float, with room to spare.
constexpr std::size_t kFloatTextSizeMax = 32;

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// Bytes of the well-formed UTF-8 sequence at the beginning of `text` (Unicode, table 3-7); 0 when there is none.
std::size_t utf8_sequence_size(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text[0]);
  const auto second = text.size() > 1 ? static_cast<unsigned char>(text[1]) : 0U;
  std::size_t size = 0;
  unsigned second_min = 0x80;
  unsigned second_max = 0xBF;
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    size = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    size = 3;
    second_min = lead == 0xE0 ? 0xA0 : 0x80;  // no overlong forms
    second_max = lead == 0xED ? 0x9F : 0xBF;  // no surrogates
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    size = 4;
    second_min = lead == 0xF0 ? 0x90 : 0x80;  // no overlong forms
    second_max = lead == 0xF4 ? 0x8F : 0xBF;  // nothing above U+10FFFF
  }
  if (size == 0 || text.size() < size || second < second_min || second > second_max) {
    return 0;
  }
  for (std::size_t i = 2; i < size; ++i) {
    if (!is_continuation(text[i])) {
      return 0;
    }
  }
  return size;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == '\x7F') {
      append_escaped(out, c);
      text.remove_prefix(1);
      continue;
    }
    const std::size_t size = utf8_sequence_size(text);
    out += size == 0 ? kReplacement : text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  out += '"';
}

void append_json_floats(std::string& out, std::span<const float> values) {
  std::array<char, kFloatTextSizeMax> digits{};
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) {
      out += ',';
    }
    if (!std::isfinite(values[i])) {
      out += "null";
      continue;
    }
    // "-0" is an integer to most readers, which have no negative zero.
    if (values[i] == 0.0F && std::signbit(values[i])) {
      out += "-0.0";
      continue;
    }
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), values[i]).ptr;
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
  }
  out += ']';
}

void append_json_array(std::string& out, std::span<const float> values, std::span<const std::int64_t> shape) {
  if (shape.size() <= 1) {
    append_json_floats(out, values);
    return;
  }
  const auto count = static_cast<std::size_t>(shape.front());
  const std::size_t size = count == 0 ? 0 : values.size() / count;
  out += '[';
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) {
      out += ',';
    }
    append_json_array(out, values.subspan(i * size, size), shape.subspan(1));
  }
  out += ']';
}

void append_json_place(std::string& out, std::string_view source, std::uint64_t line, std::string_view id) {
  out += "\"source\":";
  append_json_string(out, source);
  if (line > 0) {
    fmt::format_to(std::back_inserter(out), ",\"line\":{}", line);
  }
  if (!id.empty()) {
    out += ",\"id\":";
    append_json_string(out, id);
  }
}

void append_json_error(std::string& out, const Error& error) {
  out += "{\"code\":";
  append_json_string(out, error_traits(error.code).name);
  out += ",\"message\":";
  append_json_string(out, error.to_string());
  out += '}';
}

}  // namespace asterism
