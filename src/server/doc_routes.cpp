#include "server/routes.hpp"
#include "server/server_assets.hpp"

namespace asterism::server {
namespace {

void open_api(const RouteContext& context, const Route& /*route*/, const std::shared_ptr<Exchange>& exchange) {
  exchange->respond({.body = context.open_api});
}

// Nothing of the page comes from elsewhere, and nothing that it shows may run.
void docs(const RouteContext& /*context*/, const Route& /*route*/, const std::shared_ptr<Exchange>& exchange) {
  exchange->respond({.content_type = "text/html; charset=utf-8",
                     .headers = {{"content-security-policy",
                                  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                                  "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                                  "frame-ancestors 'none'"},
                                 {"x-content-type-options", "nosniff"}},
                     .body = std::string(docs_page())});
}

}  // namespace

std::vector<Route> doc_routes() {
  const RouteDoc document{.tag = "Server",
                          .summary = "This document",
                          .answers = {{200, "OpenAPI 3.1", {{"application/json", "OpenApiDocument"}}}}};
  // The second is where text-embeddings-inference has it.
  return {{Method::kGet, "/openapi.json", Dialect::kAsterism, Scope::kOpen, open_api, document},
          {Method::kGet, "/api-doc/openapi.json", Dialect::kTei, Scope::kOpen, open_api, document},
          {Method::kGet,
           "/docs",
           Dialect::kAsterism,
           Scope::kOpen,
           docs,
           {.tag = "Server",
            .summary = "A page to read this document and try the routes",
            .answers = {{200, "HTML", {{"text/html", "DocsPage"}}}}}}};
}

}  // namespace asterism::server
