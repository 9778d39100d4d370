// Swin's windows: how a map is cut, shifted and put together again, and the biases of its attention. Private to
// src/models.
//
// Source: Liu et al. 2021, "Swin Transformer", section 3.2. The libraries differ where the map is no multiple of the
// window: transformers and torchvision pad and then shift, timm shifts and then pads.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "graph/graph.hpp"
#include "models/grid_resample.hpp"
#include "models/relative_position.hpp"

namespace asterism {

enum class PadOrder : std::uint8_t { kPadThenShift, kShiftThenPad };

struct WindowPlan {
  Grid map;
  Grid window;
  Grid shift;  // 0 = none
  PadOrder order = PadOrder::kPadThenShift;

  Grid padded() const noexcept {
    return {(map.height + window.height - 1) / window.height * window.height,
            (map.width + window.width - 1) / window.width * window.width};
  }
  Grid window_grid() const noexcept {
    const Grid size = padded();
    return {size.height / window.height, size.width / window.width};
  }
  bool shifted() const noexcept { return shift.height > 0 || shift.width > 0; }
};

// x [rows, height, width, dim] -> [rows, windows, tokens of a window, dim]
ValueId cut_windows(GraphBuilder& builder, const std::string& name, ValueId x, const WindowPlan& plan);
// ... and back.
ValueId join_windows(GraphBuilder& builder, const std::string& name, ValueId windows, const WindowPlan& plan);

// What attention adds to its scores: the spread table, and for a shifted plan a large negative number between tokens
// that the shift brought together. [1 or windows, heads, tokens, tokens]
Tensor window_bias(const BiasTable& table, const WindowPlan& plan);

// 2 x 2 neighbours side by side, padded to even sizes: [rows, h / 2, w / 2, 4 * dim], columns slowest.
ValueId merge_patches(GraphBuilder& builder, const std::string& name, ValueId x);

}  // namespace asterism
