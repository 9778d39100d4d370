// The CPU plugin: what it can do, and how models are compiled for it. Private to src/openvino.
#pragma once

#include <openvino/core/any.hpp>
#include <openvino/core/type/element_type.hpp>
#include <openvino/runtime/core.hpp>

#include "graph/backend.hpp"

namespace asterism {

inline constexpr const char* kDevice = "CPU";

// May throw ov::Exception, as every call of OpenVINO: the caller catches.
bool has_native_bf16(ov::Core& core);

// Threads, streams and precision as `options` ask for them.
ov::AnyMap compile_properties(const CompileOptions& options, ov::element::Type precision);

}  // namespace asterism
