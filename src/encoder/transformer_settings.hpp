// Settings of a Transformer module outside config.json: sentence_*_config.json and tokenizer_config.json.
#pragma once

#include <filesystem>

#include "asterism/error.hpp"
#include "encoder/model_layout.hpp"

namespace asterism {

// Fills token_count_max, its source, and lowercase of `layout` from the files in layout.first_folder.
Result<void> read_transformer_settings(ModelLayout& layout);

}  // namespace asterism
