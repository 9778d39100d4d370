#include "encoder/image_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <utility>

#include "encoder/channel_axis.hpp"
#include "graph/infer.hpp"

namespace asterism {
namespace {

constexpr double kNormalizeEpsilon = 1e-12;  // torch.nn.functional.normalize
// Radenovic et al. 2018, section 3.2: the exponent where nothing was learnt.
constexpr double kGemExponent = 3.0;
constexpr double kGemEpsilon = 1e-6;

struct PoolingName {
  std::string_view name;
  ImagePooling pooling;
};
constexpr std::array<PoolingName, 6> kPoolingNames{{{"none", ImagePooling::kNone},
                                                    {"avg", ImagePooling::kAvg},
                                                    {"max", ImagePooling::kMax},
                                                    {"gem", ImagePooling::kGem},
                                                    {"cls", ImagePooling::kCls},
                                                    {"flatten", ImagePooling::kFlatten}}};

std::int64_t product(std::span<const std::int64_t> dims) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

// Adds to a graph what comes after one layer. Names of new values are the layer's with a suffix.
class OutputBuilder {
 public:
  // `whole` is the model's graph, which the builder goes on from.
  OutputBuilder(GraphBuilder& builder, const Graph& whole, std::int64_t prefix_token_count,
                const EncoderOptions& options, ImagePooling pooling)
      : builder_(builder),
        whole_(whole),
        prefix_token_count_(prefix_token_count),
        options_(options),
        pooling_(pooling) {}

  // Whether anything comes after the layer.
  bool changes() const {
    return pooling_ != ImagePooling::kNone || options_.dim != 0 || options_.normalize.value_or(false);
  }

  Result<ValueId> build(const std::string& layer, ValueId value) {
    auto pooled = pool(layer, value);
    if (!pooled) {
      return pooled;
    }
    const Shape& shape = builder_.shape(*pooled);
    if (options_.dim == 0 && !options_.normalize.value_or(false)) {
      return pooled;
    }
    if (shape.size() != 2) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("layer \"{}\" has the shape {}: expected a vector to cut or normalise", layer,
                              symbolic_shape_to_string(shape)),
                  "pool it (--pool avg), or leave --dim and --normalize out");
    }
    return finish_vector(layer, *pooled, shape[1]);
  }

 private:
  Result<ValueId> pool(const std::string& layer, ValueId value) {
    const Shape shape = builder_.shape(value);
    if (pooling_ == ImagePooling::kNone || shape.size() == 2) {
      return value;
    }
    const std::string name = fmt::format("{}.{}", layer, pooling_word());
    if (pooling_ == ImagePooling::kFlatten) {
      return builder_.reshape(name, value, {product(std::span(shape).subspan(1))});
    }
    if (shape.size() == 3) {
      return pool_tokens(name, value, shape);
    }
    if (shape.size() == 4 && pooling_ != ImagePooling::kCls) {
      return builder_.reduce(name, value, channel_axis(whole_, value) == 3 ? reduction({1, 2}) : reduction({2, 3}));
    }
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("layer \"{}\" has the shape {}: expected {} to pool by \"{}\"", layer,
                    symbolic_shape_to_string(shape),
                    pooling_ == ImagePooling::kCls ? "[rows, tokens, hidden]"
                                                   : "[rows, channels, height, width] or [rows, tokens, hidden]",
                    pooling_word()),
        "choose another layer, or another pooling (flatten takes any shape)");
  }

  Result<ValueId> pool_tokens(const std::string& name, ValueId value, const Shape& shape) {
    if (pooling_ == ImagePooling::kCls) {
      const ValueId first = builder_.slice(name + ".token", value, {.axis = 1, .begin = 0, .size = 1});
      return builder_.reshape(name, first, {shape[2]});
    }
    // Class and register tokens are no part of the picture.
    if (prefix_token_count_ > 0 && prefix_token_count_ < shape[1]) {
      value = builder_.slice(name + ".patches", value,
                             {.axis = 1, .begin = prefix_token_count_, .size = shape[1] - prefix_token_count_});
    }
    return builder_.reduce(name, value, reduction({1}));
  }

  ReduceOptions reduction(std::vector<std::int64_t> axes) const {
    ReduceOptions options{.axes = std::move(axes), .exponent = kGemExponent, .epsilon = kGemEpsilon};
    if (pooling_ == ImagePooling::kMax) {
      options.reduction = Reduction::kMax;
    } else if (pooling_ == ImagePooling::kGem) {
      options.reduction = Reduction::kGem;
    }
    return options;
  }

  Result<ValueId> finish_vector(const std::string& layer, ValueId value, std::int64_t size) {
    const auto dim = static_cast<std::int64_t>(options_.dim);
    if (dim > size) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("dim: expected at most the {} of layer \"{}\", found {}", size, layer, dim));
    }
    if (dim != 0 && dim < size) {
      value = builder_.slice(fmt::format("{}.first{}", layer, dim), value, {.size = dim});
    }
    return options_.normalize.value_or(false) ? builder_.normalize(layer + ".normalized", value, kNormalizeEpsilon)
                                              : value;
  }

  std::string_view pooling_word() const {
    return std::ranges::find(kPoolingNames, pooling_, &PoolingName::pooling)->name;
  }

  GraphBuilder& builder_;
  const Graph& whole_;
  std::int64_t prefix_token_count_;
  const EncoderOptions& options_;
  ImagePooling pooling_;
};

Result<std::vector<std::string>> asked_layers(const EncoderOptions& options) {
  if (options.layers.empty()) {
    return std::vector<std::string>{std::string()};
  }
  for (auto it = options.layers.begin(); it != options.layers.end(); ++it) {
    if (std::find(options.layers.begin(), it, *it) != it) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("layers: expected each once, found \"{}\" twice", *it),
                  "name each layer once");
    }
  }
  return options.layers;
}

// A value that is computed for each image: a weight is none.
Result<ValueId> find_layer(const Graph& graph, std::string_view name) {
  auto value = graph.find(name);
  if (value && graph.value(*value).op == Op::kParameter) {
    return fail(ErrorCode::kNotFound,
                fmt::format("layer \"{}\" is a weight of the model, not one of its results", name),
                "`asterism models layers MODEL` lists the layers");
  }
  return value;
}

// Name of the graph's own output, or the layer as asked for.
std::string layer_name(const std::string& asked, const Graph& graph) {
  return asked.empty() ? graph.value(graph.outputs().front()).name : asked;
}

void add_output(ImageGraph& out, std::string name, const Shape& shape, bool is_input) {
  Shape row(shape.begin() + 1, shape.end());
  const auto size = static_cast<std::size_t>(product(row));
  out.outputs.push_back({.name = std::move(name), .shape = std::move(row), .offset = out.dim, .size = size});
  out.is_input.push_back(is_input);
  out.dim += size;
}

}  // namespace

Result<ImagePooling> parse_image_pooling(std::string_view text) {
  std::string known;
  for (const PoolingName& entry : kPoolingNames) {
    if (entry.name == text) {
      return entry.pooling;
    }
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("pooling: expected one of {}, found \"{}\"", known, text));
}

Result<ImageGraph> build_image_graph(ImageModel model, const EncoderOptions& options) {
  ImagePooling pooling = ImagePooling::kNone;
  if (!options.pooling.empty()) {
    const auto parsed = parse_image_pooling(options.pooling);
    if (!parsed) {
      return std::unexpected(parsed.error());
    }
    pooling = *parsed;
  }
  ImageGraph out;
  out.op_count_whole = model.graph.op_count();
  out.pooling = options.pooling;
  out.normalized = options.normalize.value_or(false);
  const Graph whole = model.graph;
  GraphBuilder builder(std::move(model.graph));
  OutputBuilder after(builder, whole, model.prefix_token_count, options, pooling);
  const auto layers = asked_layers(options);
  if (!layers) {
    return std::unexpected(layers.error());
  }
  std::vector<ValueId> ends;
  for (const std::string& asked : *layers) {
    const std::string layer = layer_name(asked, whole);
    if (layer == kImageInput && !after.changes()) {
      add_output(out, layer, {kRowDim, model.channels, model.height, model.width}, true);
      continue;
    }
    const auto value = find_layer(whole, layer);
    if (!value) {
      return std::unexpected(value.error());
    }
    const auto end = after.build(layer, *value);
    if (!end) {
      return std::unexpected(end.error());
    }
    add_output(out, layer, builder.shape(*end), false);
    ends.push_back(*end);
  }
  if (ends.empty()) {
    return out;
  }
  auto extended = builder.finish(ends);
  if (!extended) {
    return std::unexpected(extended.error());
  }
  std::vector<std::string> names;
  for (const ValueId end : ends) {
    names.push_back(extended->value(end).name);
  }
  auto graph = extended->cut(names);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  out.graph = *std::move(graph);
  out.parameters = parameters_of(out.graph, std::move(model.parameters));
  return out;
}

}  // namespace asterism
