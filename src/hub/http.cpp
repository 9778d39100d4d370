#include "hub/http.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "base/ascii_case.hpp"
#include "base/base64.hpp"
#include "hub/curl_library.hpp"

namespace asterism {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRedirectCountMax = 10;
constexpr std::size_t kHeaderCountMax = 200;
// Bytes of an error page that are read (and dropped) before the connection is given up.
constexpr std::uint64_t kErrorBodySizeBytesMax = 1 << 20;
constexpr const char* kUserAgent = "asterism (+libcurl)";

struct CurlUrlDeleter {
  void operator()(CURLU* url) const noexcept { curl_library()->url_cleanup(url); }
};
using CurlUrl = std::unique_ptr<CURLU, CurlUrlDeleter>;

struct CurlListDeleter {
  void operator()(curl_slist* list) const noexcept { curl_library()->slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;

CurlUrl parse_url(std::string_view text) {
  const auto& curl = curl_library();
  CurlUrl url(curl ? curl->url() : nullptr);
  if (!url || curl->url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK) {
    return nullptr;
  }
  return url;
}

std::string url_part(const CurlUrl& url, CURLUPart part, unsigned flags = 0) {
  char* value = nullptr;
  if (curl_library()->url_get(url.get(), part, &value, flags) != CURLUE_OK) {
    return {};
  }
  std::string out(value);
  curl_library()->free_string(value);
  return out;
}

bool is_web(const CurlUrl& url) {
  const std::string scheme = url_part(url, CURLUPART_SCHEME);
  return scheme == "http" || scheme == "https";
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// No connection came about, as opposed to one that broke.
bool is_unreachable(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
      return true;
    default:
      return false;
  }
}

// What one exchange collects while libcurl calls back.
struct Exchange {
  const HttpRequest* request = nullptr;
  const HttpReceiver* receiver = nullptr;
  const CancelFlag* cancel = nullptr;
  HttpHead head;
  std::optional<Error> error;  // of a callback
  std::chrono::milliseconds stall_timeout{};
  Clock::time_point heard = Clock::now();  // when the server last sent anything
  bool stalled = false;
  std::uint64_t dropped_bytes = 0;

  bool delivers() const noexcept { return head.status == 200 || head.status == 206; }
};

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// A status line starts a new head (there may be several: 100 Continue, a proxy's); an empty line ends it.
bool take_header_line(Exchange& exchange, std::string_view line) {
  HttpHead& head = exchange.head;
  if (line.starts_with("HTTP/")) {
    head.headers.clear();
    const auto space = line.find(' ');
    const std::string_view status = space == std::string_view::npos ? std::string_view() : line.substr(space + 1, 3);
    head.status = 0;
    std::from_chars(status.data(), status.data() + status.size(), head.status);
    return true;
  }
  line = trim(line);
  if (line.empty()) {
    if (exchange.delivers() && exchange.receiver->on_head) {
      if (auto taken = exchange.receiver->on_head(head); !taken) {
        exchange.error = taken.error();
        return false;
      }
    }
    return true;
  }
  const auto colon = line.find(':');
  if (colon != std::string_view::npos && head.headers.size() < kHeaderCountMax) {
    head.headers.insert_or_assign(ascii_lower(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
  }
  return true;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  exchange.heard = Clock::now();
  return take_header_line(exchange, std::string_view(data, size * count)) ? size * count : 0;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const std::size_t total = size * count;
  exchange.heard = Clock::now();
  if (!exchange.delivers() || !exchange.receiver->on_body) {
    exchange.dropped_bytes += total;
    return exchange.dropped_bytes > kErrorBodySizeBytesMax ? 0 : total;
  }
  if (auto taken = exchange.receiver->on_body(std::as_bytes(std::span(data, total))); !taken) {
    exchange.error = taken.error();
    return 0;
  }
  return total;
}

int on_tick(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(context);
  exchange.stalled = Clock::now() - exchange.heard > exchange.stall_timeout;
  return exchange.stalled || (exchange.cancel != nullptr && exchange.cancel->requested()) ? 1 : 0;
}

std::string ip_text(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address.sa_family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  } else if (address.sa_family == AF_INET6) {
    bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  }
  return bytes != nullptr && ::inet_ntop(address.sa_family, bytes, text.data(), text.size()) != nullptr ? text.data()
                                                                                                        : std::string();
}

// Opens the socket, unless the guard forbids where it would lead.
curl_socket_t on_open(void* context, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto& exchange = *static_cast<Exchange*>(context);
  const HttpGuard& guard = *exchange.request->guard;
  if (const std::string ip = ip_text(address->addr); guard.address_allowed && !guard.address_allowed(ip)) {
    exchange.error = Error{ErrorCode::kInvalidArgument,
                           fmt::format("{}: expected a public address, found {}", exchange.request->url, ip),
                           {}};
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

HttpFailure refused(ErrorCode code, std::string message, std::string hint = {}) {
  return {HttpFault::kRefused, Error{code, std::move(message), std::move(hint)}};
}

}  // namespace

struct HttpClient::Impl {
  struct EasyDeleter {
    void operator()(CURL* easy) const noexcept { curl_library()->easy_cleanup(easy); }
  };
  std::unique_ptr<CURL, EasyDeleter> easy;
  NetworkLimits limits;
  std::string ca_bundle;
  const CancelFlag* cancel = nullptr;
  bool answered = false;

  std::expected<HttpHead, HttpFailure> single(const HttpRequest& request, const HttpReceiver& receiver);
  CurlList prepare(const HttpRequest& request, Exchange& exchange, std::array<char, CURL_ERROR_SIZE>& message);
  std::expected<HttpHead, HttpFailure> failure(CURLcode code, std::string_view message, Exchange& exchange) const;
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

bool HttpClient::has_answered() const noexcept {
  return impl_->answered;
}

Result<HttpClient> HttpClient::create(const HubOptions& options) {
  const auto& curl = curl_library();
  if (!curl) {
    return std::unexpected(curl.error());
  }
  auto impl = std::make_unique<Impl>();
  impl->easy.reset(curl->easy_init());
  if (!impl->easy) {
    return fail(ErrorCode::kInternal, "libcurl: expected a handle, found none");
  }
  impl->limits = options.limits;
  impl->ca_bundle = options.ca_bundle.string();
  impl->cancel = options.cancel;
  return HttpClient(std::move(impl));
}

CurlList HttpClient::Impl::prepare(const HttpRequest& request, Exchange& exchange,
                                   std::array<char, CURL_ERROR_SIZE>& message) {
  CURL* handle = easy.get();
  const CurlLibrary& curl = *curl_library();
  curl.easy_reset(handle);
  curl.easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl.easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl.easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(handle, CURLOPT_NOBODY, request.method == HttpMethod::kHead ? 1L : 0L);
  curl.easy_setopt(handle, CURLOPT_USERAGENT, kUserAgent);
  curl.easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl.easy_setopt(handle, CURLOPT_ERRORBUFFER, message.data());
  curl.easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect_timeout_ms));
  curl.easy_setopt(handle, CURLOPT_HEADERFUNCTION, &on_header);
  curl.easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl.easy_setopt(handle, CURLOPT_WRITEFUNCTION, &on_body);
  curl.easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl.easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl.easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &on_tick);
  curl.easy_setopt(handle, CURLOPT_XFERINFODATA, &exchange);
  if (request.method == HttpMethod::kPost) {
    curl.easy_setopt(handle, CURLOPT_POST, 1L);
    curl.easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
    curl.easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  if (request.guard != nullptr) {
    curl.easy_setopt(handle, CURLOPT_PROXY, "");
    curl.easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
    curl.easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, &on_open);
    curl.easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &exchange);
  }
  if (!ca_bundle.empty()) {
    curl.easy_setopt(handle, CURLOPT_CAINFO, ca_bundle.c_str());
  }
  CurlList headers;
  const auto add = [&headers, &curl](const std::string& line) {
    if (curl_slist* grown = curl.slist_append(headers.get(), line.c_str()); grown != nullptr) {
      static_cast<void>(headers.release());
      headers.reset(grown);
    }
  };
  if (!request.accept.empty()) {
    add("Accept: " + request.accept);
  }
  if (!request.content_type.empty()) {
    add("Content-Type: " + request.content_type);
  }
  if (request.range_begin > 0) {
    add(fmt::format("Range: bytes={}-", request.range_begin));
  }
  if (!request.authorization.value.empty() && url_origin(request.url) == request.authorization.origin) {
    add("Authorization: " + request.authorization.value);
  }
  curl.easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  return headers;
}

std::expected<HttpHead, HttpFailure> HttpClient::Impl::failure(CURLcode code, std::string_view message,
                                                               Exchange& exchange) const {
  if (exchange.error) {
    return std::unexpected(HttpFailure{HttpFault::kRefused, std::move(*exchange.error)});
  }
  if (code == CURLE_ABORTED_BY_CALLBACK && exchange.stalled) {
    return std::unexpected(HttpFailure{HttpFault::kDropped,
                                       Error{ErrorCode::kNetwork,
                                             fmt::format("{}: nothing came for {} s", exchange.request->url,
                                                         std::chrono::duration<double>(exchange.stall_timeout).count()),
                                             {}}});
  }
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    return std::unexpected(refused(ErrorCode::kCancelled, fmt::format("{}: download cancelled", exchange.request->url),
                                   "run the same command again to go on"));
  }
  if (code == CURLE_WRITE_ERROR && exchange.dropped_bytes > kErrorBodySizeBytesMax) {
    return exchange.head;  // an endless error page: its status is all that matters
  }
  const std::string_view reason = message.empty() ? std::string_view(curl_library()->easy_strerror(code)) : message;
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return std::unexpected(refused(ErrorCode::kInvalidArgument, fmt::format("{}: expected an http or https address: {}",
                                                                            exchange.request->url, reason)));
  }
  // A time-out counts as unreachable when the connection was never made.
  double connect_s = 0.0;
  curl_library()->easy_getinfo(easy.get(), CURLINFO_CONNECT_TIME, &connect_s);
  const bool unreachable = is_unreachable(code) || (code == CURLE_OPERATION_TIMEDOUT && connect_s <= 0.0);
  return std::unexpected(HttpFailure{unreachable ? HttpFault::kUnreachable : HttpFault::kDropped,
                                     Error{ErrorCode::kNetwork, fmt::format("{}: {}", exchange.request->url, reason),
                                           unreachable ? "check the network, proxy and certificates" : ""}});
}

std::expected<HttpHead, HttpFailure> HttpClient::Impl::single(const HttpRequest& request,
                                                              const HttpReceiver& receiver) {
  Exchange exchange;
  exchange.request = &request;
  exchange.receiver = &receiver;
  exchange.cancel = cancel;
  exchange.stall_timeout = std::chrono::milliseconds(limits.stall_timeout_ms);
  std::array<char, CURL_ERROR_SIZE> message{};
  const CurlList headers = prepare(request, exchange, message);
  const CURLcode code = curl_library()->easy_perform(easy.get());
  exchange.head.url = request.url;
  answered = answered || exchange.head.status != 0;
  if (code != CURLE_OK) {
    return failure(code, message.data(), exchange);
  }
  curl_off_t retry_after_s = 0;
  curl_library()->easy_getinfo(easy.get(), CURLINFO_RETRY_AFTER, &retry_after_s);
  exchange.head.retry_after_s = retry_after_s;
  return std::move(exchange.head);
}

std::expected<HttpHead, HttpFailure> HttpClient::exchange(const HttpRequest& request, const HttpReceiver& receiver) {
  HttpRequest step = request;
  for (int redirects = 0; redirects <= kRedirectCountMax; ++redirects) {
    if (step.guard != nullptr && step.guard->url_allowed && !step.guard->url_allowed(step.url)) {
      return std::unexpected(
          refused(ErrorCode::kInvalidArgument, fmt::format("{}: expected an address that is allowed here", step.url)));
    }
    auto head = impl_->single(step, receiver);
    if (!head || !is_redirect(head->status) || head->header("location").empty()) {
      return head;
    }
    auto next = url_resolve(step.url, head->header("location"));
    if (!next) {
      return std::unexpected(HttpFailure{HttpFault::kRefused, next.error()});
    }
    const bool elsewhere = url_origin(*next) != url_origin(step.url);
    const bool described = !head->header("x-repo-commit").empty() &&
                           !(head->header("x-linked-etag").empty() && head->header("etag").empty());
    if (request.redirects == HttpRedirects::kUntilDescribed && elsewhere && described) {
      return head;
    }
    if (step.url.starts_with("https://") && next->starts_with("http://")) {
      return std::unexpected(
          refused(ErrorCode::kNetwork,
                  fmt::format("{}: expected to stay on https, found a redirect to {}", step.url, url_origin(*next))));
    }
    step.url = std::move(*next);
  }
  return std::unexpected(refused(ErrorCode::kNetwork, fmt::format("{}: expected at most {} redirects, found more",
                                                                  request.url, kRedirectCountMax)));
}

std::string HttpHead::header(std::string_view name) const {
  const auto found = headers.find(std::string(name));
  return found == headers.end() ? std::string() : found->second;
}

std::string url_origin(std::string_view text) {
  const CurlUrl url = parse_url(text);
  if (!url || !is_web(url)) {
    return {};
  }
  return fmt::format("{}://{}:{}", url_part(url, CURLUPART_SCHEME), ascii_lower(url_part(url, CURLUPART_HOST)),
                     url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

Result<std::string> url_resolve(std::string_view base, std::string_view reference) {
  if (const auto& curl = curl_library(); !curl) {
    return std::unexpected(curl.error());
  }
  const CurlUrl url = parse_url(base);
  if (url && curl_library()->url_set(url.get(), CURLUPART_URL, std::string(reference).c_str(), 0) == CURLUE_OK &&
      is_web(url)) {
    return url_part(url, CURLUPART_URL);
  }
  return fail(ErrorCode::kCorrupt, fmt::format("{}: expected an http or https address, found '{}'", base, reference));
}

Result<UrlCredentials> url_split_credentials(std::string_view text) {
  if (const auto& curl = curl_library(); !curl) {
    return std::unexpected(curl.error());
  }
  const CurlUrl url = parse_url(text);
  if (!url || !is_web(url)) {
    // The text may hold a password: it is not repeated.
    return fail(ErrorCode::kInvalidArgument, "the address of the package index: expected http://... or https://...",
                "check PIP_INDEX_URL and ASTERISM_PYPI_INDEX");
  }
  UrlCredentials out;
  const std::string user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
  if (!user.empty()) {
    out.authorization.value = "Basic " + base64(user + ":" + url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE));
  }
  curl_library()->url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_library()->url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  out.url = url_part(url, CURLUPART_URL);
  out.authorization.origin = url_origin(out.url);
  return out;
}

}  // namespace asterism
