// One HTTP request and its answer, as routes see them: no sockets, no library.
//
// Ownership: values; an Exchange is shared by the connection and whoever still works on the answer. Thread-safety: an
// Exchange may be answered from any thread; the first answer counts. After it the connection takes the request back: of
// one whose body is streamed that may be at any time, so whoever works on it keeps a copy of the head. Cost: a request
// holds its whole body.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace asterism::server {

class BodyStream;
class UploadStream;
struct Route;

enum class Method : std::uint8_t { kGet, kPost, kPut, kPatch, kDelete, kHead, kOptions, kOther };

struct Header {
  std::string name;
  std::string value;
};

// Where a request stands in somebody's trace (W3C Trace Context).
struct TraceContext {
  std::string trace_id;
  std::string span_id;
  std::string parent_id;  // empty = the first of its trace
  bool sampled = false;   // else nothing is recorded
};

struct HttpRequest {
  Method method = Method::kOther;
  std::string method_name;  // as it was sent
  std::string path;         // decoded, without the query
  std::string path_as_sent = {};
  std::string query;  // as it was sent, without '?'
  std::vector<Header> headers;
  std::string body;                           // decoded
  std::shared_ptr<UploadStream> upload = {};  // in place of `body`, where the route takes it while it arrives; as sent
  std::string client;                         // address; "unix" for local sockets
  const Route* route = nullptr;               // of the application's, as it admitted it; null = none
  TraceContext trace = {};

  // Names in any case; empty when there is none.
  std::string_view header(std::string_view name) const noexcept;
};

// A value of the query ("limit=3"), decoded; empty when there is none.
std::string query_value(std::string_view query, std::string_view name);
// The names of a query's values, decoded, in its order.
std::vector<std::string> query_names(std::string_view query);
// The value of `{name}` in a pattern ("/v1/collections/{name}") that the path matches, decoded; empty when there is
// none.
std::string path_value(std::string_view pattern, std::string_view path_as_sent, std::string_view name);
// A `{name}` stands for one segment that is not empty.
bool path_matches(std::string_view pattern, std::string_view path_as_sent);
// %XX of a path or a value. Nothing changes where it is malformed.
std::string percent_decoded(std::string_view text, bool plus_is_blank);

inline constexpr std::string_view kRetryAfterHeader = "retry-after";

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<Header> headers = {};
  std::string body = {};
  std::shared_ptr<BodyStream> stream = {};  // in place of `body`: written in pieces, for as long as it takes
};

class Exchange {
 public:
  explicit Exchange(HttpRequest request) : request_(std::move(request)) {}

  const HttpRequest& request() const noexcept { return request_; }
  HttpRequest& request() noexcept { return request_; }
  std::chrono::steady_clock::time_point started() const noexcept { return started_; }

  // The first call counts.
  void respond(HttpResponse response);
  // What a 429 shall say, where whoever refuses knows when there is room; before respond().
  void set_retry_after(std::chrono::seconds time);
  // Called once, on any thread, if the client goes before the answer; at once when it has gone already. Several may
  // wait for that.
  void on_client_gone(std::function<void()> action);

  // For the connection: `take` is called once with the answer, at once if it is there.
  void on_response(std::function<void(HttpResponse)> take);
  void client_gone();
  bool answered() const;
  bool client_has_gone() const;

 private:
  HttpRequest request_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  std::chrono::seconds retry_after_{0};
  bool answered_ = false;
  bool gone_ = false;
  std::function<void(HttpResponse)> take_;
  std::vector<std::function<void()>> on_gone_;
  std::unique_ptr<HttpResponse> kept_;
};

// What the connections ask of the program behind them. Thread-safety: called from every connection's thread.
class Application {
 public:
  virtual ~Application() = default;

  struct Admission {
    bool accepted = true;
    HttpResponse refusal = {};            // sent instead, and the connection is closed
    std::size_t body_size_bytes_max = 0;  // of what is sent, and of what it is once decoded
    bool streams_body = false;            // the request is handled now, and its body, of any size, as it arrives
  };
  // Before the body is read. Says in `head` which route it is.
  virtual Admission admit(HttpRequest& head) = 0;
  // Answers now or later; must not block.
  virtual void handle(const std::shared_ptr<Exchange>& exchange) = 0;
  // The answer to something that is no request, in the dialect of its path: 400, 408, 413, 431 ...
  virtual HttpResponse refuse(const HttpRequest& head, int status, std::string_view reason) = 0;
  // Before any answer is written: headers that all have, the coding of the body.
  virtual void complete(const HttpRequest& request, HttpResponse& response) = 0;

  struct Finished {
    int status = 0;  // 0: the client had gone
    std::size_t body_size_bytes = 0;
    double latency_ms = 0.0;
  };
  virtual void finished(const HttpRequest& request, const Finished& finished) = 0;
  virtual void connections_changed(std::ptrdiff_t difference) = 0;
};

// "GET"; empty for kOther
std::string_view method_name(Method method) noexcept;
// "Not Found"
std::string_view status_reason(int status) noexcept;

}  // namespace asterism::server
