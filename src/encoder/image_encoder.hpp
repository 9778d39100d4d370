// Images to vectors: decode, preprocess and run, each thread its own batch from file to result.
#pragma once

#include <filesystem>
#include <memory>

#include "asterism/encoder.hpp"
#include "encoder/encoder_impl.hpp"

namespace asterism {

// Reads the model's weights; nothing is compiled before the first image.
Result<std::unique_ptr<Encoder::Impl>> make_image_encoder(const std::filesystem::path& path,
                                                          const EncoderOptions& options);
// The model inside the library.
Result<std::unique_ptr<Encoder::Impl>> make_builtin_image_encoder(const EncoderOptions& options);

// Two towers with one space. `layers` and `pooling` are those of the images.
Result<std::unique_ptr<Encoder::Impl>> make_dual_encoder(const std::filesystem::path& path,
                                                         const EncoderOptions& options);

}  // namespace asterism
