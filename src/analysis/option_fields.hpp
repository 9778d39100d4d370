// Which member of a method's options holds which option of the table (estimator_method.hpp): one list, by which options
// are read from JSON and written to it.
//
// Thread-safety: pure functions. An option without a field (a word of the method's own) is left to the method.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "analysis/estimator_method.hpp"
#include "asterism/metric.hpp"
#include "base/json.hpp"

namespace asterism {

template <typename Options>
struct OptionField {
  std::string_view name;
  std::variant<std::size_t Options::*, double Options::*, Metric Options::*> member;
};

inline void read_option(const Json& json, std::string_view name, std::size_t& to) {
  to = option_count(json, name);
}
inline void read_option(const Json& json, std::string_view name, double& to) {
  to = option_number(json, name);
}
inline void read_option(const Json& json, std::string_view name, Metric& to) {
  to = option_word(json, name) == metric_name(Metric::kCosine) ? Metric::kCosine : Metric::kEuclidean;
}
inline Json written_option(std::size_t value) {
  return value;
}
inline Json written_option(double value) {
  return value;
}
inline Json written_option(Metric value) {
  return metric_name(value);
}

// Of options that were checked, where all of `fields` are.
template <typename Options>
Options options_from(const Json& json, std::span<const OptionField<Options>> fields) {
  Options options;
  for (const OptionField<Options>& field : fields) {
    std::visit([&](auto member) { read_option(json, field.name, options.*member); }, field.member);
  }
  return options;
}

template <typename Options>
Json json_of(const Options& options, std::span<const OptionField<Options>> fields) {
  Json json = Json::object();
  for (const OptionField<Options>& field : fields) {
    std::visit([&](auto member) { json[std::string(field.name)] = written_option(options.*member); }, field.member);
  }
  return json;
}

}  // namespace asterism
