// The configuration files of single sentence-transformers modules: N_Pooling, N_Dense, N_LayerNorm, N_Normalize.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "encoder/model_layout.hpp"

namespace asterism {

// "mean", "mean_sqrt_len" (also "mean_sqrt_len_tokens"), ...; several joined by '+'. `source` names the text in errors.
Result<std::vector<Pooling>> parse_pooling_modes(std::string_view text, std::string_view source);
// The reverse: "cls+mean".
std::string pooling_modes_name(const std::vector<Pooling>& modes);

// Each reads `folder`/config.json. `on_tokens` of the result is what module_input_name says.
Result<ModuleSpec> read_pooling_module(const std::filesystem::path& folder);
Result<ModuleSpec> read_dense_module(const std::filesystem::path& folder);
Result<ModuleSpec> read_layer_norm_module(const std::filesystem::path& folder);
// The folder may be missing: old saves write none.
Result<ModuleSpec> read_normalize_module(const std::filesystem::path& folder);

}  // namespace asterism
