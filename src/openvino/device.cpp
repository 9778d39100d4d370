#include "openvino/device.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <openvino/runtime/properties.hpp>

namespace asterism {

bool has_native_bf16(ov::Core& core) {
  const std::vector<std::string> capabilities = core.get_property(kDevice, ov::device::capabilities);
  return std::ranges::find(capabilities, ov::device::capability::BF16) != capabilities.end();
}

ov::AnyMap compile_properties(const CompileOptions& options, ov::element::Type precision) {
  return {
      ov::num_streams(static_cast<int>(options.stream_count)),
      ov::inference_num_threads(static_cast<int>(options.stream_count * options.thread_count)),
      ov::hint::enable_cpu_pinning(false),
      ov::hint::inference_precision(precision),
  };
}

}  // namespace asterism
