// The present time as versions and measurements keep it. Thread-safety: pure but for the clock.
#pragma once

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <string>

namespace asterism {

// ISO 8601, UTC, whole seconds: "2026-11-29T03:07:26Z".
inline std::string now_utc() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

}  // namespace asterism
