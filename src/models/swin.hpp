// The body that the three libraries' Swin transformers share. Private to src/models.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "graph/graph.hpp"
#include "models/image_family.hpp"
#include "models/swin_window.hpp"
#include "models/transformer_block.hpp"

namespace asterism {

// When a window is larger than the map: made as large as the map, by axis, without shift (timm); left, with zeros
// around, and shifted only where the padded map is larger (torchvision); not possible (transformers, whose table is of
// one size; there a map no larger than the window along either axis is not shifted).
enum class SmallMap : std::uint8_t { kShrinkWindow, kPad, kRefuse };

struct SwinDialect {
  BlockNames block;
  std::string_view table;        // below a block's path: the table of relative position biases
  std::string_view bias;         // ... and the parameter that it becomes
  std::string_view joined = {};  // alias of what attention gives, as a map again; empty = none
  PadOrder order = PadOrder::kPadThenShift;
  SmallMap small_map = SmallMap::kPad;
};

struct SwinStage {
  std::string blocks;      // "layers.0.blocks."; block I has the path `blocks` I
  std::string downsample;  // path of the patch merging before the blocks; empty = none
  std::int64_t block_count = 0;
  std::int64_t head_count = 0;  // 0 = that of the first block's table
  std::string name;             // alias of the stage's result; empty = none
};

struct SwinConfig {
  Grid patch;
  Grid wanted;  // pixels
  std::int64_t channels = 0;
  Grid window;            // where the map is large enough; {0, 0} = that of each table
  double epsilon = 1e-5;  // of the blocks
  Activation activation = Activation::kGeluErf;
  bool qkv_bias = true;
};

// Walks over the blocks, replacing the tables in `parameters` by the biases that the graph adds.
// torch.nn.LayerNorm's, which all three libraries leave for patches and their merging.
inline constexpr double kSwinMergeEpsilon = 1e-5;

class SwinBody {
 public:
  SwinBody(const SwinDialect& dialect, const SwinConfig& config, ParameterMap& parameters, std::string source)
      : dialect_(dialect), config_(config), parameters_(parameters), source_(std::move(source)) {}

  GraphBuilder& builder() noexcept { return builder_; }

  // x [rows, height, width, dim]; the same after the stage.
  Result<ValueId> stage(const SwinStage& stage, ValueId x);
  Result<ValueId> blocks(const SwinStage& stage, ValueId x);
  // PatchMerging at `path`.
  Result<ValueId> merge(const std::string& path, ValueId x);

 private:
  struct BlockPlan {
    BlockShape shape;
    WindowPlan windows;
  };
  Result<BlockPlan> plan_block(const std::string& path, std::int64_t index, std::int64_t head_count, ValueId x);
  Result<BlockShape> block_shape(const std::string& path, std::int64_t dim, std::int64_t head_count) const;
  Result<std::int64_t> head_count_of(const SwinStage& stage, std::int64_t dim) const;
  Result<WindowPlan> window_plan(const Grid& window, std::int64_t index, const Grid& map) const;
  ValueId block(const std::string& path, ValueId x, const BlockPlan& plan);

  const SwinDialect& dialect_;
  const SwinConfig& config_;
  ParameterMap& parameters_;
  std::string source_;
  GraphBuilder builder_;
};

}  // namespace asterism
