#include "server/vector_writer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/json.hpp"

namespace asterism::server {
namespace {

constexpr std::size_t kNumberSizeMax = 16;  // "-1.17549435e-38" and a comma
static_assert(std::endian::native == std::endian::little, "bytes of answers are written as they lie in memory");

}  // namespace

void append_json(std::string& out, std::span<const float> vector) {
  const std::size_t begin = out.size();
  out.resize(begin + 2 + vector.size() * kNumberSizeMax);
  char* next = out.data() + begin;
  *next++ = '[';
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (i > 0) {
      *next++ = ',';
    }
    if (std::isfinite(vector[i])) {
      next = std::to_chars(next, next + kNumberSizeMax, vector[i]).ptr;
    } else {
      std::memcpy(next, "null", 4);
      next += 4;
    }
  }
  *next++ = ']';
  out.resize(static_cast<std::size_t>(next - out.data()));
}

void append_json_rows(std::string& out, std::span<const float> values, std::size_t dim) {
  out += '[';
  for (std::size_t begin = 0; dim > 0 && begin < values.size(); begin += dim) {
    if (begin > 0) {
      out += ',';
    }
    append_json(out, values.subspan(begin, dim));
  }
  out += ']';
}

std::string little_endian_bytes(std::span<const float> values) {
  std::string out(values.size_bytes(), '\0');
  std::memcpy(out.data(), values.data(), values.size_bytes());
  return out;
}

std::string npy_header(std::size_t row_count, std::size_t dim) {
  return npy_header(std::array{row_count, dim});
}

std::string npy_header(std::span<const std::size_t> shape) {
  constexpr std::size_t kPrefixSize = 10;
  constexpr std::size_t kAlignment = 64;
  std::string dictionary =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", fmt::join(shape, ", "));
  while ((kPrefixSize + dictionary.size() + 1) % kAlignment != 0) {
    dictionary += ' ';
  }
  dictionary += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(dictionary.size() & 0xFFU);
  out += static_cast<char>(dictionary.size() >> 8U);
  return out + dictionary;
}

void append_json_text(std::string& out, std::string_view text) {
  out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace asterism::server
