#include "base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "base/file.hpp"

namespace asterism {
namespace {

template <typename T>
constexpr std::string_view type_word() {
  if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (std::is_integral_v<T>) {
    return "an integer in range";
  } else if constexpr (std::is_floating_point_v<T>) {
    return "a number";
  } else {
    return "a string";
  }
}

template <typename T>
bool convert(const Json& value, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean()) {
      return false;
    }
    out = value.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    // nlohmann keeps positive literals as unsigned: both forms are range-checked before the cast.
    if (value.is_number_unsigned()) {
      const auto wide = value.get<std::uint64_t>();
      if (wide > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) {
        return false;
      }
      out = static_cast<T>(wide);
    } else if (value.is_number_integer()) {
      const auto wide = value.get<std::int64_t>();
      if (wide < static_cast<std::int64_t>(std::numeric_limits<T>::min()) || (wide < 0 && std::is_unsigned_v<T>)) {
        return false;
      }
      out = static_cast<T>(wide);
    } else {
      return false;
    }
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!value.is_number()) {
      return false;
    }
    out = value.get<T>();
  } else {
    if (!value.is_string()) {
      return false;
    }
    out = value.get<std::string>();
  }
  return true;
}

// Depth is measured before the real parse: nlohmann's destructor recurses once per level.
bool depth_exceeds(std::string_view text, int depth_max) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > depth_max) {
        return true;
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

// The library's words without its own number of the error, which says nothing to a reader.
std::string parse_problem(std::string_view text, std::string_view what) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return "nothing";
  }
  constexpr std::string_view kNumberStart = "[json.exception.";
  const std::size_t end = what.starts_with(kNumberStart) ? what.find("] ") : std::string_view::npos;
  return std::string(end == std::string_view::npos ? what : what.substr(end + 2));
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view source) {
  if (depth_exceeds(text, kJsonDepthMax)) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: JSON nested deeper than {} levels", source, kJsonDepthMax));
  }
  try {
    return Json::parse(text);
  } catch (const Json::exception& e) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected JSON, found {}", source, parse_problem(text, e.what())));
  }
}

Result<Json> read_json_file(const std::filesystem::path& path) {
  auto text = read_file(path, kJsonFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  return parse_json(*text, path.string());
}

template <typename T>
Result<std::optional<T>> json_find(const Json& object, std::string_view key, std::string_view source) {
  if (!object.is_object()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected a JSON object, found {}", source, object.type_name()));
  }
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) {
    return std::optional<T>{};
  }
  T out{};
  if (!convert(*it, out)) {
    std::string found = it->dump(-1, ' ', false, Json::error_handler_t::replace);
    if (found.size() > 60) {
      found = found.substr(0, 57) + "...";
    }
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"{}\": expected {}, found {}", source, key, type_word<T>(), found));
  }
  return std::optional<T>{std::move(out)};
}

template <typename T>
Result<T> json_get(const Json& object, std::string_view key, std::string_view source) {
  auto found = json_find<T>(object, key, source);
  if (!found) {
    return std::unexpected(found.error());
  }
  if (!*found) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\" is missing, expected {}", source, key, type_word<T>()));
  }
  return std::move(**found);
}

template Result<bool> json_get<bool>(const Json&, std::string_view, std::string_view);
template Result<std::int32_t> json_get<std::int32_t>(const Json&, std::string_view, std::string_view);
template Result<std::int64_t> json_get<std::int64_t>(const Json&, std::string_view, std::string_view);
template Result<std::uint64_t> json_get<std::uint64_t>(const Json&, std::string_view, std::string_view);
template Result<float> json_get<float>(const Json&, std::string_view, std::string_view);
template Result<double> json_get<double>(const Json&, std::string_view, std::string_view);
template Result<std::string> json_get<std::string>(const Json&, std::string_view, std::string_view);
template Result<std::optional<bool>> json_find<bool>(const Json&, std::string_view, std::string_view);
template Result<std::optional<std::int32_t>> json_find<std::int32_t>(const Json&, std::string_view, std::string_view);
template Result<std::optional<std::int64_t>> json_find<std::int64_t>(const Json&, std::string_view, std::string_view);
template Result<std::optional<std::uint64_t>> json_find<std::uint64_t>(const Json&, std::string_view, std::string_view);
template Result<std::optional<float>> json_find<float>(const Json&, std::string_view, std::string_view);
template Result<std::optional<double>> json_find<double>(const Json&, std::string_view, std::string_view);
template Result<std::optional<std::string>> json_find<std::string>(const Json&, std::string_view, std::string_view);

Result<void> json_expect_only(const Json& object, std::initializer_list<std::string_view> known,
                              std::string_view source) {
  if (!object.is_object()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected a JSON object, found {}", source, object.type_name()));
  }
  std::vector<std::string> unknown;
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) == known.end()) {
      unknown.push_back('"' + key + '"');
    }
  }
  if (unknown.empty()) {
    return {};
  }
  return fail(ErrorCode::kUnsupported, fmt::format("{}: unknown {}: expected only \"{}\"", source,
                                                   fmt::join(unknown, ", "), fmt::join(known, "\", \"")));
}

Json json_number(float value) {
  if (!std::isfinite(value)) {
    return nullptr;
  }
  const std::string digits = fmt::format("{}", value);
  double shortest = 0.0;
  std::from_chars(digits.data(), digits.data() + digits.size(), shortest);
  return shortest;
}

}  // namespace asterism
