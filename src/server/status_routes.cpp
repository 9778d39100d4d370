#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "asterism/version.hpp"
#include "base/json.hpp"
#include "server/routes.hpp"

namespace asterism::server {
namespace {

// How many models are in which state, those of collections too.
Json state_counts(const std::vector<ModelStatus>& models) {
  Json out;
  for (const ModelState state :
       {ModelState::kNotLoaded, ModelState::kLoading, ModelState::kLoaded, ModelState::kFailed}) {
    out[model_state_name(state)] = std::ranges::count(models, state, &ModelStatus::state);
  }
  return out;
}

// A collection may name its model by a folder of this machine, which is nobody's business.
std::string shown_name(const ModelStatus& model) {
  const std::filesystem::path path(model.name);
  return model.listed || !path.is_absolute() ? model.name : path.filename().string();
}

Json models_json(const std::vector<ModelStatus>& models) {
  Json out = Json::array();
  for (const ModelStatus& model : models) {
    out.push_back({{"name", shown_name(model)},
                   {"of", model.listed ? "server" : "collections"},
                   {"state", model_state_name(model.state)},
                   {"size_bytes", model.size_bytes}});
  }
  return out;
}

void health(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const double running = context.scheduler.status().running_seconds.value_or(0.0);
  if (std::chrono::duration<double>(running) > context.limits.batch_time_max) {
    exchange->respond(error_response(route.dialect, 503,
                                     fmt::format("the worker has been at one batch for {:.0f} seconds", running)));
    return;
  }
  const auto models = context.pool.status();
  for (const ModelStatus& model : models) {
    // One collection whose model is not there is no reason to start the server again.
    if (model.listed && model.state == ModelState::kFailed) {
      exchange->respond(error_response(route.dialect, 503, fmt::format("{}: {}", model.name, model.error->message)));
      return;
    }
  }
  exchange->respond({.body = Json{{"status", "ok"}, {"models", state_counts(models)}}.dump()});
}

void metrics(const RouteContext& context, const Route& /*route*/, const std::shared_ptr<Exchange>& exchange) {
  exchange->respond({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                     .body = context.metrics.text(context.scheduler.status(), context.limits.batch_time_max)});
}

void info(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const auto model = context.pool.get(context.pool.names().front());
  if (!model) {
    exchange->respond(error_response(route.dialect, model.error()));
    return;
  }
  const EncoderInfo& encoder = (*model)->encoder.info();
  const Json body{{"model_id", (*model)->name},
                  {"model_sha", nullptr},
                  {"model_dtype", encoder.precision == "bf16" ? "bfloat16" : "float32"},
                  {"served_model_name", (*model)->name},
                  {"model_type", {{"embedding", {{"pooling", encoder.pooling}}}}},
                  {"max_concurrent_requests", context.limits.request_count_max},
                  {"max_input_length", encoder.token_count_max},
                  {"max_batch_tokens", BatchBudget{}.token_count},
                  {"max_batch_requests", nullptr},
                  {"max_client_batch_size", context.limits.row_count_max},
                  {"auto_truncate", true},
                  {"tokenization_workers", 1},
                  {"version", kVersion},
                  {"sha", nullptr},
                  {"docker_label", nullptr},
                  {"models", models_json(context.pool.status())}};
  exchange->respond({.body = body.dump()});
}

Json model_json(std::string_view name) {
  return {{"id", name}, {"object", "model"}, {"created", 0}, {"owned_by", "asterism"}};
}

void models(const RouteContext& context, const Route& /*route*/, const std::shared_ptr<Exchange>& exchange) {
  Json list = Json::array();
  for (const std::string& name : context.pool.names()) {
    list.push_back(model_json(name));
  }
  exchange->respond({.body = Json{{"object", "list"}, {"data", std::move(list)}}.dump()});
}

void model(const RouteContext& context, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const std::string name = path_value(route.path, exchange->request().path_as_sent, "model");
  const auto& names = context.pool.names();
  if (std::ranges::find(names, name) == names.end()) {
    return exchange->respond(error_response(
        route.dialect, 404, fmt::format("model \"{}\": expected one of {}", name, fmt::join(names, ", "))));
  }
  exchange->respond({.body = model_json(name).dump()});
}

}  // namespace

std::vector<Route> status_routes() {
  const RouteDoc health_doc{.tag = "Server",
                            .summary = "Whether the server works",
                            .description = "503 where a worker hangs or a model could not be loaded.",
                            .answers = {{200, "It does", {{"application/json", "Health"}}}}};
  return {{Method::kGet, "/", Dialect::kTei, Scope::kOpen, health, health_doc},
          {Method::kGet, "/health", Dialect::kTei, Scope::kOpen, health, health_doc},
          {Method::kGet, "/ping", Dialect::kTei, Scope::kOpen, health, health_doc},
          {Method::kGet,
           "/metrics",
           Dialect::kTei,
           Scope::kOpen,
           metrics,
           {.tag = "Server",
            .summary = "Counters and histograms",
            .description = "Prometheus' text form, under the names of text-embeddings-inference where it has them.",
            .answers = {{200, "Text of Prometheus", {{"text/plain", "MetricsText"}}}}}},
          {Method::kGet,
           "/info",
           Dialect::kTei,
           Scope::kRead,
           info,
           {.tag = "Server",
            .summary = "The first model, and limits",
            .answers = {{200, "As text-embeddings-inference has it", {{"application/json", "Info"}}}},
            .errors = {424}}},
          {Method::kGet,
           "/v1/models",
           Dialect::kOpenAi,
           Scope::kRead,
           models,
           {.tag = "OpenAI",
            .summary = "Models that are served",
            .answers = {{200, "As OpenAI has it", {{"application/json", "ModelList"}}}}}},
          {Method::kGet,
           "/v1/models/{model}",
           Dialect::kOpenAi,
           Scope::kRead,
           model,
           {.tag = "OpenAI",
            .summary = "One of them",
            .parameters = {"PathModel"},
            .answers = {{200, "As OpenAI has it", {{"application/json", "Model"}}}},
            .errors = {404}}}};
}

}  // namespace asterism::server
