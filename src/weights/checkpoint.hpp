// The tensors of a model, whatever its files are: safetensors or PyTorch, one file or several.
//
// Ownership: tensors share the mappings. Thread-safety: pure functions. Cost: see safetensors.hpp and pth.hpp.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "asterism/error.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

// All tensors of a model folder, from the first of these that is there: `model.safetensors`, the shards that
// `model.safetensors.index.json` lists, `pytorch_model.bin`, the shards that `pytorch_model.bin.index.json` lists, the
// folder's only .pth or .pt file. An index and its shards must agree exactly: every tensor is in the shard that the
// index names, and no shard holds one that the index leaves out (the original library would load that one with a
// warning or not at all, depending on its version). A shard outside the folder is refused. kNotFound names what was
// looked for.
Result<std::map<std::string, Tensor>> read_checkpoint(const std::filesystem::path& folder);

// All tensors of one file: safetensors (by its ending, or by its content), else PyTorch's.
Result<std::map<std::string, Tensor>> read_checkpoint_file(const std::filesystem::path& path);

}  // namespace asterism
