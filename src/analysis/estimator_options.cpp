#include "analysis/estimator_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "asterism/metric.hpp"
#include "base/edit_distance.hpp"

namespace asterism {
namespace {

// What a stranger sent is cut before the distances are computed, whose cost is the product of lengths.
constexpr std::size_t kNameLengthMax = 64;
// Counts and seeds are whole in a double, in JSON and in every language that reads it.
constexpr double kCountMax = 9007199254740991.0;

std::vector<std::string_view> option_names(const EstimatorMethod& method) {
  std::vector<std::string_view> names;
  for (const EstimatorOption& option : method.options) {
    names.push_back(option.name);
  }
  return names;
}

const EstimatorOption* find_option(const EstimatorMethod& method, std::string_view name) {
  const auto found = std::ranges::find(method.options, name, &EstimatorOption::name);
  return found == method.options.end() ? nullptr : &*found;
}

std::unexpected<Error> unknown_option(const EstimatorMethod& method, std::string_view name, std::string_view source) {
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: expected an option of {}, found '{}'", source, method.name, name.substr(0, kNameLengthMax)),
      nearest_name_hint(name, option_names(method)));
}

bool within(const EstimatorOption& option, double value) {
  return value >= option.min && value <= option.max;
}

bool is_count(const Json& value) {
  return value.is_number() && value.get<double>() >= 0.0 && value.get<double>() <= kCountMax &&
         std::floor(value.get<double>()) == value.get<double>();
}

bool is_allowed(const EstimatorOption& option, const Json& value) {
  switch (option.kind) {
    case OptionKind::kFlag:
      return value.is_boolean();
    case OptionKind::kCount:
      return is_count(value) && within(option, value.get<double>());
    case OptionKind::kNumber:
      return value.is_number() && std::isfinite(value.get<double>()) && within(option, value.get<double>());
    case OptionKind::kWord:
      return value.is_string() && std::ranges::count(option.words, value.get_ref<const std::string&>()) > 0;
  }
  return false;
}

// Counts are kept as whole numbers, however they were written (30.0).
Json normal_form(const EstimatorOption& option, const Json& value) {
  if (option.kind == OptionKind::kCount && !value.is_number_unsigned()) {
    return static_cast<std::uint64_t>(value.get<double>());
  }
  return option.kind == OptionKind::kNumber ? Json(value.get<double>()) : value;
}

}  // namespace

EstimatorOption components_option(std::size_t default_count, std::size_t min) {
  return {.name = kComponentsOption,
          .kind = OptionKind::kCount,
          .default_value = default_count,
          .text = "values of a place",
          .min = static_cast<double>(min)};
}

EstimatorOption seed_option() {
  return {.name = kSeedOption,
          .kind = OptionKind::kCount,
          .default_value = 0U,
          .text = "of the random numbers: the same seed gives the same bytes"};
}

EstimatorOption metric_option() {
  return {.name = "metric",
          .kind = OptionKind::kWord,
          .default_value = metric_name(Metric::kEuclidean),
          .text = "how nearness of rows is measured",
          .words = {metric_name(Metric::kEuclidean), metric_name(Metric::kCosine)}};
}

EstimatorOption count_option(std::string_view name, std::size_t value, double min, double max, std::string_view text) {
  return {.name = name, .kind = OptionKind::kCount, .default_value = value, .text = text, .min = min, .max = max};
}

EstimatorOption number_option(std::string_view name, double value, double min, double max, std::string_view text) {
  return {.name = name, .kind = OptionKind::kNumber, .default_value = value, .text = text, .min = min, .max = max};
}

bool option_flag(const Json& options, std::string_view name) {
  return options.at(name).get<bool>();
}

std::size_t option_count(const Json& options, std::string_view name) {
  return options.at(name).get<std::size_t>();
}

double option_number(const Json& options, std::string_view name) {
  return options.at(name).get<double>();
}

std::string_view option_word(const Json& options, std::string_view name) {
  return options.at(name).get_ref<const std::string&>();
}

std::string nearest_name_hint(std::string_view found, const std::vector<std::string_view>& names) {
  const std::string_view word = found.substr(0, kNameLengthMax);
  const auto nearest =
      std::ranges::min_element(names, {}, [&](std::string_view name) { return edit_distance(word, name); });
  if (nearest != names.end() && edit_distance(word, *nearest) <= std::max<std::size_t>(1, word.size() / 3)) {
    return fmt::format("did you mean '{}'?", *nearest);
  }
  return fmt::format("there are {}", fmt::join(names, ", "));
}

std::string option_expectation(const EstimatorOption& option) {
  if (option.kind == OptionKind::kFlag) {
    return "true or false";
  }
  if (option.kind == OptionKind::kWord) {
    return fmt::format("one of {}", fmt::join(option.words, ", "));
  }
  const std::string_view noun = option.kind == OptionKind::kCount ? "a whole number" : "a number";
  return std::isinf(option.max) ? fmt::format("{} from {} on", noun, option.min)
                                : fmt::format("{} from {} to {}", noun, option.min, option.max);
}

Result<Json> complete_options(const EstimatorMethod& method, const Json& given, std::string_view source) {
  if (!given.is_object() && !given.is_null()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected options as an object", source));
  }
  for (const auto& [name, value] : given.items()) {
    const EstimatorOption* option = find_option(method, name);
    if (option == nullptr) {
      return unknown_option(method, name, source);
    }
    if (!is_allowed(*option, value)) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}: expected {}, found {}", source, name,
                                                           option_expectation(*option), value.dump().substr(0, 80)));
    }
  }
  Json all = Json::object();
  for (const EstimatorOption& option : method.options) {
    const auto found = given.find(option.name);
    all[std::string(option.name)] = normal_form(option, found == given.end() ? option.default_value : *found);
  }
  return all;
}

Result<Json> parse_option(const EstimatorMethod& method, std::string_view name, std::string_view text) {
  const EstimatorOption* option = find_option(method, name);
  if (option == nullptr) {
    return unknown_option(method, name, method.name);
  }
  if (option->kind == OptionKind::kWord) {
    return Json(std::string(text));
  }
  if (option->kind == OptionKind::kFlag && (text == "true" || text == "false")) {
    return Json(text == "true");
  }
  std::uint64_t count = 0;
  if (option->kind == OptionKind::kCount) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error == std::errc() && end == text.data() + text.size()) {
      return Json(count);
    }
  }
  double number = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (option->kind == OptionKind::kNumber && error == std::errc() && end == text.data() + text.size()) {
    return Json(number);
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}: expected {}, found '{}'", method.name, name,
                                                       option_expectation(*option), text.substr(0, kNameLengthMax)));
}

}  // namespace asterism
