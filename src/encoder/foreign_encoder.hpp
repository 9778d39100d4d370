// Models in a file of their own (ONNX, TensorFlow Lite, OpenVINO IR) as encoders of images.
#pragma once

#include <filesystem>
#include <memory>

#include "asterism/encoder.hpp"
#include "encoder/encoder_impl.hpp"

namespace asterism {

// The file is opened and cut at the one layer asked for, or at what the sidecar TOML beside it names, or at its first
// output; it is compiled when the first image comes. kUnsupported for several layers.
Result<std::unique_ptr<Encoder::Impl>> make_foreign_encoder(const std::filesystem::path& path,
                                                            const EncoderOptions& options);

}  // namespace asterism
