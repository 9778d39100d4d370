#include "models/conv_graph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace asterism {
namespace {

// [before, after] along one axis, so that there are ceil(size / stride) outputs.
std::array<std::int64_t, 2> same_padding(std::int64_t size, std::int64_t kernel, std::int64_t stride) {
  const std::int64_t output = (size + stride - 1) / stride;
  const std::int64_t total = std::max<std::int64_t>((output - 1) * stride + kernel - size, 0);
  return {total / 2, total - total / 2};
}

std::string join_few(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 8;
  if (names.size() <= kShown) {
    return fmt::format("{}", fmt::join(names, ", "));
  }
  return fmt::format("{}, ...", fmt::join(names.begin(), names.begin() + kShown, ", "));
}

}  // namespace

ConvGraph::ConvGraph(ParameterMap parameters, std::string source)
    : parameters_(std::move(parameters)), source_(std::move(source)) {}

const Shape& ConvGraph::tensor_shape(std::string_view name) const {
  static const Shape kNone;
  const auto it = parameters_.find(name);
  return it == parameters_.end() ? kNone : it->second.shape();
}

bool ConvGraph::has_prefix(std::string_view prefix) const {
  const auto it = parameters_.lower_bound(prefix);
  return it != parameters_.end() && it->first.starts_with(prefix);
}

std::int64_t ConvGraph::count(std::string_view before, std::string_view after) const {
  std::int64_t found = 0;
  while (has_prefix(fmt::format("{}{}{}", before, found, after))) {
    ++found;
  }
  return found;
}

void ConvGraph::flatten_parameter(const std::string& name, std::size_t rank) {
  const auto it = parameters_.find(name);
  if (it == parameters_.end() || std::ranges::count_if(it->second.shape(), [](auto dim) { return dim != 1; }) > 1) {
    return;
  }
  Shape shape(rank, 1);
  shape[0] = static_cast<std::int64_t>(it->second.element_count());
  auto owner = std::make_shared<const Tensor>(it->second);
  it->second = Tensor(owner->dtype(), std::move(shape), owner->bytes(), owner);
}

std::int64_t ConvGraph::dimension(ValueId x, std::size_t axis) const {
  const Shape& shape = builder_.shape(x);
  return broken() || axis >= shape.size() ? 1 : shape[axis];
}

void ConvGraph::note_misshaped(const std::string& name, std::string_view expected) {
  misshaped_.push_back(fmt::format("{}: expected {}, found {}", name, expected, shape_to_string(tensor_shape(name))));
}

ValueId ConvGraph::keep(ValueId value) {
  stuck_ |= builder_.shape(value).empty();
  return value;
}

std::optional<Shape> ConvGraph::expect(const std::string& name, std::size_t rank) {
  used_.insert(name);
  const auto it = parameters_.find(name);
  if (it == parameters_.end()) {
    missing_.push_back(name);
    return std::nullopt;
  }
  if (it->second.shape().size() != rank) {
    note_misshaped(name, fmt::format("{} dimensions", rank));
    return std::nullopt;
  }
  return it->second.shape();
}

ValueId ConvGraph::parameter(const std::string& name, const Shape& shape) {
  const auto found = expect(name, shape.size());
  if (found && *found != shape && !broken()) {
    note_misshaped(name, shape_to_string(shape));
  }
  return broken() ? ValueId{} : builder_.parameter(name, shape);
}

ValueId ConvGraph::input(const std::string& first_weight, std::int64_t height, std::int64_t width) {
  const auto weight = expect(first_weight, 4);
  const std::int64_t channels = weight ? (*weight)[1] : 3;
  input_ = builder_.input(std::string(kImageInput), DType::kF32, {kRowDim, channels, height, width});
  return input_;
}

std::optional<std::int64_t> ConvGraph::group_count(const std::string& name, const Shape& weight, ValueId x,
                                                   ConvGroups groups) {
  const std::int64_t in = channels(x);
  const std::int64_t each = weight[1];
  const bool fits = groups == ConvGroups::kOne         ? each == in
                    : groups == ConvGroups::kDepthwise ? each == 1 && weight[0] == in
                                                       : each > 0 && in % each == 0 && weight[0] % (in / each) == 0;
  if (!fits && !broken()) {
    note_misshaped(
        name, groups == ConvGroups::kDepthwise ? fmt::format("[{}, 1, *, *]", in) : fmt::format("[*, {}, *, *]", in));
  }
  return fits ? std::optional(in / each) : std::nullopt;
}

ValueId ConvGraph::conv(const std::string& path, ValueId x, const ConvOptions& options) {
  const std::string weight_name = path + ".weight";
  const auto weight = expect(weight_name, 4);
  const auto group_total = weight ? group_count(weight_name, *weight, x, options.groups) : std::nullopt;
  std::optional<ValueId> bias;
  if (has(path + ".bias") && weight) {
    bias = parameter(path + ".bias", {(*weight)[0]});
  }
  if (broken() || !group_total) {
    return x;
  }
  Window2d window;
  window.stride = {options.stride, options.stride};
  const std::int64_t kernel_height = (*weight)[2];
  const std::int64_t kernel_width = (*weight)[3];
  if (options.padding_rule == ConvPadding::kHalf) {
    const std::int64_t tall = (kernel_height - 1) / 2;
    const std::int64_t wide = (kernel_width - 1) / 2;
    window.padding = {tall, wide, tall, wide};
  } else if (options.padding_rule == ConvPadding::kSame) {
    const auto [top, bottom] = same_padding(height(x), kernel_height, options.stride);
    const auto [left, right] = same_padding(width(x), kernel_width, options.stride);
    window.padding = {top, left, bottom, right};
  } else if (options.padding_rule == ConvPadding::kGiven) {
    window.padding = options.padding;
  }
  return keep(builder_.conv2d(path, {x, builder_.parameter(weight_name, *weight), bias}, window, *group_total));
}

ValueId ConvGraph::batch_norm(const std::string& path, const std::string& name, ValueId x, double epsilon) {
  const Shape shape{channels(x)};
  const ValueId weight = parameter(path + ".weight", shape);
  const ValueId bias = parameter(path + ".bias", shape);
  const ValueId mean = parameter(path + ".running_mean", shape);
  const ValueId variance = parameter(path + ".running_var", shape);
  return broken() ? x : keep(builder_.batch_norm(name, {x, weight, bias, mean, variance}, epsilon));
}

ValueId ConvGraph::conv_unit(const ConvUnit& unit, ValueId x) {
  const ValueId convolved = conv(unit.conv, x, unit.options);
  const ValueId normed = batch_norm(unit.norm, unit.normed.empty() ? unit.norm : unit.normed, convolved, unit.epsilon);
  const ValueId result = unit.activated.empty() ? normed : activation(unit.activated, normed, unit.activation);
  if (!unit.alias.empty()) {
    alias(unit.alias, result);
  }
  return result;
}

ValueId ConvGraph::squeeze_excite(const SqueezeExcite& names, ValueId x) {
  const ValueId squeezed = mean_map(names.squeeze, x);
  const ValueId reduced = conv(names.reduce, squeezed);
  const ValueId inner = activation(names.inner, reduced, names.inner_activation);
  const ValueId expanded = conv(names.expand, inner);
  const ValueId gate = activation(names.gate, expanded, names.gate_activation);
  return multiply(names.path, x, gate);
}

ValueId ConvGraph::linear(const std::string& path, ValueId x) {
  const auto weight = expect(path + ".weight", 2);
  const Shape& shape = builder_.shape(x);
  if (weight && !broken() && !shape.empty() && (*weight)[1] != shape.back()) {
    note_misshaped(path + ".weight", fmt::format("[*, {}]", shape.back()));
  }
  std::optional<ValueId> bias;
  if (has(path + ".bias") && weight) {
    bias = parameter(path + ".bias", {(*weight)[0]});
  }
  if (broken()) {
    return x;
  }
  const ValueId matrix = builder_.parameter(path + ".weight", *weight);
  return keep(bias ? builder_.linear(path, x, matrix, *bias) : builder_.linear(path, x, matrix));
}

ValueId ConvGraph::layer_norm(const std::string& path, ValueId x, double epsilon) {
  const Shape& shape = builder_.shape(x);
  const Shape last{broken() || shape.empty() ? 1 : shape.back()};
  const ValueId weight = parameter(path + ".weight", last);
  const ValueId bias = parameter(path + ".bias", last);
  return broken() ? x : keep(builder_.layer_norm(path, x, weight, bias, epsilon));
}

ValueId ConvGraph::layer_norm_2d(const std::string& path, ValueId x, double epsilon) {
  const Shape shape{channels(x)};
  const ValueId weight = parameter(path + ".weight", shape);
  const ValueId bias = parameter(path + ".bias", shape);
  if (broken()) {
    return x;
  }
  const ValueId last = builder_.transpose(path + ".channels_last", x, {0, 2, 3, 1});
  const ValueId normed = builder_.layer_norm(path + ".normed", last, weight, bias, epsilon);
  return keep(builder_.transpose(path, normed, {0, 3, 1, 2}));
}

ValueId ConvGraph::activation(const std::string& name, ValueId x, Activation activation) {
  return broken() ? x : keep(builder_.activation(name, x, activation));
}

ValueId ConvGraph::add(const std::string& name, ValueId a, ValueId b) {
  return broken() ? a : keep(builder_.add(name, a, b));
}

ValueId ConvGraph::multiply(const std::string& name, ValueId a, ValueId b) {
  return broken() ? a : keep(builder_.multiply(name, a, b));
}

ValueId ConvGraph::transpose(const std::string& name, ValueId x, std::vector<std::int64_t> permutation) {
  return broken() ? x : keep(builder_.transpose(name, x, std::move(permutation)));
}

ValueId ConvGraph::max_pool(const std::string& name, ValueId x, const Window2d& window) {
  return broken() ? x : keep(builder_.max_pool2d(name, x, window));
}

ValueId ConvGraph::avg_pool(const std::string& name, ValueId x, const Window2d& window) {
  return broken() ? x : keep(builder_.avg_pool2d(name, x, window));
}

ValueId ConvGraph::avg_pool_down(const std::string& name, ValueId x, std::int64_t stride) {
  return broken() ? x
                  : keep(builder_.avg_pool2d(name, x, {.kernel = {2, 2}, .stride = {stride, stride}},
                                             {.ceil_mode = CeilMode::kCeil, .count_padding = false}));
}

ValueId ConvGraph::adaptive_avg_pool(const std::string& name, ValueId x, std::array<std::int64_t, 2> size) {
  return broken() ? x : keep(builder_.adaptive_avg_pool2d(name, x, size));
}

ValueId ConvGraph::mean(const std::string& name, ValueId x) {
  return broken() ? x : keep(builder_.reduce(name, x, {.reduction = Reduction::kMean, .axes = {2, 3}}));
}

ValueId ConvGraph::timm_mean(const std::string& name, ValueId x) {
  const ValueId pooled = mean(name, x);
  alias(name + ".pool", pooled);
  return pooled;
}

ValueId ConvGraph::mean_map(const std::string& name, ValueId x) {
  return broken() ? x
                  : keep(builder_.reduce(name, x, {.reduction = Reduction::kMean, .axes = {2, 3}, .keep_dims = true}));
}

ValueId ConvGraph::flatten(const std::string& name, ValueId x) {
  if (broken()) {
    return x;
  }
  std::int64_t size = 1;
  const Shape& shape = builder_.shape(x);
  for (std::size_t axis = 1; axis < shape.size(); ++axis) {
    size *= shape[axis];
  }
  return keep(builder_.reshape(name, x, {size}));
}

void ConvGraph::alias(const std::string& name, ValueId value) {
  if (!broken()) {
    builder_.alias(name, value);
  }
}

void ConvGraph::feature(std::int64_t index, ValueId value) {
  alias(fmt::format("{}{}", kFeaturesPrefix, index), value);
}

void ConvGraph::head(const std::string& path, ValueId pooled, const DeclaredClasses& declared) {
  alias(std::string(kPenultimate), pooled);
  output_ = pooled;
  const Shape weight = tensor_shape(path + ".weight");
  const std::string module = path.substr(0, std::min(path.find('.'), path.size()));
  if (weight.empty()) {
    return;
  }
  if (declared.count > 0 && weight[0] != declared.count) {
    error_ = Error{ErrorCode::kMismatch,
                   fmt::format("{}: \"{}\" of the configuration is {}, but \"{}.weight\" has {} rows", source_,
                               declared.key, declared.count, path, weight[0]),
                   "check that config.json and the weights belong to the same model"};
    return;
  }
  const ValueId logits = linear(path, pooled);
  alias(std::string(kLogits), logits);
  if (module != path) {
    alias(module, logits);
  }
}

Result<ImageModel> ConvGraph::finish(ImageModel model) {
  if (!missing_.empty() || !misshaped_.empty()) {
    std::string message = source_ + ": the weights do not fit the architecture";
    if (!missing_.empty()) {
      message += fmt::format(": {} missing: {}", missing_.size(), join_few(missing_));
    }
    if (!misshaped_.empty()) {
      message += fmt::format(": {} misshaped: {}", misshaped_.size(), join_few(misshaped_));
    }
    std::vector<std::string> extra;
    for (const auto& [name, tensor] : parameters_) {
      if (!used_.contains(name)) {
        extra.push_back(name);
      }
    }
    if (!extra.empty()) {
      message += fmt::format(": {} extra: {}", extra.size(), join_few(extra));
    }
    return fail(ErrorCode::kMismatch, std::move(message),
                "check that the configuration and the weights belong to the same model");
  }
  if (error_) {
    return std::unexpected(*error_);
  }
  const Shape input = builder_.shape(input_);
  auto graph = builder_.finish(std::array{output_.value_or(input_)});
  if (!graph) {
    return fail(graph.error().code, fmt::format("{}: {}", source_, graph.error().message), graph.error().hint);
  }
  model.graph = std::move(*graph);
  model.parameters = std::move(parameters_);
  model.channels = input[1];
  model.height = input[2];
  model.width = input[3];
  return model;
}

}  // namespace asterism
