// ImagePreprocess for people and for programs, and the names of its parts as options spell them.
#pragma once

#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "image/preprocess.hpp"

namespace asterism {

// "bicubic": the spelling of timm and of our options.
std::string_view interpolation_name(Interpolation interpolation) noexcept;
// kInvalidArgument lists the names.
Result<Interpolation> interpolation_by_name(std::string_view name);

// "resize the shorter edge to 256 (bicubic, antialias), centre crop 224x224, x/255, mean [0.485, 0.456, 0.406], std
// [0.229, 0.224, 0.225]". Sizes are height x width.
std::string describe_preprocess(const ImagePreprocess& preprocess);
// Every field that has a meaning in this combination, by name.
Json preprocess_json(const ImagePreprocess& preprocess);

}  // namespace asterism
