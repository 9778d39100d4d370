// What torch keeps for each thread or process, set for the time of one call. Private to src/torch.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "asterism/error.hpp"
#include "graph/backend.hpp"

namespace asterism {

enum class Gradients : std::uint8_t { kNone, kRecorded };

// Threads of torch and of the BLAS below it for this thread, and whether gradients are recorded.
class RunScope {
 public:
  RunScope(std::size_t thread_count, Gradients gradients);

 private:
  c10::AutoGradMode mode_;
};

// While it lives, torch computes what gains by it in bfloat16: torch.autocast. Nothing for kF32.
class AutocastScope {
 public:
  AutocastScope(ComputePrecision precision, at::DeviceType device);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  bool active_ = false;
  at::DeviceType device_;
};

// The first line of what torch says, without the call stack that it adds.
std::string torch_message(const std::exception& exception);

// Runs `body`, which returns a Result, and makes an error of any exception of torch: none leaves the module.
template <typename Body>
auto without_exceptions(std::string_view what, const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInternal, std::string(what) + ": " + torch_message(e));
  }
}

}  // namespace asterism
