#include "server/embed_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <utility>

#include "analysis/estimator_options.hpp"
#include "base/json.hpp"
#include "server/collection_service.hpp"
#include "server/content_coding.hpp"
#include "server/dialect.hpp"
#include "server/job_service.hpp"
#include "server/metrics.hpp"
#include "server/openapi.hpp"
#include "server/routes.hpp"
#include "server/served_embedder.hpp"
#include "server/worker_pool.hpp"

namespace asterism::server {
namespace {

// For what is too long for a connection's thread: tokenising much text, fetching pictures.
constexpr std::size_t kTaskThreadCount = 2;
constexpr std::size_t kTasksWaitingMax = 256;
// Of a name that is said to be unknown, in bytes.
constexpr std::size_t kNameShownMax = 64;

// A misspelt name in the query would pass for one that was left out. Clients that were written for other servers may
// send what those know, and links to pages what others hung on to them: only the program's own routes look.
Result<void> expect_known_query(const HttpRequest& head, const Route& route) {
  if (route.dialect != Dialect::kAsterism || !route.path.starts_with("/v1/")) {
    return {};
  }
  const std::vector<std::string_view> known(route.query_names.begin(), route.query_names.end());
  for (const std::string& name : query_names(head.query)) {
    if (std::ranges::find(known, name) == known.end()) {
      return fail(ErrorCode::kUsage,
                  fmt::format("?{}: expected a parameter of {}", name.substr(0, kNameShownMax), route.path),
                  known.empty() ? "it has none" : nearest_name_hint(name, known));
    }
  }
  return {};
}

}  // namespace

struct EmbedServer::Impl final : Application {
  explicit Impl(EmbedServerOptions given)
      : options(std::move(given)),
        pool(options.models, options.pool),
        scheduler(options.scheduler, [this](const BatchReport& report) { metrics.batch(report); }),
        fetcher(options.fetches),
        traces(options.traces),
        api({.pool = pool,
             .scheduler = scheduler,
             .tasks = *tasks,
             .metrics = metrics,
             .fetcher = fetcher,
             .traces = traces},
            options.limits),
        keys_needed(!options.keys.empty()),
        keys(std::move(options.keys)) {
    routes = all_routes();
    metrics.add_source([this] {
      return fmt::format("# HELP {0} Spans that the collector did not take\n# TYPE {0} counter\n{0} {1}\n",
                         "asterism_trace_spans_dropped_total", traces.dropped_count());
    });
    metrics.add_source([this] { return models_text(); });
  }

  // What still runs may answer, and with it post to the loops of `http`: it ends before them, and one after the other
  // hands its work on to the next.
  ~Impl() override {
    jobs.reset();
    collections.reset();
    pool.stop();
    tasks.reset();
    scheduler.drain();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // As Prometheus' text.
  std::string models_text() const {
    std::map<std::string_view, std::size_t> counts{{"not_loaded", 0}, {"loading", 0}, {"loaded", 0}, {"failed", 0}};
    std::size_t size_bytes = 0;
    for (const ModelStatus& model : pool.status()) {
      ++counts[model_state_name(model.state)];
      size_bytes += model.size_bytes;
    }
    std::string out =
        "# HELP asterism_models Models of the server and of its collections\n# TYPE asterism_models gauge\n";
    for (const auto& [state, count] : counts) {
      out += fmt::format("asterism_models{{state=\"{}\"}} {}\n", state, count);
    }
    return out + fmt::format("# HELP {0} Files of the models that are loaded\n# TYPE {0} gauge\n{0} {1}\n",
                             "asterism_models_size_bytes", size_bytes);
  }

  Result<void> open_stores() {
    embedder = std::make_shared<ServedEmbedder>(pool, scheduler, options.scheduler.queue_row_count_max);
    if (!options.collections_folder.empty()) {
      if (auto opened = open_collections(); !opened) {
        return opened;
      }
      if (options.jobs_folder.empty() && !options.collection) {
        options.jobs_folder = (std::filesystem::path(options.collections_folder) / ".jobs").string();
      }
    }
    return options.jobs_folder.empty() ? Result<void>{} : open_jobs();
  }

  Result<void> open_collections() {
    auto host = CollectionHost::open({.folder = options.collections_folder,
                                      .only = options.collection,
                                      .thread_count = options.pool.encoder.thread_count},
                                     embedder);
    if (!host) {
      return std::unexpected(host.error());
    }
    collections = std::make_unique<CollectionService>(
        *std::move(host), CollectionServiceLimits{},
        AtlasHostOptions{.thread_count = options.pool.encoder.thread_count, .map = options.map});
    std::ranges::move(collection_routes(*collections), std::back_inserter(routes));
    std::ranges::move(atlas_routes(*collections), std::back_inserter(routes));
    metrics.add_source([host = collections->host.get()] { return host->metrics_text(); });
    return {};
  }

  Result<void> open_jobs() {
    auto opened = JobService::open({.board = {.folder = options.jobs_folder}}, *embedder,
                                   collections ? collections->host.get() : nullptr);
    if (!opened) {
      return std::unexpected(opened.error());
    }
    jobs = *std::move(opened);
    std::ranges::move(job_routes(*jobs), std::back_inserter(routes));
    return {};
  }

  EmbedServerOptions options;
  Metrics metrics;
  ModelPool pool;
  Scheduler scheduler;
  std::optional<WorkerPool> tasks{std::in_place, "large requests", kTaskThreadCount, kTasksWaitingMax};
  PictureFetcher fetcher;
  TraceExporter traces;
  EmbedApi api;
  bool keys_needed;
  ApiKeys keys;
  std::vector<Route> routes;
  std::string open_api;
  std::shared_ptr<ServedEmbedder> embedder;
  std::unique_ptr<CollectionService> collections;
  std::unique_ptr<JobService> jobs;
  std::optional<HttpServer> http;

  const Route* find(const HttpRequest& head) const {
    const Method method = head.method == Method::kHead ? Method::kGet : head.method;
    const auto found = std::ranges::find_if(routes, [&](const Route& route) {
      return route.method == method && path_matches(route.path, head.path_as_sent);
    });
    return found == routes.end() ? nullptr : &*found;
  }

  // With what is known of the one model that is loaded when the server starts.
  Result<void> write_open_api(const EncoderInfo& model) {
    const bool one = pool.names().size() == 1;
    Json prompt_names{nullptr, ""};
    for (const auto& [name, text] : model.prompts) {
      prompt_names.push_back(name);
    }
    const std::size_t row_count = options.limits.row_count_max;
    const Json token_id_max = one && model.vocabulary_size > 0 ? Json(model.vocabulary_size - 1) : Json();
    const Json token_count_max = one && model.token_count_max > 0 ? Json(model.token_count_max) : Json();
    const auto document = open_api_document(routes, open_api_fragments(),
                                            {.keys_needed = keys_needed,
                                             .values = {{"row_count_max", row_count},
                                                        {"row_count_below", row_count - 1},
                                                        {"dim_max", one ? Json(model.dim) : Json()},
                                                        {"token_id_max", token_id_max},
                                                        {"token_count_max", token_count_max},
                                                        {"takes_images", one ? Json(model.takes_images) : Json()},
                                                        {"prompt_names", one ? prompt_names : Json()}}});
    if (!document) {
      return std::unexpected(document.error());
    }
    open_api = document->dump();
    for (Route& route : routes) {
      route.query_names = documented_query_names(*document, route);
    }
    return {};
  }

  // Of any method.
  const Route* find_path(const HttpRequest& head) const {
    const auto found =
        std::ranges::find_if(routes, [&](const Route& route) { return path_matches(route.path, head.path_as_sent); });
    return found == routes.end() ? nullptr : &*found;
  }

  // Where the method is wrong or the path unknown, the words of whoever is near it.
  Dialect dialect_of(const HttpRequest& head) const {
    if (const Route* route = find_path(head)) {
      return route->dialect;
    }
    for (const std::string_view own : {"/v1/collections", "/v1/jobs"}) {
      if (head.path.starts_with(own)) {
        return Dialect::kAsterism;
      }
    }
    return head.path.starts_with("/v1/") ? Dialect::kOpenAi : Dialect::kTei;
  }

  // Of a page that may ask; empty = none.
  std::string_view allowed_origin(const HttpRequest& head) const {
    const std::string_view origin = head.header("origin");
    const auto allowed = [&](const std::string& entry) { return entry == "*" || entry == origin; };
    return !origin.empty() && std::ranges::any_of(options.cors_origins, allowed) ? origin : std::string_view();
  }

  // What a browser asks before it sends a page's request.
  HttpResponse preflight_response() const {
    return {.status = 204,
            .headers = {{"access-control-allow-methods", "GET, POST, PUT, DELETE"},
                        {"access-control-allow-headers",
                         "authorization, content-type, x-priority, x-timeout-ms, x-request-id, traceparent"},
                        {"access-control-max-age", "600"}}};
  }

  // "GET, HEAD, POST": what a path can be asked with; empty where there is no such path.
  std::string methods_of(const HttpRequest& head) const {
    std::string out;
    for (const Route& route : routes) {
      if (path_matches(route.path, head.path_as_sent)) {
        out += fmt::format("{}{}{}", out.empty() ? "" : ", ", method_name(route.method),
                           route.method == Method::kGet ? ", HEAD" : "");
      }
    }
    return out;
  }

  HttpResponse not_found(const HttpRequest& head) const {
    const std::string methods = methods_of(head);
    if (methods.empty()) {
      return error_response(dialect_of(head), 404, fmt::format("{}: there is no such path", head.path));
    }
    HttpResponse out = error_response(dialect_of(head), 405,
                                      fmt::format("{}: expected {}, found {}", head.path, methods, head.method_name));
    out.headers.push_back({"allow", methods});
    return out;
  }

  Admission admit(HttpRequest& head) override {
    if (head.method == Method::kOptions && !allowed_origin(head).empty()) {
      return {.accepted = false, .refusal = preflight_response()};
    }
    const Route* route = head.route = find(head);
    if (route == nullptr) {
      return {.accepted = false, .refusal = not_found(head)};
    }
    const auto verdict = keys.check(head.header("authorization"), route->scope, std::chrono::steady_clock::now());
    switch (verdict.access) {
      case Access::kUnknownKey:
        return {
            .accepted = false,
            .refusal = error_response(route->dialect, 401, "expected `Authorization: Bearer KEY` with a valid key")};
      case Access::kScopeTooSmall:
        return {.accepted = false,
                .refusal = error_response(route->dialect, 403, "the key's scope does not include this")};
      case Access::kRateExceeded:
        return {.accepted = false, .refusal = error_response(route->dialect, 429, "the key's rate is exceeded: later")};
      case Access::kGranted:
        break;
    }
    if (const auto known = expect_known_query(head, *route); !known) {
      return {.accepted = false, .refusal = error_response(route->dialect, known.error())};
    }
    return {.body_size_bytes_max = options.body_size_bytes_max,
            .streams_body = route->streams_body != nullptr && route->streams_body(head)};
  }

  void handle(const std::shared_ptr<Exchange>& exchange) override {
    const Route* route = exchange->request().route;
    if (traces.enabled()) {
      exchange->request().trace = begin_trace(read_traceparent(exchange->request().header("traceparent")));
    }
    if (route != nullptr) {
      route->handle({.pool = pool,
                     .scheduler = scheduler,
                     .tasks = *tasks,
                     .api = api,
                     .metrics = metrics,
                     .limits = options.limits,
                     .open_api = open_api},
                    *route, exchange);
    } else {
      exchange->respond(refuse(exchange->request(), 404, "there is no such path"));
    }
  }

  HttpResponse refuse(const HttpRequest& head, int status, std::string_view reason) override {
    return error_response(dialect_of(head), status, reason);
  }

  void complete(const HttpRequest& request, HttpResponse& response) override {
    if (const std::string_view origin = allowed_origin(request); !origin.empty()) {
      response.headers.push_back({"access-control-allow-origin", std::string(origin)});
      response.headers.push_back({"access-control-expose-headers", "*"});
      response.headers.push_back({"vary", "origin"});
    }
    const std::size_t size_min = options.compression_size_bytes_min;
    if (size_min == 0 || response.body.size() < size_min) {
      return;
    }
    response.headers.push_back({"vary", "accept-encoding"});
    const std::string_view coding = choose_coding(request.header("accept-encoding"));
    if (coding.empty()) {
      return;
    }
    if (auto encoded = encode_content(response.body, coding)) {
      response.body = *std::move(encoded);
      response.headers.push_back({"content-encoding", std::string(coding)});
    }
  }

  void trace(const HttpRequest& request, const Finished& finished) {
    const Route* route = request.route;
    if (!traces.enabled() || request.trace.trace_id.empty()) {
      return;
    }
    const auto end = std::chrono::system_clock::now();
    const auto time = std::chrono::duration_cast<std::chrono::system_clock::duration>(
        std::chrono::duration<double, std::milli>(finished.latency_ms));
    traces.record({.context = request.trace,
                   .name = fmt::format("{} {}", request.method_name, route == nullptr ? "other" : route->path),
                   .is_server = true,
                   .begin = end - time,
                   .end = end,
                   .attributes = {{"http.request.method", request.method_name},
                                  {"url.path", request.path},
                                  {"http.route", std::string(route == nullptr ? "" : route->path)},
                                  {"http.response.status_code", static_cast<std::int64_t>(finished.status)},
                                  {"client.address", request.client}},
                   .failed = finished.status == 0 || finished.status >= 500});
  }

  void finished(const HttpRequest& request, const Finished& finished) override {
    const Route* route = request.route;
    trace(request, finished);
    metrics.request(route == nullptr ? "other" : route->path, finished.status, finished.latency_ms);
    if (options.access_log) {
      options.access_log(Json{{"method", request.method_name},
                              {"path", request.path},
                              {"status", finished.status},
                              {"latency_ms", finished.latency_ms},
                              {"size_bytes", finished.body_size_bytes},
                              {"client", request.client},
                              {"request_id", request.header("x-request-id")},
                              {"trace_id", request.trace.trace_id}}
                             .dump(-1, ' ', false, Json::error_handler_t::replace));
    }
  }

  void connections_changed(std::ptrdiff_t difference) override { metrics.connections_changed(difference); }
};

EmbedServer::EmbedServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbedServer::EmbedServer(EmbedServer&&) noexcept = default;
EmbedServer& EmbedServer::operator=(EmbedServer&&) noexcept = default;
EmbedServer::~EmbedServer() = default;

Result<EmbedServer> EmbedServer::start(EmbedServerOptions options) {
  if (options.models.empty()) {
    return fail(ErrorCode::kInvalidArgument, "expected a model to serve, found none");
  }
  auto impl = std::make_unique<Impl>(std::move(options));
  const auto model = impl->pool.get(impl->options.models.front());
  const auto opened = model ? impl->open_stores() : std::unexpected(model.error());
  const auto documented = opened ? impl->write_open_api((*model)->encoder.info()) : opened;
  if (!documented) {
    return std::unexpected(documented.error());
  }
  auto http = HttpServer::listen(impl->options.http, *impl);
  if (!http) {
    return std::unexpected(http.error());
  }
  impl->http = *std::move(http);
  return EmbedServer(std::move(impl));
}

const std::vector<std::string>& EmbedServer::addresses() const noexcept {
  return impl_->http->addresses();
}

Result<void> EmbedServer::run() {
  return impl_->http->run();
}

void EmbedServer::stop() {
  if (impl_->jobs) {
    impl_->jobs->board->begin_stop();
  }
  impl_->http->stop();
}

}  // namespace asterism::server
