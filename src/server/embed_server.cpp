#include "server/embed_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <utility>

#include "base/json.hpp"
#include "server/collection_service.hpp"
#include "server/dialect.hpp"
#include "server/job_service.hpp"
#include "server/metrics.hpp"
#include "server/routes.hpp"
#include "server/served_embedder.hpp"

namespace asterism::server {

struct EmbedServer::Impl final : Application {
  explicit Impl(EmbedServerOptions given)
      : options(std::move(given)),
        pool(options.models, options.pool),
        scheduler(options.scheduler, [this](const BatchReport& report) { metrics.batch(report); }),
        api(pool, scheduler, metrics, options.limits),
        keys(std::move(options.keys)) {
    routes = status_routes();
    std::ranges::move(embed_routes(), std::back_inserter(routes));
  }
  // What still runs may answer, and with it post to the loops of `http`: it ends before them.
  ~Impl() override {
    jobs.reset();
    collections.reset();
  }

  Result<void> open_stores() {
    embedder = std::make_shared<ServedEmbedder>(pool, scheduler, options.pool, options.scheduler.queue_row_count_max);
    if (!options.collections_folder.empty()) {
      if (auto opened = open_collections(); !opened) {
        return opened;
      }
      if (options.jobs_folder.empty()) {
        options.jobs_folder = (std::filesystem::path(options.collections_folder) / ".jobs").string();
      }
    }
    return options.jobs_folder.empty() ? Result<void>{} : open_jobs();
  }

  Result<void> open_collections() {
    auto host = CollectionHost::open(
        {.folder = options.collections_folder, .thread_count = options.pool.encoder.thread_count}, embedder);
    if (!host) {
      return std::unexpected(host.error());
    }
    collections = std::make_unique<CollectionService>(*std::move(host), CollectionServiceLimits{});
    std::ranges::move(collection_routes(*collections), std::back_inserter(routes));
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
  EmbedApi api;
  ApiKeys keys;
  std::vector<Route> routes;
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

  Admission admit(const HttpRequest& head) override {
    const Route* route = find(head);
    if (route == nullptr) {
      const bool known = find_path(head) != nullptr;
      return {.accepted = false,
              .refusal = error_response(dialect_of(head), known ? 405 : 404,
                                        known ? fmt::format("{}: not with {}", head.path, head.method_name)
                                              : fmt::format("{}: there is no such path", head.path))};
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
    return {.body_size_bytes_max = options.body_size_bytes_max};
  }

  void handle(const std::shared_ptr<Exchange>& exchange) override {
    const Route* route = find(exchange->request());
    if (route != nullptr) {
      route->handle({.pool = pool, .scheduler = scheduler, .api = api, .metrics = metrics, .limits = options.limits},
                    *route, exchange);
    } else {
      exchange->respond(refuse(exchange->request(), 404, "there is no such path"));
    }
  }

  HttpResponse refuse(const HttpRequest& head, int status, std::string_view reason) override {
    return error_response(dialect_of(head), status, reason);
  }

  void finished(const HttpRequest& request, const Finished& finished) override {
    const Route* route = find(request);
    metrics.request(route == nullptr ? "other" : route->path, finished.status, finished.latency_ms);
    if (options.access_log) {
      options.access_log(Json{{"method", request.method_name},
                              {"path", request.path},
                              {"status", finished.status},
                              {"latency_ms", finished.latency_ms},
                              {"size_bytes", finished.body_size_bytes},
                              {"client", request.client},
                              {"request_id", request.header("x-request-id")}}
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
  if (auto model = impl->pool.get(impl->options.models.front()); !model) {
    return std::unexpected(model.error());
  }
  if (auto opened = impl->open_stores(); !opened) {
    return std::unexpected(std::move(opened.error()));
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
