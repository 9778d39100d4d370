// Rows of an array that is preprocessed already: [rows, channels, height, width] in a .npy or .safetensors file.
#pragma once

#include <memory>
#include <string>

#include "asterism/error.hpp"
#include "dataset/record_reader.hpp"

namespace asterism {

// f32, f16 or bf16; each row becomes f32. Of several tensors of four dimensions `tensor_name` chooses one. The file is
// mapped and its values are read row by row. kUnsupported names another element type: bytes are pixels that nobody has
// preprocessed yet.
Result<std::unique_ptr<RecordReader>> open_tensor_rows(const std::string& path, const std::string& tensor_name);

}  // namespace asterism
