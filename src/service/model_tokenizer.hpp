// A model's tokenizer without its weights: for tokenising alone, which must not wait for a model to load.
#pragma once

#include <string_view>

#include "asterism/error.hpp"
#include "service/model_fetch.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism::service {

// `model` as for Encoder::load. The folder's settings that change token ids (lower-casing) are applied.
Result<Tokenizer> load_model_tokenizer(std::string_view model, const ModelFetch& fetch);

}  // namespace asterism::service
