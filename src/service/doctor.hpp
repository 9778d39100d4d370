// Use case: what this machine and this installation have, for a person who asks why something is slow or missing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "asterism/error.hpp"

namespace asterism::service {

struct DoctorFolder {
  std::string purpose;  // "downloaded models"
  std::string path;
  bool exists = false;
  bool writable = false;        // or could be made, when it does not exist
  std::size_t model_count = 0;  // model folders in it
};

struct DoctorVariable {
  std::string name;  // "HF_HOME"
  bool set = false;
  std::string value;  // a secret shows as "(set)"
};

struct DoctorReport {
  std::string version;
  std::string openvino_version;
  std::vector<std::string> openvino_capabilities;  // of its CPU device
  std::string torch_version;                       // empty = none: training does not work
  std::vector<std::string> torch_capabilities;
  std::string processor;                                         // as the processor calls itself
  std::vector<std::pair<std::string, bool>> processor_features;  // "AVX2", here or not
  std::string precision_auto;                                    // what `--precision auto` means here: "bf16" or "f32"
  std::size_t thread_count = 0;                                  // what `--threads` defaults to
  std::uint64_t memory_size_bytes = 0;
  std::vector<DoctorFolder> folders;
  std::vector<DoctorVariable> variables;  // of the environment, that this program honours
  bool offline = false;                   // no download will be tried
  std::string builtin_model;              // description; empty where it does not load
  std::string builtin_image_model;        // likewise
  std::vector<std::string> problems;      // each with what to do; empty = all is well
};

// Never fails for what it finds: that is what `problems` is for.
Result<DoctorReport> doctor();

}  // namespace asterism::service
