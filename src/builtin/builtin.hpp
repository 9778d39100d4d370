// The models inside the library, so that the first embed needs no file: a static text model in the model2vec layout,
// and a small convolutional network for pictures.
//
// The bytes are those of assets/builtin and assets/builtin_image, placed in the program's read-only data by the
// assembler: nothing is copied or converted at start. Thread-safety: constants. How the models were made: the README.md
// in these folders.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace asterism {

struct BuiltinModel {
  std::span<const std::byte> weights;  // model.safetensors, aligned to 64 bytes
  std::string_view tokenizer;          // tokenizer.json
  std::string_view config;             // config.json
  std::string_view sha256;             // files_digest() of assets/builtin
};

BuiltinModel builtin_model() noexcept;

struct BuiltinImageModel {
  std::span<const std::byte> weights;  // model.safetensors, aligned to 64 bytes
  std::string_view config;             // config.json
  std::string_view sha256;             // files_digest() of assets/builtin_image
};

BuiltinImageModel builtin_image_model() noexcept;

}  // namespace asterism
