// The model inside the library: a static text model in the model2vec layout, so that the first embed needs no file.
//
// The bytes are those of assets/builtin, placed in the program's read-only data by the assembler: nothing is copied or
// converted at start. Thread-safety: constants. How the model was made: assets/builtin/README.md.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace asterism {

struct BuiltinModel {
  std::span<const std::byte> weights;  // model.safetensors, aligned to 64 bytes
  std::string_view tokenizer;          // tokenizer.json
  std::string_view config;             // config.json
};

BuiltinModel builtin_model() noexcept;

}  // namespace asterism
