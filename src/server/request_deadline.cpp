#include "server/request_deadline.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace asterism::server {

Result<std::optional<std::chrono::steady_clock::time_point>> request_deadline(const HttpRequest& request) {
  const std::string_view text = request.header("x-timeout-ms");
  if (text.empty()) {
    return std::nullopt;
  }
  std::uint32_t time_ms = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), time_ms);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || time_ms == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("x-timeout-ms: expected milliseconds > 0, found \"{}\"", text));
  }
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(time_ms);
}

}  // namespace asterism::server
