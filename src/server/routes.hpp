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
};

// embed_routes.cpp: /embed, /v1/embeddings, /v2/embed, /embed_image and their like.
std::vector<Route> embed_routes();
// status_routes.cpp: /health, /info, /metrics, /v1/models.
std::vector<Route> status_routes();
// doc_routes.cpp: /openapi.json, /docs.
std::vector<Route> doc_routes();

}  // namespace asterism::server
