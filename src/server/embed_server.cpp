#include "server/embed_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/json.hpp"
#include "server/dialect.hpp"
#include "server/metrics.hpp"
#include "server/openapi.hpp"
#include "server/routes.hpp"

namespace asterism::server {

struct EmbedServer::Impl final : Application {
  explicit Impl(EmbedServerOptions given)
      : options(std::move(given)),
        pool(options.models, options.pool),
        scheduler(options.scheduler, [this](const BatchReport& report) { metrics.batch(report); }),
        tasks(options.tasks),
        api(pool, scheduler, tasks, metrics, options.limits),
        keys_needed(!options.keys.empty()),
        keys(std::move(options.keys)) {
    routes = all_routes();
  }

  // One after the other hands its work on to the next.
  ~Impl() override {
    pool.stop();
    tasks.drain();
    scheduler.drain();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  EmbedServerOptions options;
  Metrics metrics;
  ModelPool pool;
  Scheduler scheduler;
  TaskQueue tasks;
  EmbedApi api;
  bool keys_needed;
  ApiKeys keys;
  std::vector<Route> routes;
  std::string open_api;
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
    return head.path.starts_with("/v1/") ? Dialect::kOpenAi : Dialect::kTei;
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

  Admission admit(const HttpRequest& head) override {
    const Route* route = find(head);
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
    return {.body_size_bytes_max = options.body_size_bytes_max};
  }

  void handle(const std::shared_ptr<Exchange>& exchange) override {
    const Route* route = find(exchange->request());
    if (route != nullptr) {
      route->handle({.pool = pool,
                     .scheduler = scheduler,
                     .tasks = tasks,
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
  const auto model = impl->pool.get(impl->options.models.front());
  const auto documented = model ? impl->write_open_api((*model)->encoder.info()) : std::unexpected(model.error());
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
  impl_->http->stop();
}

}  // namespace asterism::server
