// The time that a client gives its request: x-timeout-ms. Thread-safety: pure.
#pragma once

#include <chrono>
#include <optional>

#include "asterism/error.hpp"
#include "server/http_message.hpp"

namespace asterism::server {

// Counted from now; nothing where the header is not there. kInvalidArgument where it is no number of milliseconds.
Result<std::optional<std::chrono::steady_clock::time_point>> request_deadline(const HttpRequest& request);

}  // namespace asterism::server
