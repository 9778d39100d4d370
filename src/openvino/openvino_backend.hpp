// The graph on OpenVINO's CPU plugin: linear layers packed over all tokens, attention and pooling as our own ops.
#pragma once

#include <filesystem>
#include <memory>

#include "graph/backend_module.hpp"

namespace asterism {

std::unique_ptr<Backend> make_openvino_backend();

Result<BackendReport> openvino_report();

// Nothing outside the file's folder is read: an ONNX file's external data is looked for, and refused, beforehand.
Result<std::unique_ptr<ForeignModel>> open_foreign_model(const std::filesystem::path& path);

}  // namespace asterism
