// Any request to any route of the server, without sockets: an answer of 2xx or 4xx that is well-formed, in the words of
// the route's dialect. First line: METHOD TARGET; then headers; after an empty line the body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "server/content_coding.hpp"
#include "server/embed_api.hpp"
#include "server/multipart.hpp"
#include "server/routes.hpp"
#include "server/trace_exporter.hpp"
#include "server/worker_pool.hpp"

namespace {

using namespace asterism;
using namespace asterism::server;

constexpr std::size_t kDecodedSizeBytesMax = std::size_t{1} << 20;

void expect(bool held) {
  if (!held) {
    std::abort();
  }
}

// A server without its sockets.
struct Server {
  ModelPool pool{{std::string(kBuiltinModel)}, {}};
  Metrics metrics;
  Scheduler scheduler{{}};
  WorkerPool tasks{"tasks", 1, 16};
  PictureFetcher fetcher{{}};
  TraceExporter traces{{}};
  EmbedApi api{
      {.pool = pool, .scheduler = scheduler, .tasks = tasks, .metrics = metrics, .fetcher = fetcher, .traces = traces},
      {.row_count_max = 8}};
  std::string open_api = "{}";
  std::vector<Route> routes = all_routes();
};

std::string_view take_until(std::string_view& text, std::string_view end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + end.size(), text.size()));
  return part;
}

HttpRequest read_request(std::string_view text) {
  HttpRequest request;
  std::string_view line = take_until(text, "\n");
  request.method = line.starts_with("GET ") ? Method::kGet : Method::kPost;
  take_until(line, " ");
  request.path_as_sent = take_until(line, "?");
  request.path = percent_decoded(request.path_as_sent, false);
  request.query = line;
  while (!text.empty()) {
    std::string_view header = take_until(text, "\n");
    if (header.empty()) {
      break;
    }
    const std::string_view name = take_until(header, ": ");
    request.headers.push_back({std::string(name), std::string(header)});
  }
  request.body = text;
  return request;
}

// What runs before a route sees the request.
void try_parsers(const HttpRequest& request) {
  (void)read_traceparent(request.header("traceparent"));
  (void)choose_coding(request.header("accept-encoding"));
  if (const auto boundary = multipart_boundary(request.header("content-type"))) {
    (void)parse_multipart(request.body, *boundary);
  }
  for (const std::string_view coding : {"gzip", "deflate", "zstd", "gzip, zstd"}) {
    const auto decoded = decode_content(request.body, coding, kDecodedSizeBytesMax);
    expect(!decoded || decoded->size() <= kDecodedSizeBytesMax);
  }
}

void check_answer(const HttpResponse& answer) {
  expect((answer.status >= 200 && answer.status < 300) || (answer.status >= 400 && answer.status < 500));
  if (answer.content_type != "application/json" || answer.body.empty()) {
    return;
  }
  const auto json = parse_json(answer.body, "answer");
  expect(json.has_value());
  if (answer.status < 400) {
    return;
  }
  expect(json->is_object());
  const Json& error = json->contains("error") ? (*json)["error"] : (*json)["message"];
  expect(error.is_object() ? !error["message"].get<std::string>().empty() : !error.get<std::string>().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Server server;
  const HttpRequest request = read_request({reinterpret_cast<const char*>(data), size});
  try_parsers(request);
  for (const Route& route : server.routes) {
    if (route.method != request.method || !path_matches(route.path, request.path_as_sent)) {
      continue;
    }
    const auto exchange = std::make_shared<Exchange>(request);
    std::promise<HttpResponse> answer;
    exchange->on_response([&](HttpResponse response) { answer.set_value(std::move(response)); });
    route.handle({.pool = server.pool,
                  .scheduler = server.scheduler,
                  .tasks = server.tasks,
                  .api = server.api,
                  .metrics = server.metrics,
                  .limits = {.row_count_max = 8},
                  .open_api = server.open_api},
                 route, exchange);
    check_answer(answer.get_future().get());
  }
  return 0;
}
