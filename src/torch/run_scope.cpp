#include "torch/run_scope.hpp"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <c10/util/Exception.h>
#include <torch/version.h>

#include "torch/blas.hpp"

namespace asterism {
namespace {

// The functions that switch autocast were renamed in 2.4.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
void switch_autocast(at::DeviceType device, bool on) {
  at::autocast::set_autocast_dtype(device, at::kBFloat16);
  at::autocast::set_autocast_enabled(device, on);
}
#else
void switch_autocast(at::DeviceType device, bool on) {
  if (device == at::kCUDA) {
    at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
    at::autocast::set_enabled(on);
  } else {
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
    at::autocast::set_cpu_enabled(on);
  }
}
#endif

}  // namespace

RunScope::RunScope(std::size_t thread_count, Gradients gradients) : mode_(gradients == Gradients::kRecorded) {
  const auto count = static_cast<int>(thread_count);
  if (at::get_num_threads() != count) {
    at::set_num_threads(count);
  }
  keep_blas_on_one_thread();
}

AutocastScope::AutocastScope(ComputePrecision precision, at::DeviceType device)
    : active_(precision == ComputePrecision::kBF16), device_(device) {
  if (active_) {
    switch_autocast(device_, true);
    at::autocast::increment_nesting();
  }
}

AutocastScope::~AutocastScope() {
  if (active_) {
    // The outermost scope ends: parameters change before the next one, so their narrowed copies go.
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    switch_autocast(device_, false);
  }
}

std::string torch_message(const std::exception& exception) {
  const auto* error = dynamic_cast<const c10::Error*>(&exception);
  std::string text = error != nullptr ? error->what_without_backtrace() : exception.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace asterism
