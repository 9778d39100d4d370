// Dates as tables write them: ISO 8601 in its extended form, no other. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace asterism::service {

// Milliseconds since 1970-01-01T00:00Z of "2026-11-29", "2026-11-29T13:05", "2026-11-29 13:05:09.250+01:00"; without a
// zone it is UTC. Nothing for any other text, the 30th of February included. Years 0000 to 9999.
std::optional<std::int64_t> parse_iso_date(std::string_view text) noexcept;

// "2026-11-29T13:05:09Z"; with ".250" where it is no whole second, and the date alone at midnight.
std::string iso_date(std::int64_t time_ms);

}  // namespace asterism::service
