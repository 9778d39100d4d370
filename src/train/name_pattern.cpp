#include "train/name_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace asterism {
namespace {

constexpr std::string_view kTaken = "{}";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Whether the rest of the pattern matches the rest of the name; what {} takes is written to `taken`.
bool matches(std::string_view pattern, std::string_view name, std::string_view& taken) {
  if (pattern.empty()) {
    return name.empty();
  }
  const bool is_taken = pattern.starts_with(kTaken);
  if (!is_taken && pattern[0] != '*' && pattern[0] != '#') {
    return !name.empty() && name[0] == pattern[0] && matches(pattern.substr(1), name.substr(1), taken);
  }
  const std::string_view rest = pattern.substr(is_taken ? kTaken.size() : 1);
  for (std::size_t length = pattern[0] == '*' ? 0 : 1; length <= name.size(); ++length) {
    if (pattern[0] == '#' && !is_digit(name[length - 1])) {
      return false;
    }
    if (matches(rest, name.substr(length), taken)) {
      if (is_taken) {
        taken = name.substr(0, length);
      }
      return true;
    }
  }
  return false;
}

}  // namespace

Result<NamePattern> NamePattern::parse(std::string_view pattern, std::string_view key) {
  const std::size_t first = pattern.find(kTaken);
  const bool once = first != std::string_view::npos && pattern.find(kTaken, first + 1) == std::string_view::npos;
  const auto wildcard_count =
      static_cast<std::size_t>(std::ranges::count_if(pattern, [](char c) { return c == '*' || c == '#'; }));
  if (!once || wildcard_count > kWildcardCountMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected one {{}} for what is taken and at most {} of * and #, found '{}'", key,
                            kWildcardCountMax, pattern),
                "\"{}_#\" takes 'Claude_Monet' of 'Claude_Monet_12.jpg'");
  }
  return NamePattern(std::string(pattern));
}

std::optional<std::string> NamePattern::take(std::string_view name) const {
  std::string_view taken;
  if (!matches(pattern_, name, taken)) {
    return std::nullopt;
  }
  return std::string(taken);
}

}  // namespace asterism
