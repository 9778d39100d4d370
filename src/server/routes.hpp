// The table of routes: what a path is for, who may ask, how errors are said. Thread-safety: read-only once made.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/model_pool.hpp"
#include "scheduler/scheduler.hpp"
#include "server/api_keys.hpp"
#include "server/dialect.hpp"
#include "server/embed_api.hpp"
#include "server/http_message.hpp"
#include "server/metrics.hpp"
#include "server/route_doc.hpp"

namespace asterism::server {

// What handlers work with; owned by the server.
struct RouteContext {
  ModelPool& pool;
  Scheduler& scheduler;
  WorkerPool& tasks;
  EmbedApi& api;
  Metrics& metrics;
  EmbedApiLimits limits;
  const std::string& open_api;  // the document of all routes
};

struct Route {
  Method method;
  std::string_view path;  // a pattern: "/v1/models", "/v1/collections/{name}"
  Dialect dialect;
  Scope scope;
  std::function<void(const RouteContext&, const Route&, const std::shared_ptr<Exchange>&)> handle;
  RouteDoc doc = {};  // a server does not start without
  // Whether the handler takes this request's body while it arrives; null = never.
  bool (*streams_body)(const HttpRequest& head) = nullptr;
  // Of the query; filled in from the documentation when the server starts.
  std::vector<std::string> query_names = {};
};

// routes.cpp: all below.
std::vector<Route> all_routes();
// tei_routes.cpp: /embed, /embed_all, /similarity, /tokenize, /decode.
std::vector<Route> tei_routes();
// open_ai_routes.cpp: /v1/embeddings.
std::vector<Route> open_ai_routes();
// cohere_routes.cpp: /v2/embed.
std::vector<Route> cohere_routes();
// picture_routes.cpp: /embed_image, /classify.
std::vector<Route> picture_routes();
// status_routes.cpp: /health, /info, /metrics, /v1/models.
std::vector<Route> status_routes();
// doc_routes.cpp: /openapi.json, /docs.
std::vector<Route> doc_routes();

}  // namespace asterism::server
