// Which prompt an encoder puts before its texts.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "encoder/model_layout.hpp"

namespace asterism {

// The text of the prompt of this name; kNotFound lists the names that `model` has.
Result<std::string> find_prompt(const std::vector<std::pair<std::string, std::string>>& prompts,
                                std::string_view wanted, std::string_view model);

// The option's text; else the named prompt (kNotFound lists the names); else, with `use_default`, the model's default.
Result<std::string> choose_prompt(const ModelLayout& layout, const EncoderOptions& options, bool use_default = true);

}  // namespace asterism
