#include "train/parameter_rules.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <set>

#include "base/edit_distance.hpp"

namespace asterism {
namespace {

constexpr std::size_t kShownNameLengthMax = 200;

// Index of the weight among the inputs of ops whose weight is a matrix.
std::optional<std::size_t> decayed_input(Op op) {
  switch (op) {
    case Op::kLinear:
    case Op::kConv2d:
      return 1;
    case Op::kEmbedding:
      return 0;
    default:
      return std::nullopt;
  }
}

bool is_number(std::string_view part) {
  return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t dot = path.find('.');
    parts.push_back(path.substr(0, dot));
    if (dot == std::string_view::npos) {
      return parts;
    }
    path.remove_prefix(dot + 1);
  }
}

struct LayerOfPath {
  std::string name;
  bool numbered = false;
};

// The block that a parameter is in, or the first part of its path.
LayerOfPath layer_of(std::string_view path) {
  const std::vector<std::string_view> parts = split_path(path);
  const auto number = std::ranges::find_if(parts, is_number);
  const auto joined = [&](std::ptrdiff_t count) {
    return fmt::format("{}", fmt::join(parts.begin(), parts.begin() + count, "."));
  };
  const auto at = number - parts.begin();
  // "classifier.1.weight" is a module of its own, "encoder.layer.1.lambda_1" is inside a block.
  const auto size = static_cast<std::ptrdiff_t>(parts.size());
  const bool module = at == 1 && size == 3 && (parts[2] == "weight" || parts[2] == "bias");
  if (number == parts.end() || at + 1 >= size || module) {
    return {std::string(parts.front()), false};
  }
  const bool nested =
      at + 3 < size &&
      (parts[static_cast<std::size_t>(at) + 1] == "layers" || parts[static_cast<std::size_t>(at) + 1] == "blocks") &&
      is_number(parts[static_cast<std::size_t>(at) + 2]);
  return {joined(nested ? at + 3 : at + 1), true};
}

bool is_below(std::string_view name, std::string_view path) {
  return name == path || (name.starts_with(path) && name.size() > path.size() && name[path.size()] == '.');
}

// Parameters that a value is computed from.
std::set<std::string> ancestors(const Graph& graph, ValueId value) {
  std::set<std::string> names;
  std::vector<bool> needed(graph.values().size());
  needed[static_cast<std::size_t>(value)] = true;
  for (std::size_t i = needed.size(); i-- > 0;) {
    if (!needed[i]) {
      continue;
    }
    const Value& one = graph.values()[i];
    if (one.op == Op::kParameter) {
      names.insert(one.name);
    }
    for (const ValueId input : one.inputs) {
      needed[static_cast<std::size_t>(input)] = true;
    }
  }
  return names;
}

std::set<std::string> matches(const Graph& graph, std::string_view name) {
  std::set<std::string> found;
  for (const Value& value : graph.values()) {
    if (value.op == Op::kParameter && is_below(value.name, name)) {
      found.insert(value.name);
    }
  }
  if (found.empty()) {
    if (const auto value = graph.find(name)) {
      return ancestors(graph, *value);
    }
  }
  return found;
}

// Paths of parameters and names of values.
std::set<std::string> known_names(const Graph& graph) {
  std::set<std::string> names;
  for (const Value& value : graph.values()) {
    std::string path = value.name;
    names.insert(path);
    while (value.op == Op::kParameter && path.contains('.')) {
      path.resize(path.rfind('.'));
      names.insert(path);
    }
  }
  for (const Alias& alias : graph.aliases()) {
    names.insert(alias.name);
  }
  return names;
}

std::vector<std::string> nearest_names(const Graph& graph, std::string_view name) {
  constexpr std::size_t kNearCount = 3;
  std::vector<std::pair<std::size_t, std::string>> scored;
  for (const std::string& candidate : known_names(graph)) {
    scored.emplace_back(edit_distance(name.substr(0, kShownNameLengthMax), candidate), candidate);
  }
  std::ranges::sort(scored);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(kNearCount, scored.size()); ++i) {
    names.push_back(scored[i].second);
  }
  return names;
}

}  // namespace

void add_decay_rules(const Graph& graph, ParameterRules& rules) {
  std::set<ValueId> decayed;
  for (const Value& value : graph.values()) {
    if (const auto index = decayed_input(value.op)) {
      decayed.insert(value.inputs[*index]);
    }
  }
  for (std::size_t i = 0; i < graph.values().size(); ++i) {
    const Value& value = graph.values()[i];
    if (value.op == Op::kParameter && !decayed.contains(ValueId{static_cast<std::uint32_t>(i)})) {
      rules[value.name].weight_decay_scale = 0.0;
    }
  }
}

void add_layer_rules(const Graph& encoder, double decay, ParameterRules& rules) {
  std::vector<LayerOfPath> layers;
  std::map<std::string, std::size_t> index_of;
  for (const Value& value : encoder.values()) {
    if (value.op != Op::kParameter) {
      continue;
    }
    const LayerOfPath layer = layer_of(value.name);
    if (index_of.emplace(layer.name, layers.size()).second) {
      layers.push_back(layer);
    }
  }
  // The top: the first layer after the blocks, or without blocks the last layer.
  const auto last_block = std::ranges::find(layers.rbegin(), layers.rend(), true, &LayerOfPath::numbered);
  const std::size_t top = last_block == layers.rend() ? std::max<std::size_t>(layers.size(), 1) - 1
                                                      : static_cast<std::size_t>(layers.rend() - last_block);
  for (const Value& value : encoder.values()) {
    if (value.op != Op::kParameter) {
      continue;
    }
    const std::size_t depth = std::min(index_of.at(layer_of(value.name).name), top);
    if (depth < top) {
      rules[value.name].learning_rate_scale = std::pow(decay, static_cast<double>(top - depth));
    }
  }
}

Result<void> add_frozen_rules(const Graph& graph, const std::vector<std::string>& frozen, std::string_view source,
                              ParameterRules& rules) {
  for (const std::string& name : frozen) {
    const std::set<std::string> names = matches(graph, name);
    if (names.empty()) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("{}: \"frozen\": the network has no parameters at \"{}\"", source,
                              name.substr(0, kShownNameLengthMax)),
                  fmt::format("near names: {}", fmt::join(nearest_names(graph, name), ", ")));
    }
    for (const std::string& parameter : names) {
      rules[parameter].trained = false;
    }
  }
  return {};
}

}  // namespace asterism
