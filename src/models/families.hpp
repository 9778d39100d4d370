// One function a family, one file a function: private to src/models. family.cpp holds the table that picks.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "models/family.hpp"

namespace asterism {

// As build_text_model, without the check of the parameters against the graph: the caller does that for all families.
Result<TextModel> build_bert(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source);
Result<TextModel> build_roberta(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source);
Result<TextModel> build_xlm_roberta(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source);
Result<TextModel> build_distilbert(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source);
Result<TextModel> build_clip_text(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source);
Result<TextModel> build_siglip_text(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source);

}  // namespace asterism
