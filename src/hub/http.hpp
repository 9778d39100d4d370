// One HTTP exchange over libcurl: redirects followed by hand, so that credentials never leave the host they are for.
//
// Ownership: a client owns one connection cache; requests reuse its connections. Thread-safety: one thread per client.
// No retries here: src/hub/download.hpp has them. Internal to the module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "hub/hub.hpp"

namespace asterism {

enum class HttpMethod : std::uint8_t { kGet, kHead, kPost };
enum class HttpRedirects : std::uint8_t {
  kFollow,
  // Stop at a redirect to another host that already says what the file is (`X-Linked-Etag` or `ETag`, and
  // `X-Repo-Commit`).
  kUntilDescribed,
};

// Sent to this origin ("https://host:443") and to no other.
struct HttpAuthorization {
  std::string origin;
  std::string value;  // "Bearer ..."; empty = none
};

// What an exchange may reach: asked before every connection, so also after redirects and lookups of names. With a guard
// no proxy is used, which would reach things for us.
struct HttpGuard {
  std::function<bool(std::string_view url)> url_allowed;
  std::function<bool(std::string_view ip_address)> address_allowed;
};

struct HttpRequest {
  std::string url;
  HttpMethod method = HttpMethod::kGet;
  HttpRedirects redirects = HttpRedirects::kFollow;
  std::uint64_t range_begin = 0;  // first byte wanted; 0 = the whole
  std::string accept;             // media types; empty = any
  HttpAuthorization authorization;
  std::string body = {};  // of kPost
  std::string content_type = {};
  const HttpGuard* guard = nullptr;  // borrowed; null = everything may be reached
};

struct HttpHead {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string url;                             // after redirects
  std::int64_t retry_after_s = 0;              // 0 = not said

  // Empty when absent.
  std::string header(std::string_view name) const;
};

enum class HttpFault : std::uint8_t {
  kUnreachable,  // no connection was made: name, route, port, certificate
  kDropped,      // the connection ended or stalled before the answer did
  kRefused,      // not to be tried again: a bad address, a callback's error, cancelled
};

struct HttpFailure {
  HttpFault fault = HttpFault::kRefused;
  Error error;
};

// Called for answers of status 200 and 206 only. An error ends the exchange and is returned from it.
struct HttpReceiver {
  std::function<Result<void>(const HttpHead&)> on_head;
  std::function<Result<void>(std::span<const std::byte>)> on_body;
};

class HttpClient {
 public:
  static Result<HttpClient> create(const HubOptions& options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // Any status is an answer; only a missing or broken one is a failure.
  std::expected<HttpHead, HttpFailure> exchange(const HttpRequest& request, const HttpReceiver& receiver);
  // Whether any server has answered yet. Before that, an unreachable host is not worth a second attempt.
  bool has_answered() const noexcept;

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// "https://host:443"; empty when `url` is no http(s) address.
std::string url_origin(std::string_view url);
// `reference` (absolute or relative) against `base`; kCorrupt when the result is no http(s) address.
Result<std::string> url_resolve(std::string_view base, std::string_view reference);

// The address without user and password, and those as Basic authorization for its origin.
struct UrlCredentials {
  std::string url;
  HttpAuthorization authorization;
};
Result<UrlCredentials> url_split_credentials(std::string_view url);

}  // namespace asterism
