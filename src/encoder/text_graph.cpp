#include "encoder/text_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "encoder/encoder_impl.hpp"
#include "encoder/module_config.hpp"
#include "weights/checkpoint.hpp"

namespace asterism {
namespace {

constexpr std::string_view kLastValue = "last_hidden_state";
constexpr double kNormalizeEpsilon = 1e-12;  // torch.nn.functional.normalize
constexpr double kLayerNormEpsilon = 1e-5;   // torch.nn.LayerNorm

// What the options make of the layout's chain.
struct Chain {
  std::vector<ModuleSpec> modules;  // without the Normalize at the end, if any
  bool normalize = false;           // ... which this says
  std::size_t cut_dim = 0;          // first columns, before that Normalize; 0 = all
  bool normalized_by_default = false;
  std::size_t output_dim = 0;  // first columns, after it (the model's own truncate_dim); 0 = all
};

// Empty: the model's last value.
std::string layer_of(const EncoderOptions& options) {
  return options.layers.empty() ? std::string() : options.layers.front();
}

template <typename T>
const T* as(const ModuleSpec& spec) {
  return std::get_if<T>(&spec.module);
}

Result<PoolingModule> pooling_of(const ModelLayout& layout, const EncoderOptions& options) {
  PoolingModule pooling;
  bool found = false;
  for (const ModuleSpec& spec : layout.modules) {
    if (const auto* module = as<PoolingModule>(spec)) {
      pooling = *module;
      found = true;
    }
  }
  if (!options.pooling.empty()) {
    auto modes = parse_pooling_modes(options.pooling, "pooling");
    if (!modes) {
      return fail(ErrorCode::kInvalidArgument, modes.error().message);
    }
    pooling.modes = *std::move(modes);
  } else if (!found) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a Pooling module, found none: the model gives a vector a token",
                            (layout.folder / "modules.json").string()),
                "name a pooling (mean, cls, ...) to use it all the same");
  }
  return pooling;
}

// Every token's vector as it leaves the transformer.
Chain chain_without_pooling(const ModelLayout& layout, const EncoderOptions& options) {
  const bool normalizes =
      std::ranges::any_of(layout.modules, [](const ModuleSpec& spec) { return as<NormalizeModule>(spec) != nullptr; });
  return {.modules = {},
          .normalize = options.normalize.value_or(false),
          .cut_dim = options.dim,
          .normalized_by_default = normalizes};
}

Result<Chain> plan_chain(const ModelLayout& layout, const EncoderOptions& options, std::vector<std::string>& warnings) {
  if (options.pooling == kNoPooling) {
    return chain_without_pooling(layout, options);
  }
  auto pooling = pooling_of(layout, options);
  if (!pooling) {
    return std::unexpected(pooling.error());
  }
  Chain chain;
  bool pooled = false;
  for (const ModuleSpec& spec : layout.modules) {
    if (as<PoolingModule>(spec) != nullptr) {
      if (!layer_of(options).empty()) {
        pooling->input_dim = 0;  // the files say how wide the last layer is; an inner one may have another width
      }
      ModuleSpec changed = spec;
      changed.module = *pooling;
      chain.modules.push_back(std::move(changed));
      pooled = true;
    } else if (layer_of(options).empty() || as<NormalizeModule>(spec) != nullptr) {
      chain.modules.push_back(spec);
    } else {
      warnings.push_back(fmt::format("module {} is left out: it was trained on the model's last layer, not on {}",
                                     spec.name, layer_of(options)));
    }
  }
  if (!pooled) {
    ModuleSpec spec;
    spec.name = "pooling";
    spec.on_tokens = true;
    spec.module = *pooling;
    chain.modules.push_back(std::move(spec));
  }
  while (as<NormalizeModule>(chain.modules.back()) != nullptr) {
    chain.normalize = true;
    chain.modules.pop_back();
  }
  chain.normalized_by_default = chain.normalize;
  chain.normalize = options.normalize.value_or(chain.normalize);
  chain.cut_dim = options.dim;
  if (options.dim == 0 && layout.output_dim) {
    // As the original: its own cut comes after Normalize, and only an explicit wish normalises again.
    (options.normalize.has_value() ? chain.cut_dim : chain.output_dim) = *layout.output_dim;
  }
  return chain;
}

// Appends modules to the graph and collects their parameters.
class ChainBuilder {
 public:
  ChainBuilder(Graph graph, ValueId start) : builder_(std::move(graph)), value_(start) {}

  Result<void> append(const ModuleSpec& spec) {
    if (const auto* pooling = as<PoolingModule>(spec)) {
      return append_pooling(spec, *pooling);
    }
    if (const auto* dense = as<DenseModule>(spec)) {
      return append_dense(spec, *dense);
    }
    if (const auto* norm = as<LayerNormModule>(spec)) {
      return append_layer_norm(spec, *norm);
    }
    return append_normalize(spec.name);
  }

  Result<void> append_normalize(const std::string& name) {
    value_ = builder_.normalize(name, value_, kNormalizeEpsilon);
    modules_.emplace_back("Normalize");
    return {};
  }

  Result<void> append_slice(const std::string& name, std::size_t dim, std::size_t dim_max) {
    if (dim > dim_max) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("dim: expected at most {}, the length of the model's vectors, found {}", dim_max, dim));
    }
    if (dim < dim_max) {
      value_ = builder_.slice(name, value_, {.size = static_cast<std::int64_t>(dim)});
      modules_.push_back(fmt::format("Slice({} -> {})", dim_max, dim));
    }
    return {};
  }

  std::int64_t width() const {
    const Shape& shape = builder_.shape(value_);
    return shape.empty() ? 0 : shape.back();
  }
  Result<Graph> finish() {
    const ValueId outputs[] = {value_};
    return builder_.finish(outputs);
  }
  std::vector<std::string>& modules() { return modules_; }
  ParameterMap& parameters() { return parameters_; }
  std::int64_t token_dim() const noexcept { return token_dim_; }

 private:
  Result<void> append_pooling(const ModuleSpec& spec, const PoolingModule& pooling) {
    if (pooling.input_dim != 0 && pooling.input_dim != width()) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: expected the size of the token vectors, {}, found {}",
                              (spec.folder / "config.json").string(), width(), pooling.input_dim));
    }
    const ValueId ranges = builder_.input(std::string(kRangesInput), DType::kI32, {kRowDim, 2});
    token_dim_ = width();
    std::vector<ValueId> parts;
    for (const Pooling mode : pooling.modes) {
      const std::string name = fmt::format("{}.{}", spec.name, pooling_name(mode));
      if (!pooling.include_prompt && mode == Pooling::kCls) {
        const ValueId cls_ranges = builder_.input(std::string(kClsRangesInput), DType::kI32, {kRowDim, 2});
        parts.push_back(builder_.pool(name, value_, cls_ranges, mode));
      } else if (!pooling.include_prompt && mode == Pooling::kWeightedMean) {
        parts.push_back(append_shifted_weighted_mean(name, ranges));
      } else {
        parts.push_back(builder_.pool(name, value_, ranges, mode));
      }
    }
    value_ = parts.size() == 1 ? parts.front() : builder_.concat(spec.name, parts);
    modules_.push_back(fmt::format("Pooling({})", pooling_modes_name(pooling.modes)));
    return {};
  }

  // The original's weights are positions in the whole input, 1 for its first token, also when the prompt's tokens take
  // no part: with p of them, sum of (p + i) x_i is a blend of the weighted mean that starts at 1 and the plain mean.
  ValueId append_shifted_weighted_mean(const std::string& name, ValueId ranges) {
    const auto blend = [&](std::string_view input, std::string_view suffix, Pooling mode) {
      const ValueId share = builder_.input(std::string(input), DType::kF32, {kRowDim, token_dim_});
      const ValueId pooled = builder_.pool(fmt::format("{}.{}", name, suffix), value_, ranges, mode);
      return builder_.multiply(fmt::format("{}.{}.share", name, suffix), pooled, share);
    };
    const ValueId weighted = blend(kWeightedShareInput, "from_prompt", Pooling::kWeightedMean);
    const ValueId plain = blend(kMeanShareInput, "mean", Pooling::kMean);
    return builder_.add(name, weighted, plain);
  }

  // Moves the module's weights into the graph's parameters under `NAME.` and tells what is missing or too much.
  Result<void> take_weights(const ModuleSpec& spec, const std::map<std::string, bool>& wanted) {
    auto tensors = read_checkpoint(spec.folder);
    if (!tensors) {
      return std::unexpected(tensors.error());
    }
    for (const auto& [name, needed] : wanted) {
      if (needed != tensors->contains(name)) {
        return fail(ErrorCode::kMismatch,
                    fmt::format("{}: config.json and weights disagree: expected {}tensor \"{}\", found {}",
                                spec.folder.string(), needed ? "" : "no ", name, needed ? "none" : "one"));
      }
    }
    for (auto& [name, tensor] : *tensors) {
      if (!wanted.contains(name)) {
        return fail(ErrorCode::kMismatch, fmt::format("{}: unknown tensor \"{}\"", spec.folder.string(), name));
      }
      parameters_.emplace(fmt::format("{}.{}", spec.name, name), std::move(tensor));
    }
    return {};
  }

  Result<void> append_dense(const ModuleSpec& spec, const DenseModule& dense) {
    if (dense.input_dim != width()) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: \"in_features\": expected {}, as the module before gives, found {}",
                              (spec.folder / "config.json").string(), width(), dense.input_dim));
    }
    const bool project = dense.residual && dense.input_dim != dense.output_dim;
    auto taken =
        take_weights(spec, {{"linear.weight", true}, {"linear.bias", dense.bias}, {"residual.weight", project}});
    if (!taken) {
      return taken;
    }
    const auto parameter = [&](std::string_view name, Shape shape) {
      return builder_.parameter(fmt::format("{}.{}", spec.name, name), std::move(shape));
    };
    const ValueId input = value_;
    const ValueId weight = parameter("linear.weight", {dense.output_dim, dense.input_dim});
    const std::string linear = spec.name + ".linear";
    value_ = dense.bias ? builder_.linear(linear, input, weight, parameter("linear.bias", {dense.output_dim}))
                        : builder_.linear(linear, input, weight);
    if (dense.activation != Activation::kIdentity) {
      value_ = builder_.activation(spec.name + ".activation_function", value_, dense.activation);
    }
    if (dense.residual) {
      const ValueId skip = project ? builder_.linear(spec.name + ".residual", input,
                                                     parameter("residual.weight", {dense.output_dim, dense.input_dim}))
                                   : input;
      value_ = builder_.add(spec.name, value_, skip);
    }
    modules_.push_back(fmt::format("Dense({} -> {}, {}{})", dense.input_dim, dense.output_dim,
                                   activation_name(dense.activation), dense.residual ? ", residual" : ""));
    return {};
  }

  Result<void> append_layer_norm(const ModuleSpec& spec, const LayerNormModule& norm) {
    if (norm.dim != width()) {
      return fail(ErrorCode::kMismatch, fmt::format("{}: \"dimension\": expected {}, found {}",
                                                    (spec.folder / "config.json").string(), width(), norm.dim));
    }
    if (auto taken = take_weights(spec, {{"norm.weight", true}, {"norm.bias", true}}); !taken) {
      return taken;
    }
    const ValueId weight = builder_.parameter(spec.name + ".norm.weight", {norm.dim});
    const ValueId bias = builder_.parameter(spec.name + ".norm.bias", {norm.dim});
    value_ = builder_.layer_norm(spec.name + ".norm", value_, weight, bias, kLayerNormEpsilon);
    modules_.push_back(fmt::format("LayerNorm({})", norm.dim));
    return {};
  }

  GraphBuilder builder_;
  ValueId value_{};
  std::int64_t token_dim_ = 0;
  ParameterMap parameters_;
  std::vector<std::string> modules_;
};

// The value at which the transformer ends, checked to be a vector a token.
Result<ValueId> find_end(const Graph& graph, const std::string& layer) {
  auto id = graph.find(layer.empty() ? kLastValue : std::string_view(layer));
  if (!id) {
    return id;
  }
  const Value& value = graph.value(*id);
  if (value.op == Op::kInput || value.op == Op::kParameter || value.shape.size() != 2 || value.dtype != DType::kF32) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("layer \"{}\": expected a value with one vector a token, found {} {}", layer,
                            op_name(value.op), shape_to_string(value.shape)),
                "`asterism models layers MODEL` lists them");
  }
  return id;
}

Result<Graph> cut_at(const Graph& graph, const std::string& layer) {
  auto end = find_end(graph, layer);
  if (!end) {
    return std::unexpected(end.error());
  }
  const std::string name = graph.value(*end).name;
  return graph.cut({&name, 1});
}

Result<Graph> append_chain(ChainBuilder& builder, const Chain& chain) {
  for (const ModuleSpec& spec : chain.modules) {
    if (auto appended = builder.append(spec); !appended) {
      return std::unexpected(appended.error());
    }
  }
  if (chain.cut_dim != 0) {
    if (auto cut = builder.append_slice("dim", chain.cut_dim, static_cast<std::size_t>(builder.width())); !cut) {
      return std::unexpected(cut.error());
    }
  }
  if (chain.normalize) {
    if (auto appended = builder.append_normalize("normalize"); !appended) {
      return std::unexpected(appended.error());
    }
  }
  if (chain.output_dim != 0) {
    if (auto cut = builder.append_slice("truncate_dim", chain.output_dim, static_cast<std::size_t>(builder.width()));
        !cut) {
      return std::unexpected(cut.error());
    }
  }
  return builder.finish();
}

}  // namespace

Result<TextGraph> build_text_graph(const ModelLayout& layout, TextModel model, const EncoderOptions& options) {
  TextGraph out;
  if (options.layers.size() > 1) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: expected one layer of a text model, found {}", layout.folder.string(), options.layers.size()),
        "ask for one layer at a time");
  }
  auto chain = plan_chain(layout, options, out.warnings);
  if (!chain) {
    return std::unexpected(chain.error());
  }
  // A tower that pools and projects by itself, unless its tokens are asked for.
  out.pools_itself = !model.pooled.empty() && layer_of(options).empty() && options.pooling.empty();
  if (out.pools_itself) {
    chain->modules.clear();
  }
  auto cut = cut_at(model.graph, out.pools_itself ? model.pooled : layer_of(options));
  if (!cut) {
    return std::unexpected(cut.error());
  }
  const ValueId end = cut->outputs().front();
  const std::size_t removed_op_count = model.graph.op_count() - cut->op_count();
  ChainBuilder builder(*std::move(cut), end);
  auto graph = append_chain(builder, *chain);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  ParameterMap parameters = std::move(model.parameters);
  parameters.merge(builder.parameters());
  out.graph = *std::move(graph);
  out.parameters = parameters_of(out.graph, std::move(parameters));
  if (auto checked = out.graph.check_parameters(out.parameters, layout.folder.string()); !checked) {
    return std::unexpected(checked.error());
  }
  out.op_count_whole = out.graph.op_count() + removed_op_count;
  out.token_dim = static_cast<std::size_t>(builder.token_dim());
  out.dim = static_cast<std::size_t>(out.graph.value(out.graph.outputs().front()).shape.back());
  out.normalized = chain->normalize && chain->output_dim == 0;
  out.normalized_by_default = chain->normalized_by_default;
  out.modules = std::move(builder.modules());
  out.modules.insert(out.modules.begin(),
                     layer_of(options).empty() ? "Transformer" : fmt::format("Transformer({})", layer_of(options)));
  out.pooling = out.pools_itself ? model.pooled : "";
  for (const ModuleSpec& spec : chain->modules) {
    if (const auto* pooling = as<PoolingModule>(spec)) {
      out.pooling = pooling_modes_name(pooling->modes);
      out.include_prompt = pooling->include_prompt;
    }
  }
  return out;
}

}  // namespace asterism
