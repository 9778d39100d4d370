// The files beside an ONNX model that hold its weights: named inside it, checked before anything opens them. Private to
// src/openvino.
//
// Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (TensorProto.external_data). Cost: walks the messages,
// not the weights in them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

// Messages inside messages: graphs of branches and loops nest.
inline constexpr int kOnnxDepthMax = 64;

// The "location" of every external tensor. kCorrupt for bytes that are no protobuf message.
Result<std::set<std::string>> onnx_external_locations(std::span<const std::byte> bytes, std::string_view source);

// Every location must be a file below the model's folder, and be there: kNotFound or kCorrupt names it.
Result<void> check_onnx_external(const std::filesystem::path& path);

}  // namespace asterism
