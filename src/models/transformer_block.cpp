#include "models/transformer_block.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "models/modules.hpp"

namespace asterism {
namespace {

Bias bias_if(bool present) {
  return present ? Bias::kYes : Bias::kNo;
}

std::string below(const std::string& path, std::string_view part) {
  return fmt::format("{}.{}", path, part);
}

struct Heads {
  ValueId query, key, value;
};

class BlockBuilder {
 public:
  BlockBuilder(GraphBuilder& builder, const BlockNames& names, const BlockShape& shape, const std::string& path)
      : builder_(builder), names_(names), shape_(shape), path_(path) {}

  ValueId attention_branch(ValueId x, const AttentionContext& context) {
    const ValueId normed = layer_norm_module(builder_, below(path_, names_.norm1), x, shape_.epsilon);
    const ValueId out = attention(normed, context);
    const ValueId scaled = layer_scale(names_.scale1, names_.scale1_weight, out);
    return builder_.add(below(path_, names_.add1), scaled, x);
  }

  ValueId attention(ValueId normed, const AttentionContext& context) {
    const Heads parts = names_.qkv.empty() ? separate(normed) : fused(normed);
    ValueId mixed = context.offsets ? mix_packed(parts, context) : mix_image(parts, context);
    if (shape_.mix_norm) {
      mixed = layer_norm_module(builder_, below(path_, names_.mix_norm), mixed, shape_.epsilon);
    }
    const ValueId out =
        linear_module(builder_, below(path_, names_.out), mixed, shape_.hidden_size, bias_if(shape_.out_bias));
    for (const std::string_view alias : {names_.attention, names_.attention_output}) {
      if (!alias.empty()) {
        builder_.alias(below(path_, alias), out);
      }
    }
    return out;
  }

  ValueId mlp_branch(ValueId x) {
    const ValueId normed = layer_norm_module(builder_, below(path_, names_.norm2), x, shape_.epsilon);
    ValueId active = shape_.mlp == MlpKind::kGated ? gated(normed) : plain(normed);
    if (shape_.mlp_norm) {
      active = layer_norm_module(builder_, below(path_, names_.mlp_norm), active, shape_.epsilon);
    }
    const ValueId narrow =
        linear_module(builder_, below(path_, names_.fc2), active, shape_.hidden_size, bias_if(shape_.mlp_bias));
    if (!names_.mlp.empty()) {
      builder_.alias(below(path_, names_.mlp), narrow);
    }
    const ValueId scaled = layer_scale(names_.scale2, names_.scale2_weight, narrow);
    return builder_.add(below(path_, names_.add2), scaled, x);
  }

 private:
  Heads separate(ValueId x) {
    const auto part = [&](std::string_view name, bool bias) {
      return linear_module(builder_, below(path_, name), x, shape_.hidden_size, bias_if(bias));
    };
    return {part(names_.query, shape_.query_bias), part(names_.key, shape_.key_bias),
            part(names_.value, shape_.value_bias)};
  }

  Heads fused(ValueId x) {
    const std::int64_t size = shape_.hidden_size;
    const std::string name = below(path_, names_.qkv);
    const ValueId weight = builder_.parameter(below(path_, names_.qkv_weight), {3 * size, last_dim(builder_, x)});
    const ValueId all =
        shape_.query_bias
            ? builder_.linear(name, x, weight, builder_.parameter(below(path_, names_.qkv_bias), {3 * size}))
            : builder_.linear(name, x, weight);
    const auto part = [&](const char* suffix, std::int64_t index) {
      return builder_.slice(name + suffix, all, {.axis = -1, .begin = index * size, .size = size});
    };
    return {part(".query", 0), part(".key", 1), part(".value", 2)};
  }

  double scale() const { return 1.0 / std::sqrt(static_cast<double>(shape_.head_dim())); }

  ValueId mix_packed(const Heads& parts, const AttentionContext& context) {
    return builder_.attention(below(path_, names_.mix), {parts.query, parts.key, parts.value, *context.offsets},
                              {.head_count = shape_.head_count, .scale = scale(), .causal = context.causal});
  }

  ValueId mix_image(const Heads& parts, const AttentionContext& context) {
    const std::string name = below(path_, names_.mix);
    ScaledDotProductInputs inputs;
    inputs.query = split_heads(builder_, name + ".query_heads", parts.query, shape_.head_count);
    inputs.key = split_heads(builder_, name + ".key_heads", parts.key, shape_.head_count);
    inputs.value = split_heads(builder_, name + ".value_heads", parts.value, shape_.head_count);
    inputs.bias = context.bias;
    if (shape_.query_key_norm) {
      inputs.query = layer_norm_module(builder_, below(path_, names_.query_norm), inputs.query, shape_.epsilon);
      inputs.key = layer_norm_module(builder_, below(path_, names_.key_norm), inputs.key, shape_.epsilon);
    }
    return merge_heads(builder_, name, builder_.scaled_dot_product(name + ".heads", inputs, scale()));
  }

  ValueId layer_scale(std::string_view name, std::string_view weight, ValueId x) {
    if (!shape_.layer_scale) {
      return x;
    }
    const ValueId gamma = builder_.parameter(below(path_, weight), {shape_.hidden_size});
    return builder_.multiply(below(path_, name), x, gamma);
  }

  ValueId plain(ValueId x) {
    const ValueId wide =
        linear_module(builder_, below(path_, names_.fc1), x, shape_.mlp_size, bias_if(shape_.mlp_bias));
    return builder_.activation(below(path_, names_.act), wide, shape_.activation);
  }

  ValueId gated(ValueId x) {
    const std::int64_t size = shape_.mlp_size;
    const std::string fc1 = below(path_, names_.fc1);
    const ValueId wide = linear_module(builder_, fc1, x, 2 * size, bias_if(shape_.mlp_bias));
    const ValueId gate = builder_.slice(fc1 + ".gate", wide, {.axis = -1, .begin = 0, .size = size});
    const ValueId rest = builder_.slice(fc1 + ".rest", wide, {.axis = -1, .begin = size, .size = size});
    const std::string act = below(path_, names_.act);
    return builder_.multiply(act + ".gated", builder_.activation(act, gate, shape_.activation), rest);
  }

  GraphBuilder& builder_;
  const BlockNames& names_;
  const BlockShape& shape_;
  const std::string& path_;
};

}  // namespace

ValueId split_heads(GraphBuilder& builder, const std::string& name, ValueId x, std::int64_t head_count) {
  const Shape shape = builder.shape(x);
  if (shape.size() < 3) {
    return x;  // an error already, which finish() reports
  }
  const auto rank = static_cast<std::int64_t>(shape.size());
  std::vector<std::int64_t> dims(shape.begin() + 1, shape.end() - 1);
  dims.push_back(head_count);
  dims.push_back(shape.back() / head_count);
  std::vector<std::int64_t> order;
  for (std::int64_t axis = 0; axis <= rank; ++axis) {
    order.push_back(axis);
  }
  std::swap(order[shape.size() - 2], order[shape.size() - 1]);
  return builder.transpose(name, builder.reshape(name + ".reshape", x, std::move(dims)), std::move(order));
}

ValueId merge_heads(GraphBuilder& builder, const std::string& name, ValueId x) {
  const Shape shape = builder.shape(x);
  if (shape.size() < 4) {
    return x;
  }
  std::vector<std::int64_t> order;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    order.push_back(static_cast<std::int64_t>(axis));
  }
  const std::size_t rank = shape.size();
  std::swap(order[rank - 3], order[rank - 2]);
  std::vector<std::int64_t> dims(shape.begin() + 1, shape.end() - 3);
  dims.push_back(shape[rank - 2]);
  dims.push_back(shape[rank - 3] * shape[rank - 1]);
  return builder.reshape(name, builder.transpose(name + ".transpose", x, std::move(order)), std::move(dims));
}

ValueId mlp_branch(GraphBuilder& builder, const BlockNames& names, const BlockShape& shape, const std::string& path,
                   ValueId x) {
  return BlockBuilder(builder, names, shape, path).mlp_branch(x);
}

ValueId attention_layer(GraphBuilder& builder, const BlockNames& names, const BlockShape& shape,
                        const std::string& path, ValueId x, const AttentionContext& context) {
  return BlockBuilder(builder, names, shape, path).attention(x, context);
}

ValueId transformer_block(GraphBuilder& builder, const BlockNames& names, const BlockShape& shape,
                          const std::string& path, ValueId x, const AttentionContext& context) {
  BlockBuilder block(builder, names, shape, path);
  const ValueId result = block.mlp_branch(block.attention_branch(x, context));
  builder.alias(path, result);
  return result;
}

}  // namespace asterism
