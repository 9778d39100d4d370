#include "graph/graph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/edit_distance.hpp"
#include "graph/attributes_text.hpp"
#include "graph/infer.hpp"

namespace asterism {
namespace {

constexpr std::size_t kListedNameCountMax = 8;
constexpr std::uint32_t kRemoved = ~std::uint32_t{0};

// Names of computed values nearest to `name` by edits, nearest first.
std::vector<std::string_view> near_names(const Graph& graph, std::string_view name) {
  constexpr std::size_t kNearNameCount = 3;
  constexpr std::size_t kComparedLengthMax = 200;  // a hostile name must not make the error expensive
  std::vector<std::pair<std::size_t, std::string_view>> scored;
  const auto consider = [&](std::string_view candidate) {
    scored.emplace_back(edit_distance(name.substr(0, kComparedLengthMax), candidate), candidate);
  };
  for (const Value& value : graph.values()) {
    if (value.op != Op::kInput && value.op != Op::kParameter) {
      consider(value.name);
    }
  }
  for (const Alias& alias : graph.aliases()) {
    consider(alias.name);
  }
  const std::size_t count = std::min(kNearNameCount, scored.size());
  std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(count), scored.end());
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back(scored[i].second);
  }
  return names;
}

// "a, b, c and 12 more"
std::string list_names(std::span<const std::string> names) {
  const std::size_t shown = std::min(names.size(), kListedNameCountMax);
  std::string out = fmt::format("{}", fmt::join(names.first(shown), ", "));
  return names.size() > shown ? fmt::format("{} and {} more", out, names.size() - shown) : out;
}

std::unexpected<Error> broken(const Value& value, std::size_t index, std::string_view what) {
  return fail(ErrorCode::kInternal, fmt::format("graph: %{} \"{}\": {}", index, value.name, what),
              "the graph was not made by GraphBuilder; report this as a bug");
}

Result<void> verify_value(std::span<const Value> values, std::size_t index) {
  const Value& value = values[index];
  if (static_cast<std::size_t>(value.op) >= op_table().size()) {
    return broken(value, index, "an op outside the op table");
  }
  const OpTraits& traits = op_traits(value.op);
  if (value.inputs.size() < traits.input_count_min || value.inputs.size() > traits.input_count_max) {
    return broken(value, index,
                  fmt::format("{} takes {} to {} inputs, found {}", traits.name, traits.input_count_min,
                              traits.input_count_max, value.inputs.size()));
  }
  std::vector<const Value*> operands;
  for (const ValueId input : value.inputs) {
    if (static_cast<std::size_t>(input) >= index) {
      return broken(value, index, fmt::format("uses %{}, which does not precede it", static_cast<std::size_t>(input)));
    }
    operands.push_back(&values[static_cast<std::size_t>(input)]);
  }
  if (value.op == Op::kInput || value.op == Op::kParameter) {
    return {};
  }
  const auto type = infer_type(value.op, value.attributes, operands);
  if (!type) {
    return broken(value, index, type.error().message);
  }
  if (type->dtype != value.dtype || type->shape != value.shape) {
    return broken(value, index,
                  fmt::format("inference gives {} {}, found {} {}", dtype_name(type->dtype),
                              symbolic_shape_to_string(type->shape), dtype_name(value.dtype),
                              symbolic_shape_to_string(value.shape)));
  }
  return {};
}

enum class ExtraParameters : std::uint8_t { kRefused, kAllowed };

Result<void> compare_parameters(const Graph& graph, const ParameterMap& parameters, std::string_view source,
                                ExtraParameters extra_parameters) {
  std::vector<std::string> missing;
  std::vector<std::string> misshaped;
  std::vector<std::string> extra;
  std::set<std::string_view> wanted;
  for (const Value& value : graph.values()) {
    if (value.op != Op::kParameter) {
      continue;
    }
    wanted.insert(value.name);
    const auto it = parameters.find(value.name);
    if (it == parameters.end()) {
      missing.push_back(value.name);
    } else if (it->second.shape() != value.shape) {
      misshaped.push_back(fmt::format("{} (expected {}, found {})", value.name, shape_to_string(value.shape),
                                      shape_to_string(it->second.shape())));
    }
  }
  for (const auto& [name, tensor] : parameters) {
    if (extra_parameters == ExtraParameters::kRefused && !wanted.contains(name)) {
      extra.push_back(name);
    }
  }
  std::vector<std::string> problems;
  const auto report = [&](std::string_view word, const std::vector<std::string>& names) {
    if (!names.empty()) {
      problems.push_back(fmt::format("{} {}: {}", names.size(), word, list_names(names)));
    }
  };
  report("missing", missing);
  report("misshaped", misshaped);
  report("unknown", extra);
  if (problems.empty()) {
    return {};
  }
  return fail(ErrorCode::kMismatch,
              fmt::format("{}: the weights do not fit the configuration: {}", source, fmt::join(problems, "; ")),
              "check that config.json and the weights belong to the same model");
}

}  // namespace

Graph::Graph(std::vector<Value> values, std::vector<ValueId> outputs, std::vector<Alias> aliases)
    : values_(std::move(values)), outputs_(std::move(outputs)), aliases_(std::move(aliases)) {}

Result<ValueId> Graph::find(std::string_view name) const {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].name == name) {
      return ValueId{static_cast<std::uint32_t>(i)};
    }
  }
  for (const Alias& alias : aliases_) {
    if (alias.name == name) {
      return alias.value;
    }
  }
  return fail(ErrorCode::kNotFound, fmt::format("layer \"{}\" is not a value of the model", name),
              fmt::format("near names: {}; `asterism models layers MODEL` lists all",
                          fmt::join(near_names(*this, name), ", ")));
}

std::size_t Graph::op_count() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(
      values_, [](const Value& value) { return value.op != Op::kInput && value.op != Op::kParameter; }));
}

Result<Graph> Graph::cut(std::span<const std::string> outputs) const {
  std::vector<ValueId> targets;
  std::vector<bool> needed(values_.size(), false);
  for (const std::string& name : outputs) {
    const auto id = find(name);
    if (!id) {
      return std::unexpected(id.error());
    }
    targets.push_back(*id);
    needed[static_cast<std::size_t>(*id)] = true;
  }
  for (std::size_t i = values_.size(); i-- > 0;) {
    if (needed[i]) {
      for (const ValueId input : values_[i].inputs) {
        needed[static_cast<std::size_t>(input)] = true;
      }
    }
  }
  Graph result;
  std::vector<std::uint32_t> position(values_.size(), kRemoved);
  const auto moved = [&](ValueId id) { return ValueId{position[static_cast<std::size_t>(id)]}; };
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (needed[i]) {
      position[i] = static_cast<std::uint32_t>(result.values_.size());
      Value value = values_[i];
      std::ranges::transform(value.inputs, value.inputs.begin(), moved);
      result.values_.push_back(std::move(value));
    }
  }
  for (const Alias& alias : aliases_) {
    if (needed[static_cast<std::size_t>(alias.value)]) {
      result.aliases_.push_back({alias.name, moved(alias.value)});
    }
  }
  std::ranges::transform(targets, std::back_inserter(result.outputs_), moved);
  if (auto ok = result.verify(); !ok) {
    return std::unexpected(ok.error());
  }
  return result;
}

Result<void> Graph::verify() const {
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].name.empty()) {
      return broken(values_[i], i, "the name is empty");
    }
    if (const auto [it, inserted] = seen.emplace(values_[i].name, i); !inserted) {
      return broken(values_[i], i, fmt::format("%{} has the same name", it->second));
    }
    if (auto ok = verify_value(values_, i); !ok) {
      return ok;
    }
  }
  for (const Alias& alias : aliases_) {
    const auto index = static_cast<std::size_t>(alias.value);
    if (index >= values_.size() || alias.name.empty() || !seen.emplace(alias.name, index).second) {
      return fail(ErrorCode::kInternal,
                  fmt::format("graph: alias \"{}\" of %{}: the name is taken or empty, or there is no such value",
                              alias.name, index));
    }
  }
  if (outputs_.empty()) {
    return fail(ErrorCode::kInternal, "graph: there is no output");
  }
  for (const ValueId output : outputs_) {
    if (static_cast<std::size_t>(output) >= values_.size()) {
      return fail(ErrorCode::kInternal,
                  fmt::format("graph: output %{} is not a value", static_cast<std::size_t>(output)));
    }
    const Value& value = this->value(output);
    if (value.op == Op::kInput || value.op == Op::kParameter) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("graph: output \"{}\" is computed by nothing", value.name),
                  "`asterism models layers MODEL` lists the values that can be asked for");
    }
  }
  return {};
}

Result<void> Graph::check_parameters(const ParameterMap& parameters, std::string_view source) const {
  return compare_parameters(*this, parameters, source, ExtraParameters::kRefused);
}

Result<void> Graph::check_bound(const ParameterMap& parameters) const {
  return compare_parameters(*this, parameters, "graph", ExtraParameters::kAllowed);
}

ParameterMap parameters_of(const Graph& graph, ParameterMap all) {
  ParameterMap used;
  for (const Value& value : graph.values()) {
    if (value.op == Op::kParameter) {
      used.insert(all.extract(value.name));
    }
  }
  return used;
}

std::string Graph::dump() const {
  std::string out;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Value& value = values_[i];
    std::string inputs;
    for (const ValueId input : value.inputs) {
      inputs += fmt::format("{}%{}", inputs.empty() ? "" : ", ", static_cast<std::size_t>(input));
    }
    out += fmt::format("%{} {} = {}({}){} {} {}\n", i, value.name, op_name(value.op), inputs,
                       attributes_to_string(value), dtype_name(value.dtype), symbolic_shape_to_string(value.shape));
  }
  for (const Alias& alias : aliases_) {
    out += fmt::format("alias {} = %{}\n", alias.name, static_cast<std::size_t>(alias.value));
  }
  for (const ValueId output : outputs_) {
    out += fmt::format("output %{}\n", static_cast<std::size_t>(output));
  }
  return out;
}

}  // namespace asterism
