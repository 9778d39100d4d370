// The graph on OpenVINO's CPU plugin: linear layers packed over all tokens, attention and pooling as our own ops.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "graph/backend.hpp"

namespace asterism {

std::unique_ptr<Backend> make_openvino_backend();

// What `asterism doctor` shows.
struct OpenVinoReport {
  std::string version;
  std::vector<std::string> capabilities;  // of the CPU plugin: "FP32", "BF16", ...
  bool bf16_native = false;               // what precision `auto` turns on
};
Result<OpenVinoReport> openvino_report();

}  // namespace asterism
