// The graph on OpenVINO's CPU plugin: linear layers packed over all tokens, attention and pooling as our own ops.
#pragma once

#include <memory>

#include "graph/backend_module.hpp"

namespace asterism {

std::unique_ptr<Backend> make_openvino_backend();

Result<BackendReport> openvino_report();

}  // namespace asterism
