// What a model on disk takes, told before anything large is read.
#pragma once

#include <cstdint>
#include <filesystem>

#include "asterism/error.hpp"

namespace asterism {

enum class ModelKind : std::uint8_t {
  kText,          // a folder of sentence-transformers, transformers or model2vec
  kImage,         // a folder of timm or transformers, or a weight file of torchvision
  kTextAndImage,  // two towers with one space: CLIP, SigLIP
  kTable,         // rows of columns: a tabular autoencoder, or a fusion of those with texts or images
  kWords,         // vectors of words: a file of GloVe, word2vec or fastText, or a folder of vectors and words
  kForeign,       // a network in a file of its own: ONNX, TensorFlow Lite, OpenVINO IR
};

// A folder that says nothing of images is kText: its reader says what is missing. kNotFound for a path without
// anything.
Result<ModelKind> model_kind(const std::filesystem::path& path);

}  // namespace asterism
