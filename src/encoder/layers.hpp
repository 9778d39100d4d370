// The named values of a model: where `embed --layer` can end it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

struct LayerInfo {
  std::string name;
  std::string op;                    // "linear"
  std::string shape;                 // "[tokens, 384]"
  std::vector<std::string> aliases;  // other names of the same value
};

// In the order of computation; the values that `layer` accepts. Empty for a static model, which has none.
// Reads the model's weights by mapping, without compiling anything.
Result<std::vector<LayerInfo>> list_layers(std::string_view model);

}  // namespace asterism
