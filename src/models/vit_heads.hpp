// How many heads a ViT has, where only its width says. Private to src/models.
#pragma once

#include <cstdint>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

// Heads 64 wide up to a width of 1024, and the counts of the published wider models. kUnsupported for a width that no
// published model has. Source: the definitions in timm/models/vision_transformer.py, deit.py and
// torchvision/models/vision_transformer.py.
Result<std::int64_t> heads_by_width(std::int64_t width, std::string_view source);

}  // namespace asterism
