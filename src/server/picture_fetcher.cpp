#include "server/picture_fetcher.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii_case.hpp"
#include "hub/http.hpp"

namespace asterism::server {
namespace {

Error refusal(std::string message) {
  return {.code = ErrorCode::kInvalidArgument, .message = "image: " + std::move(message), .hint = {}};
}

bool host_matches(std::string_view pattern, std::string_view host) {
  return pattern.starts_with("*.") ? host.ends_with(pattern.substr(1)) && host.size() > pattern.size() - 1
                                   : host == pattern;
}

}  // namespace

bool PictureFetcher::url_allowed(std::string_view url) const {
  // "https://host:443"
  const std::string origin = url_origin(url);
  const std::size_t host_begin = origin.find("//");
  const std::size_t port_begin = origin.rfind(':');
  if (host_begin == std::string::npos || port_begin <= host_begin) {
    return false;
  }
  const std::string_view host = std::string_view(origin).substr(host_begin + 2, port_begin - host_begin - 2);
  const std::string_view port = std::string_view(origin).substr(port_begin + 1);
  return std::ranges::any_of(options_.hosts, [&](const std::string& entry) {
    const std::string pattern = ascii_lower(entry);
    const std::size_t colon = pattern.rfind(':');
    if (colon == std::string::npos) {
      return (port == "80" || port == "443") && host_matches(pattern, host);
    }
    return port == std::string_view(pattern).substr(colon + 1) &&
           host_matches(std::string_view(pattern).substr(0, colon), host);
  });
}

Result<std::string> PictureFetcher::fetch(const std::string& url) const {
  if (!enabled()) {
    return fail(ErrorCode::kUnsupported, "image: this server fetches no addresses",
                "send the picture itself: raw bytes, multipart, or a data URI");
  }
  HubOptions options;
  options.limits.connect_timeout_ms =
      static_cast<decltype(options.limits.connect_timeout_ms)>(options_.time_max.count());
  options.limits.stall_timeout_ms = static_cast<decltype(options.limits.stall_timeout_ms)>(options_.time_max.count());
  auto client = HttpClient::create(options);
  if (!client) {
    return std::unexpected(client.error());
  }
  const HttpGuard guard{.url_allowed = [this](std::string_view next) { return url_allowed(next); },
                        .address_allowed = options_.address_allowed};
  const auto end = std::chrono::steady_clock::now() + options_.time_max;
  std::string bytes;
  const HttpReceiver receiver{
      .on_head = {}, .on_body = [&](std::span<const std::byte> piece) -> Result<void> {
        if (bytes.size() + piece.size() > options_.size_bytes_max) {
          return std::unexpected(
              refusal(fmt::format("{}: expected at most {} bytes, found more", url, options_.size_bytes_max)));
        }
        if (std::chrono::steady_clock::now() > end) {
          return std::unexpected(refusal(fmt::format("{}: not whole after {} ms", url, options_.time_max.count())));
        }
        bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
      }};
  const auto head = client->exchange({.url = url, .accept = "image/*", .authorization = {}, .guard = &guard}, receiver);
  if (!head) {
    return std::unexpected(refusal(head.error().error.message));
  }
  if (head->status != 200) {
    return std::unexpected(refusal(fmt::format("{}: expected a file, found status {}", url, head->status)));
  }
  return bytes;
}

}  // namespace asterism::server
