#include "server/routes.hpp"

namespace asterism::server {
namespace {

void open_api(const RouteContext& context, const Route& /*route*/, const std::shared_ptr<Exchange>& exchange) {
  exchange->respond({.body = context.open_api});
}

}  // namespace

std::vector<Route> doc_routes() {
  const RouteDoc document{.tag = "Server",
                          .summary = "This document",
                          .answers = {{200, "OpenAPI 3.1", {{"application/json", "OpenApiDocument"}}}}};
  // The second is where text-embeddings-inference has it.
  return {{Method::kGet, "/openapi.json", Dialect::kAsterism, Scope::kOpen, open_api, document},
          {Method::kGet, "/api-doc/openapi.json", Dialect::kTei, Scope::kOpen, open_api, document}};
}

}  // namespace asterism::server
