// Which files of a repository a model needs, and whether a folder has them all.
//
// Thread-safety: pure functions. Internal to the module.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

// Configuration, tokenizer and safetensors weights, in the root or in a module folder of sentence-transformers
// ("1_Pooling", "2_Dense").
bool is_model_file(std::string_view path);

// The needed ones of `paths`, small files first and the main weights last, so that a folder with weights is complete.
// kNotFound when there are no safetensors weights; the message names the formats that are there instead.
Result<std::vector<std::string>> select_model_files(const std::vector<std::string>& paths, std::string_view source);

// What `folder` lacks to be loaded as a model ("model.safetensors"); empty when nothing. Reads modules.json and the
// index of a sharded checkpoint where they are.
std::vector<std::string> missing_model_files(const std::filesystem::path& folder);

}  // namespace asterism
