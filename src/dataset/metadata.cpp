#include "dataset/metadata.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "dataset/json_text.hpp"

namespace asterism {
namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

std::string_view without_digits(std::string_view text) noexcept {
  const auto* const end = std::ranges::find_if_not(text, is_digit);
  return text.substr(static_cast<std::size_t>(end - text.begin()));
}

template <typename T>
bool fits(std::string_view text) noexcept {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

bool is_kept_number(std::string_view text) noexcept {
  const std::string_view whole = text;
  if (text.starts_with('-')) {
    text.remove_prefix(1);
  }
  if (text.empty() || !is_digit(text.front())) {
    return false;
  }
  text = text.front() == '0' ? text.substr(1) : without_digits(text);
  if (text.empty()) {
    return fits<std::int64_t>(whole);
  }
  if (text.front() == '.') {
    text.remove_prefix(1);
    if (text.empty() || !is_digit(text.front())) {
      return false;
    }
    text = without_digits(text);
  }
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) {
      text.remove_prefix(1);
    }
    if (text.empty()) {
      return false;
    }
    text = without_digits(text);
  }
  return text.empty() && fits<double>(whole);
}

void append_metadata_cell(std::string& object, std::string_view name, std::string_view cell) {
  if (cell.empty()) {
    return;
  }
  if (!object.ends_with('{')) {
    object += ',';
  }
  append_json_string(object, name);
  object += ':';
  if (cell == "true" || cell == "false" || is_kept_number(cell)) {
    object += cell;
  } else {
    append_json_string(object, cell);
  }
}

}  // namespace asterism
