#include "encoder/image_config_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace asterism {
namespace {

constexpr std::size_t kShownLengthMax = 60;

}  // namespace

const Json* find_value(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string value_text(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kShownLengthMax) {
    text = text.substr(0, kShownLengthMax - 3) + "...";
  }
  return text;
}

Result<std::int64_t> image_side(const Json& value, std::string_view key, std::string_view source) {
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() &&
                      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()});
  if (!fits || value.get<std::int64_t>() < 1) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\": expected a size in pixels of at least 1, found {}",
                                                 source, key, value_text(value)));
  }
  const auto side = value.get<std::int64_t>();
  if (side > kImageResizeSideMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: \"{}\": expected at most {} pixels, found {}", source, key,
                                                       kImageResizeSideMax, side));
  }
  return side;
}

Result<double> image_number(const Json& value, std::string_view key, NumberRange range, std::string_view source) {
  const double number = value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
  const auto rounded = static_cast<float>(
      std::clamp(number, -double{std::numeric_limits<float>::max()}, double{std::numeric_limits<float>::max()}));
  const bool within = std::abs(number) <= double{std::numeric_limits<float>::max()};
  if (!within || (range == NumberRange::kPositive && rounded <= 0.0F)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\": expected a number{}, found {}", source, key,
                                                 range == NumberRange::kPositive ? " above 0" : "", value_text(value)));
  }
  return number;
}

Result<std::optional<std::array<float, 3>>> find_channel_values(const Json& object, std::string_view key,
                                                                std::size_t channel_count, NumberRange range,
                                                                std::string_view source) {
  const Json* const value = find_value(object, key);
  if (value == nullptr) {
    return std::optional<std::array<float, 3>>{};
  }
  const bool list = value->is_array();
  if (list && value->size() != 1 && value->size() != channel_count) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"{}\": expected {} numbers, one a channel, found {}", source,
                                                 key, channel_count, value_text(*value)));
  }
  std::array<float, 3> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const Json& element = !list ? *value : (*value)[value->size() == 1 ? 0 : std::min(i, value->size() - 1)];
    const auto number = image_number(element, key, range, source);
    if (!number) {
      return std::unexpected(number.error());
    }
    out[i] = static_cast<float>(*number);
  }
  return std::optional{out};
}

Result<void> expect_known_keys(const Json& object, std::span<const std::string_view> known, std::string_view source) {
  std::vector<std::string> unknown;
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) == known.end()) {
      unknown.push_back(fmt::format("\"{}\": {}", key, value_text(value)));
    }
  }
  if (unknown.empty()) {
    return {};
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: expected keys that are known to leave the numbers as they are, found {}", source,
                          fmt::join(unknown, ", ")),
              "remove the key if it has no effect on preprocessing");
}

}  // namespace asterism
