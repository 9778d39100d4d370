// Which prompt an encoder puts before its texts.
#pragma once

#include <string>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "encoder/model_layout.hpp"

namespace asterism {

// The option's text; else the named prompt (kNotFound lists the names); else, with `use_default`, the model's default.
Result<std::string> choose_prompt(const ModelLayout& layout, const EncoderOptions& options, bool use_default = true);

}  // namespace asterism
