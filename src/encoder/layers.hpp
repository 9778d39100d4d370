// The named values of a model: where `embed --layer` can end it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "encoder/model_kind.hpp"

namespace asterism {

struct LayerInfo {
  std::string name;
  std::string op;                    // "linear"
  std::string shape;                 // "[tokens, 384]", "[rows, 1280, 7, 7]"
  std::vector<std::string> aliases;  // other names of the same value
  std::uint64_t multiply_adds = 0;   // up to and with this value: of one image, or of one token (graph/cost.hpp)
};

// Which tower of a model that has two. kTable is never asked for: such a model has nothing else.
enum class Tower : std::uint8_t { kImage, kText, kTable };

struct LayerListOptions {
  Tower tower = Tower::kImage;    // of a model that has two; others have one
  std::int64_t image_height = 0;  // 0 = what the model says
  std::int64_t image_width = 0;
};

struct LayerList {
  ModelKind kind = ModelKind::kText;
  Tower tower = Tower::kText;     // whose layers these are
  std::vector<LayerInfo> layers;  // in the order of computation; empty for a static model, which has none
};

// The values that `layer` accepts. Reads the model's weights by mapping, without compiling anything.
Result<LayerList> list_layers(std::string_view model, const LayerListOptions& options = {});

}  // namespace asterism
