#include "models/swin_window.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "models/modules.hpp"

namespace asterism {
namespace {

// Between tokens of regions that only the shift made neighbours; after softmax nothing of it is left.
constexpr float kApart = -100.0F;

// torch.roll by -amount along one axis.
ValueId roll_axis(GraphBuilder& builder, const std::string& name, ValueId x, std::int64_t axis, std::int64_t amount) {
  const Shape& shape = builder.shape(x);
  if (shape.size() != 4 || amount == 0) {
    return x;
  }
  const std::int64_t size = shape[static_cast<std::size_t>(axis)];
  const std::int64_t begin = amount > 0 ? amount : size + amount;
  const std::array parts{builder.slice(name + ".rest", x, {.axis = axis, .begin = begin, .size = size - begin}),
                         builder.slice(name + ".first", x, {.axis = axis, .begin = 0, .size = begin})};
  return builder.concat(name, parts, axis);
}

ValueId roll(GraphBuilder& builder, const std::string& name, ValueId x, std::int64_t rows, std::int64_t columns) {
  return roll_axis(builder, name + ".columns", roll_axis(builder, name + ".rows", x, 1, rows), 2, columns);
}

ValueId pad_end(GraphBuilder& builder, const std::string& name, ValueId x, const Grid& size) {
  const Shape& shape = builder.shape(x);
  if (shape.size() != 4 || (shape[1] == size.height && shape[2] == size.width)) {
    return x;
  }
  return builder.pad(name, x, {0, 0, 0, 0}, {0, size.height - shape[1], size.width - shape[2], 0});
}

ValueId crop(GraphBuilder& builder, const std::string& name, ValueId x, const Grid& size) {
  const Shape shape = builder.shape(x);
  ValueId out = x;
  if (shape.size() == 4 && shape[1] != size.height) {
    out = builder.slice(name + ".rows", out, {.axis = 1, .begin = 0, .size = size.height});
  }
  if (shape.size() == 4 && shape[2] != size.width) {
    out = builder.slice(name + ".columns", out, {.axis = 2, .begin = 0, .size = size.width});
  }
  return out;
}

// Which of the three regions along one axis a position is in, after the shift.
std::int64_t region(std::int64_t position, std::int64_t size, std::int64_t window, std::int64_t shift) {
  return position < size - window ? 0 : position < size - shift ? 1 : 2;
}

// A number a token, window by window; equal ones may look at each other.
std::vector<std::int64_t> region_ids(const WindowPlan& plan) {
  const Grid size = plan.padded();
  const Grid windows = plan.window_grid();
  std::vector<std::int64_t> ids;
  for (std::int64_t window = 0; window < windows.area(); ++window) {
    for (std::int64_t token = 0; token < plan.window.area(); ++token) {
      const std::int64_t y = window / windows.width * plan.window.height + token / plan.window.width;
      const std::int64_t x = window % windows.width * plan.window.width + token % plan.window.width;
      // An axis that is not shifted is one region: the last of the three begins at its end.
      const std::int64_t row = region(y, size.height, plan.window.height, plan.shift.height);
      const std::int64_t column = region(x, size.width, plan.window.width, plan.shift.width);
      ids.push_back(row * 3 + column);
    }
  }
  return ids;
}

}  // namespace

ValueId cut_windows(GraphBuilder& builder, const std::string& name, ValueId x, const WindowPlan& plan) {
  const std::int64_t dim = last_dim(builder, x);
  const Grid windows = plan.window_grid();
  ValueId map = x;
  if (plan.order == PadOrder::kPadThenShift) {
    map = pad_end(builder, name + ".pad", map, plan.padded());
  }
  map = roll(builder, name + ".shift", map, plan.shift.height, plan.shift.width);
  if (plan.order == PadOrder::kShiftThenPad) {
    map = pad_end(builder, name + ".pad", map, plan.padded());
  }
  const ValueId cells = builder.reshape(name + ".cells", map,
                                        {windows.height, plan.window.height, windows.width, plan.window.width, dim});
  const ValueId ordered = builder.transpose(name + ".ordered", cells, {0, 1, 3, 2, 4, 5});
  return builder.reshape(name, ordered, {windows.area(), plan.window.area(), dim});
}

ValueId join_windows(GraphBuilder& builder, const std::string& name, ValueId windows, const WindowPlan& plan) {
  const std::int64_t dim = last_dim(builder, windows);
  const Grid grid = plan.window_grid();
  const Grid size = plan.padded();
  const ValueId cells =
      builder.reshape(name + ".cells", windows, {grid.height, grid.width, plan.window.height, plan.window.width, dim});
  const ValueId ordered = builder.transpose(name + ".ordered", cells, {0, 1, 3, 2, 4, 5});
  ValueId map = builder.reshape(name, ordered, {size.height, size.width, dim});
  if (plan.order == PadOrder::kShiftThenPad) {
    map = crop(builder, name + ".crop", map, plan.map);
  }
  map = roll(builder, name + ".unshift", map, -plan.shift.height, -plan.shift.width);
  if (plan.order == PadOrder::kPadThenShift) {
    map = crop(builder, name + ".crop", map, plan.map);
  }
  return map;
}

Tensor window_bias(const BiasTable& table, const WindowPlan& plan) {
  const std::vector<float> bias = spread_bias(table);
  const std::int64_t tokens = plan.window.area();
  const std::int64_t windows = plan.shifted() ? plan.window_grid().area() : 1;
  Tensor out(DType::kF32, {windows, table.head_count, tokens, tokens});
  const auto values = out.mutable_as<float>();
  const std::vector<std::int64_t> ids = plan.shifted() ? region_ids(plan) : std::vector<std::int64_t>();
  const auto count = static_cast<std::size_t>(tokens);
  for (std::size_t window = 0; window < static_cast<std::size_t>(windows); ++window) {
    float* into = values.data() + window * bias.size();
    std::ranges::copy(bias, into);
    if (ids.empty()) {
      continue;
    }
    for (std::size_t i = 0; i < bias.size(); ++i) {
      const std::size_t from = i / count % count;
      const std::size_t to = i % count;
      if (ids[window * count + from] != ids[window * count + to]) {
        into[i] += kApart;
      }
    }
  }
  return out;
}

ValueId merge_patches(GraphBuilder& builder, const std::string& name, ValueId x) {
  const Shape shape = builder.shape(x);
  if (shape.size() != 4) {
    return x;
  }
  const std::int64_t height = (shape[1] + 1) / 2;
  const std::int64_t width = (shape[2] + 1) / 2;
  const ValueId even = pad_end(builder, name + ".pad", x, {2 * height, 2 * width});
  const ValueId cells = builder.reshape(name + ".cells", even, {height, 2, width, 2, shape[3]});
  const ValueId ordered = builder.transpose(name + ".ordered", cells, {0, 1, 3, 4, 2, 5});
  return builder.reshape(name, ordered, {height, width, 4 * shape[3]});
}

}  // namespace asterism
