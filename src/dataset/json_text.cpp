#include "dataset/json_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <iterator>

#include "base/utf8.hpp"

namespace asterism {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
// "-1.17549435e-38" is the longest shortest form of a float, with room to spare.
constexpr std::size_t kFloatTextSizeMax = 32;

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
    const DecodedChar next = decode_utf8(text, 0);
    out += next.well_formed ? text.substr(0, next.size_bytes) : kReplacement;
    text.remove_prefix(next.size_bytes);
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
