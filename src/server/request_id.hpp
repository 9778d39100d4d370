// Random names of requests, traces and jobs. Thread-safety: any thread. Cost: nanoseconds.
#pragma once

#include <cstdint>
#include <string>

namespace asterism::server {

// 32 hexadecimal digits, as a trace id of W3C's trace context.
std::string make_request_id();
// 16 of them, as a span id.
std::string make_span_id();

}  // namespace asterism::server
