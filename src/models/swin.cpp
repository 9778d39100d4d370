#include "models/swin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/modules.hpp"
#include "models/parameter_edit.hpp"

namespace asterism {
namespace {

std::string below(const std::string& path, std::string_view part) {
  return fmt::format("{}.{}", path, part);
}

Grid map_of(const GraphBuilder& builder, ValueId x) {
  const Shape& shape = builder.shape(x);
  return shape.size() == 4 ? Grid{shape[1], shape[2]} : Grid{1, 1};
}

}  // namespace

Result<std::int64_t> SwinBody::head_count_of(const SwinStage& stage, std::int64_t dim) const {
  const std::string table = below(stage.blocks + "0", dialect_.table);
  const auto count =
      stage.head_count > 0 ? Result<std::int64_t>(stage.head_count) : parameter_size(parameters_, table, 1, source_);
  if (count && dim % *count != 0) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: stage \"{}\": expected a number of heads that divides {}, found {}", source_,
                            stage.blocks, dim, *count),
                "check that config.json and the weights belong to the same model");
  }
  return count;
}

Result<BlockShape> SwinBody::block_shape(const std::string& path, std::int64_t dim, std::int64_t head_count) const {
  BlockShape shape;
  shape.hidden_size = dim;
  shape.head_count = head_count;
  shape.epsilon = config_.epsilon;
  shape.activation = config_.activation;
  shape.query_bias = shape.key_bias = shape.value_bias = config_.qkv_bias;
  const auto mlp_size = parameter_size(parameters_, below(path, dialect_.block.fc1) + ".weight", 0, source_);
  if (!mlp_size) {
    return std::unexpected(mlp_size.error());
  }
  shape.mlp_size = *mlp_size;
  return shape;
}

Result<WindowPlan> SwinBody::window_plan(const Grid& window, std::int64_t index, const Grid& map) const {
  WindowPlan plan;
  plan.map = map;
  plan.window = window;
  plan.order = dialect_.order;
  if (index % 2 == 1) {
    plan.shift = {window.height / 2, window.width / 2};
  }
  switch (dialect_.small_map) {
    case SmallMap::kShrinkWindow:
      plan.window = {std::min(window.height, map.height), std::min(window.width, map.width)};
      plan.shift = {map.height <= window.height ? 0 : plan.shift.height,
                    map.width <= window.width ? 0 : plan.shift.width};
      break;
    case SmallMap::kPad:
      plan.shift = {plan.padded().height <= window.height ? 0 : plan.shift.height,
                    plan.padded().width <= window.width ? 0 : plan.shift.width};
      break;
    case SmallMap::kRefuse:
      if (std::min(map.height, map.width) < std::min(window.height, window.width)) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{}: a map of {} x {} is smaller than the window, {} x {}", source_, map.height,
                                map.width, window.height, window.width),
                    "choose a larger image size");
      }
      if (map.height <= window.height || map.width <= window.width) {
        plan.shift = {};
      }
      break;
  }
  return plan;
}

Result<SwinBody::BlockPlan> SwinBody::plan_block(const std::string& path, std::int64_t index, std::int64_t head_count,
                                                 ValueId x) {
  const auto shape = block_shape(path, last_dim(builder_, x), head_count);
  const std::string name = below(path, dialect_.table);
  const auto found = find_parameter(parameters_, name, source_);
  if (!shape || !found) {
    return std::unexpected(shape ? found.error() : shape.error());
  }
  const Tensor& tensor = *found;
  const std::int64_t rows = tensor.shape().empty() ? 0 : tensor.shape()[0];
  const Grid map = map_of(builder_, x);
  const Grid square = square_window(rows, ClassRows::kNone);
  const Grid nominal = config_.window.area() > 0 ? config_.window : square;
  const auto windows = window_plan(nominal, index, map);
  if (!windows) {
    return std::unexpected(windows.error());
  }
  // As timm: a table is of a square window, or else of the one that is needed.
  const bool resizable = square.area() > 0 && dialect_.small_map == SmallMap::kShrinkWindow;
  const auto table = read_bias_table(tensor, name, resizable ? square : windows->window, ClassRows::kNone, source_);
  if (!table) {
    return std::unexpected(table.error());
  }
  if (table->head_count != head_count) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: tensor \"{}\": expected {} heads, found {}", source_, name,
                                                  head_count, table->head_count));
  }
  const BiasTable fitted = resample_bias_table(*table, windows->window, BiasResampling::kGeometric);
  parameters_.erase(name);
  parameters_.insert_or_assign(below(path, dialect_.bias), window_bias(fitted, *windows));
  return BlockPlan{*shape, *windows};
}

ValueId SwinBody::block(const std::string& path, ValueId x, const BlockPlan& plan) {
  const BlockNames& names = dialect_.block;
  const std::string mix = below(path, names.mix);
  const ValueId normed = layer_norm_module(builder_, below(path, names.norm1), x, plan.shape.epsilon);
  const ValueId windows = cut_windows(builder_, mix + ".windows", normed, plan.windows);
  const std::int64_t tokens = plan.windows.window.area();
  const std::int64_t count = plan.windows.shifted() ? plan.windows.window_grid().area() : 1;
  AttentionContext context;
  context.bias = builder_.parameter(below(path, dialect_.bias), {count, plan.shape.head_count, tokens, tokens});
  const ValueId attended = attention_layer(builder_, names, plan.shape, path, windows, context);
  const ValueId joined = join_windows(builder_, mix + ".joined", attended, plan.windows);
  if (!dialect_.joined.empty()) {
    builder_.alias(below(path, dialect_.joined), joined);
  }
  const ValueId sum = builder_.add(below(path, names.add1), joined, x);
  const ValueId result = mlp_branch(builder_, names, plan.shape, path, sum);
  builder_.alias(path, result);
  return result;
}

Result<ValueId> SwinBody::merge(const std::string& path, ValueId x) {
  const std::int64_t dim = last_dim(builder_, x);
  const ValueId side_by_side = merge_patches(builder_, path + ".merged", x);
  const ValueId normed = layer_norm_module(builder_, path + ".norm", side_by_side, kSwinMergeEpsilon);
  const auto size = parameter_size(parameters_, path + ".reduction.weight", 0, source_);
  if (!size) {
    return std::unexpected(size.error());
  }
  if (*size != 2 * dim) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tensor \"{}.reduction.weight\": expected [{}, {}], found [{}, ...]", source_, path,
                            2 * dim, 4 * dim, *size));
  }
  const ValueId reduced = linear_module(builder_, path + ".reduction", normed, *size, Bias::kNo);
  builder_.alias(path, reduced);
  return reduced;
}

Result<ValueId> SwinBody::blocks(const SwinStage& stage, ValueId x) {
  const auto head_count = head_count_of(stage, last_dim(builder_, x));
  if (!head_count) {
    return std::unexpected(head_count.error());
  }
  ValueId hidden = x;
  for (std::int64_t i = 0; i < stage.block_count; ++i) {
    const std::string path = fmt::format("{}{}", stage.blocks, i);
    const auto plan = plan_block(path, i, *head_count, hidden);
    if (!plan) {
      return std::unexpected(plan.error());
    }
    hidden = block(path, hidden, *plan);
  }
  if (!stage.name.empty()) {
    builder_.alias(stage.name, hidden);
  }
  return hidden;
}

Result<ValueId> SwinBody::stage(const SwinStage& stage, ValueId x) {
  if (stage.downsample.empty()) {
    return blocks(stage, x);
  }
  const auto merged = merge(stage.downsample, x);
  return merged ? blocks(stage, *merged) : merged;
}

}  // namespace asterism
