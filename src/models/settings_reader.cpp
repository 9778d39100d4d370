#include "models/settings_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/edit_distance.hpp"

namespace asterism {
namespace {

constexpr std::size_t kShownKeyLengthMax = 100;

std::string shown(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

SettingsReader::SettingsReader(const Json& settings, std::string source, SettingsPlaces places)
    : settings_(settings), source_(std::move(source)), places_(std::move(places)) {}

const std::string& SettingsReader::place_of(std::string_view key) const {
  const auto it = places_.find(key);
  return it == places_.end() ? source_ : it->second;
}

const Json* SettingsReader::any(std::string_view key) {
  known_.emplace_back(key);
  if (!settings_.is_object()) {
    return nullptr;
  }
  const auto it = settings_.find(key);
  return it == settings_.end() || it->is_null() ? nullptr : &*it;
}

void SettingsReader::allow(std::initializer_list<std::string_view> keys) {
  known_.insert(known_.end(), keys.begin(), keys.end());
}

void SettingsReader::refuse(std::string message, std::string hint) {
  if (!error_) {
    error_ = Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", source_, std::move(message)), std::move(hint)};
  }
}

void SettingsReader::expected(std::string_view key, std::string_view what) {
  if (!error_) {
    error_ = Error{ErrorCode::kInvalidArgument,
                   fmt::format("{}: \"{}\": expected {}, found {}", place_of(key), key, what, shown(settings_[key])),
                   {}};
  }
}

std::int64_t SettingsReader::integer(const IntegerRule& rule) {
  const Json* const value = any(rule.key);
  if (value == nullptr) {
    return rule.missing;
  }
  const std::int64_t found = value->is_number_integer() ? value->get<std::int64_t>() : rule.low - 1;
  if (found < rule.low || found > rule.high) {
    expected(rule.key, fmt::format("an integer from {} to {}", rule.low, rule.high));
    return rule.missing;
  }
  return found;
}

double SettingsReader::real(const RealRule& rule) {
  const Json* const value = any(rule.key);
  if (value == nullptr) {
    return rule.missing;
  }
  const double found = value->is_number() ? value->get<double>() : std::nan("");
  if (!(found >= rule.low && found <= rule.high)) {
    expected(rule.key, fmt::format("a number from {} to {}", rule.low, rule.high));
    return rule.missing;
  }
  return found;
}

std::string SettingsReader::word(const WordRule& rule) {
  const Json* const value = any(rule.key);
  if (value == nullptr) {
    return std::string(rule.missing);
  }
  const std::string found = value->is_string() ? value->get<std::string>() : "";
  if (std::ranges::count(rule.known, found) == 0) {
    expected(rule.key, fmt::format("one of \"{}\"", fmt::join(rule.known, "\", \"")));
    return std::string(rule.missing);
  }
  return found;
}

bool SettingsReader::flag(std::string_view key, bool missing) {
  const Json* const value = any(key);
  if (value == nullptr) {
    return missing;
  }
  if (!value->is_boolean()) {
    expected(key, "true or false");
    return missing;
  }
  return value->get<bool>();
}

std::vector<std::int64_t> SettingsReader::integers(IntegersRule rule) {
  const Json* const value = any(rule.key);
  if (value == nullptr) {
    return std::move(rule.missing);
  }
  const auto fits = [&](const Json& item) {
    return item.is_number_integer() && item.get<std::int64_t>() >= rule.low && item.get<std::int64_t>() <= rule.high;
  };
  const bool counted = value->is_array() && !value->empty() && (rule.count == 0 || value->size() == rule.count);
  if (!counted || !std::ranges::all_of(*value, fits)) {
    expected(rule.key, fmt::format("an array of {}integers from {} to {}",
                                   rule.count == 0 ? "" : fmt::format("{} ", rule.count), rule.low, rule.high));
    return std::move(rule.missing);
  }
  return value->get<std::vector<std::int64_t>>();
}

Result<void> SettingsReader::done() const {
  if (settings_.is_object()) {
    for (const auto& [key, value] : settings_.items()) {
      if (std::ranges::find(known_, key) != known_.end()) {
        continue;
      }
      const std::string cut = key.substr(0, kShownKeyLengthMax);
      if (known_.empty()) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{}: unknown key \"{}\", expected none", place_of(key), cut));
      }
      const auto nearest =
          std::ranges::min_element(known_, {}, [&](const std::string& known) { return edit_distance(cut, known); });
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: unknown key \"{}\"", place_of(key), cut),
                  fmt::format("did you mean \"{}\"? known are {}", *nearest, fmt::join(known_, ", ")));
    }
  }
  if (error_) {
    return std::unexpected(*error_);
  }
  return {};
}

}  // namespace asterism
