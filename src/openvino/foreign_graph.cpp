#include "openvino/foreign_graph.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <openvino/op/add.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/fake_quantize.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>

namespace asterism {
namespace {

using Nodes = std::vector<std::shared_ptr<ov::Node>>;

bool computes(const ov::Node& node) {
  return !ov::is_type<ov::op::v0::Constant>(&node) && !ov::is_type<ov::op::v0::Parameter>(&node) &&
         !ov::is_type<ov::op::v0::Result>(&node);
}

// 0 where a dimension is free.
std::uint64_t element_count(const ov::PartialShape& shape) {
  return shape.is_static() ? static_cast<std::uint64_t>(ov::shape_size(shape.to_shape())) : 0;
}

std::uint64_t dim(const ov::PartialShape& shape, std::size_t index) {
  if (shape.rank().is_dynamic() || index >= shape.size()) {
    return 0;
  }
  const ov::Dimension& dimension = shape[static_cast<std::ptrdiff_t>(index)];
  return dimension.is_static() ? static_cast<std::uint64_t>(dimension.get_length()) : 0;
}

// The multiply-adds of one operation: its outputs times the inputs that each one sums over.
std::uint64_t own_multiply_adds(const ov::Node& node) {
  if (ov::is_type<ov::op::v1::Convolution>(&node) || ov::is_type<ov::op::v1::GroupConvolution>(&node)) {
    const auto& weight = node.get_input_partial_shape(1);  // [out, in, ...], in front of it the groups
    const std::size_t first = ov::is_type<ov::op::v1::GroupConvolution>(&node) ? 2 : 1;
    std::uint64_t window = 1;
    for (std::size_t i = first; weight.rank().is_static() && i < weight.size(); ++i) {
      window *= dim(weight, i);
    }
    return element_count(node.get_output_partial_shape(0)) * window;
  }
  if (ov::is_type<ov::op::v1::ConvolutionBackpropData>(&node) ||
      ov::is_type<ov::op::v1::GroupConvolutionBackpropData>(&node)) {
    const std::uint64_t channels = std::max<std::uint64_t>(dim(node.get_input_partial_shape(0), 1), 1);
    return element_count(node.get_input_partial_shape(0)) * (element_count(node.get_input_partial_shape(1)) / channels);
  }
  if (const auto* product = ov::as_type<const ov::op::v0::MatMul>(&node)) {
    const auto& left = node.get_input_partial_shape(0);
    const std::size_t rank = left.rank().is_static() ? left.size() : 0;
    const std::uint64_t depth =
        rank == 0 ? 0 : dim(left, rank < 2 || !product->get_transpose_a() ? rank - 1 : rank - 2);
    return element_count(node.get_output_partial_shape(0)) * depth;
  }
  return 0;
}

// What each operation needs, itself included, in multiply-adds. Shared parts count once, so every operation keeps the
// set of those before it that cost anything.
std::unordered_map<const ov::Node*, std::uint64_t> needed_multiply_adds(const Nodes& ordered) {
  std::vector<std::uint64_t> costs;
  std::unordered_map<const ov::Node*, std::size_t> index;
  for (const auto& node : ordered) {
    if (const std::uint64_t own = own_multiply_adds(*node); own > 0) {
      index.emplace(node.get(), costs.size());
      costs.push_back(own);
    }
  }
  std::unordered_map<const ov::Node*, std::vector<bool>> needs;
  std::unordered_map<const ov::Node*, std::uint64_t> out;
  for (const auto& node : ordered) {
    std::vector<bool> set(costs.size(), false);
    for (const auto& input : node->input_values()) {
      const std::vector<bool>& before = needs[input.get_node()];
      for (std::size_t i = 0; i < before.size(); ++i) {
        set[i] = set[i] || before[i];
      }
    }
    if (const auto own = index.find(node.get()); own != index.end()) {
      set[own->second] = true;
    }
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < set.size(); ++i) {
      sum += set[i] ? costs[i] : 0;
    }
    out.emplace(node.get(), sum);
    needs[node.get()] = std::move(set);
  }
  return out;
}

std::unordered_set<const ov::Node*> depending_on_inputs(const Nodes& ordered) {
  std::unordered_set<const ov::Node*> out;
  for (const auto& node : ordered) {
    const auto inputs = node->input_values();
    if (ov::is_type<ov::op::v0::Parameter>(node.get()) ||
        std::ranges::any_of(inputs, [&](const auto& input) { return out.contains(input.get_node()); })) {
      out.insert(node.get());
    }
  }
  return out;
}

// Steps from an input, the longest way.
std::unordered_map<const ov::Node*, std::size_t> depths(const Nodes& ordered) {
  std::unordered_map<const ov::Node*, std::size_t> out;
  for (const auto& node : ordered) {
    std::size_t depth = 0;
    for (const auto& input : node->input_values()) {
      depth = std::max(depth, out[input.get_node()] + 1);
    }
    out[node.get()] = depth;
  }
  return out;
}

std::optional<float> scalar_of(const ov::Output<ov::Node>& value) {
  const auto* constant = ov::as_type<const ov::op::v0::Constant>(value.get_node());
  if (constant == nullptr || ov::shape_size(constant->get_shape()) != 1) {
    return std::nullopt;
  }
  return constant->cast_vector<float>()[0];
}

struct Affine {
  float scale = 1.0F;
  float offset = 0.0F;
};

// What codes stand for: the quantisation that made them, found behind operations that only move values.
std::optional<Affine> quantisation_of(ov::Output<ov::Node> value) {
  static const std::set<std::string> kMoving{"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Convert"};
  while (kMoving.contains(value.get_node()->get_type_name())) {
    value = value.get_node()->input_value(0);
  }
  if (!ov::is_type<ov::op::v0::FakeQuantize>(value.get_node())) {
    return std::nullopt;
  }
  const auto low = scalar_of(value.get_node()->input_value(1));
  const auto high = scalar_of(value.get_node()->input_value(2));
  const auto code_low = scalar_of(value.get_node()->input_value(3));
  const auto code_high = scalar_of(value.get_node()->input_value(4));
  if (!low || !high || !code_low || !code_high || *code_high == *code_low) {
    return std::nullopt;
  }
  const float scale = (*high - *low) / (*code_high - *code_low);
  return Affine{scale, *low - *code_low * scale};
}

ov::Output<ov::Node> to_f32(const ov::Output<ov::Node>& value) {
  return value.get_element_type() == ov::element::f32
             ? value
             : std::make_shared<ov::op::v0::Convert>(value, ov::element::f32)->output(0);
}

ov::Output<ov::Node> scalar(float value) {
  return ov::op::v0::Constant::create(ov::element::f32, ov::Shape{}, {value})->output(0);
}

}  // namespace

std::size_t count_ops(const ov::Model& model) {
  const auto ops = model.get_ops();
  return static_cast<std::size_t>(std::ranges::count_if(ops, [](const auto& node) { return computes(*node); }));
}

std::vector<std::int64_t> dims_of(const ov::PartialShape& shape) {
  std::vector<std::int64_t> out;
  if (shape.rank().is_static()) {
    for (const ov::Dimension& dimension : shape) {
      out.push_back(dimension.is_static() ? dimension.get_length() : kFreeDim);
    }
  }
  return out;
}

std::string name_of(const ov::Output<ov::Node>& output) {
  const auto names = output.get_names();
  return names.empty() ? std::string() : *std::ranges::min_element(names);
}

std::vector<ForeignNode> list_nodes(const ov::Model& model) {
  Nodes ordered = model.get_ordered_ops();
  const auto depth = depths(ordered);
  const auto costs = needed_multiply_adds(ordered);
  const auto depending = depending_on_inputs(ordered);
  // Some order of the operations is as good as another to OpenVINO; to people, what comes first stands first.
  std::ranges::stable_sort(ordered, {}, [&](const auto& node) { return depth.at(node.get()); });
  std::vector<ForeignNode> out;
  for (const auto& node : ordered) {
    if (!computes(*node) || !depending.contains(node.get())) {
      continue;
    }
    for (const auto& output : node->outputs()) {
      if (const std::string name = name_of(output); !name.empty()) {
        out.push_back({name, node->get_type_name(), dims_of(output.get_partial_shape()), costs.at(node.get())});
      }
    }
  }
  return out;
}

std::optional<ov::Output<ov::Node>> find_value(const ov::Model& model, std::string_view name) {
  const std::string wanted(name);
  std::optional<ov::Output<ov::Node>> by_operation;
  for (const auto& node : model.get_ordered_ops()) {
    if (!computes(*node)) {
      continue;
    }
    for (const auto& output : node->outputs()) {
      if (output.get_names().contains(wanted)) {
        return output;
      }
    }
    if (node->get_friendly_name() == wanted) {
      by_operation = node->output(0);
    }
  }
  return by_operation;
}

CutModel cut_at(const ov::Output<ov::Node>& value) {
  CutModel cut;
  ov::Output<ov::Node> out = to_f32(value);
  if (value.get_element_type().is_integral_number()) {
    if (const auto quantisation = quantisation_of(value)) {
      out = std::make_shared<ov::op::v1::Multiply>(out, scalar(quantisation->scale))->output(0);
      out = std::make_shared<ov::op::v1::Add>(out, scalar(quantisation->offset))->output(0);
      cut.dequantised = true;
    }
  }
  // The parameters that are left: a model may not have one that nothing reaches.
  const auto result = std::make_shared<ov::op::v0::Result>(out);
  std::unordered_set<ov::Node*> seen{result.get()};
  Nodes open{result};
  ov::ParameterVector parameters;
  while (!open.empty()) {
    const auto node = open.back();
    open.pop_back();
    if (auto parameter = ov::as_type_ptr<ov::op::v0::Parameter>(node)) {
      parameters.push_back(std::move(parameter));
    }
    cut.op_count += computes(*node) ? 1U : 0U;
    for (const auto& input : node->input_values()) {
      if (seen.insert(input.get_node()).second) {
        open.push_back(input.get_node_shared_ptr());
      }
    }
  }
  // What cut_at() itself put behind the value.
  cut.op_count -= (out == value ? 0U : 1U) + (cut.dequantised ? 2U : 0U);
  cut.model = std::make_shared<ov::Model>(ov::ResultVector{result}, parameters);
  return cut;
}

}  // namespace asterism
