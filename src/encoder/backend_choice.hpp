// Which backend runs the graphs of encoders, and in which precision.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "graph/backend.hpp"
#include "graph/backend_module.hpp"

namespace asterism {

inline constexpr std::string_view kBackendName = "openvino";

struct BackendChoice {
  const BackendModule* module = nullptr;  // stays loaded
  ComputePrecision precision = ComputePrecision::kF32;
  std::string precision_name = "f32";
};

// kAuto is bf16 where the processor has it natively. What was asked for and is not native is a warning.
Result<BackendChoice> choose_backend(Precision precision, std::vector<std::string>& warnings);

}  // namespace asterism
