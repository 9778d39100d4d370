// The OpenAPI 3.1 document of a server, made from its table of routes: paths, methods, scopes and error bodies come
// from the routes, the rest from their RouteDoc and assets/server/*.json. What is missing there is an error here.
//
// Thread-safety: pure. Cost: milliseconds; a server makes it once, when it starts.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "server/routes.hpp"
#include "server/server_assets.hpp"

namespace asterism::server {

struct OpenApiSettings {
  bool keys_needed = false;
  // What "$name" stands for in fragments; a null takes its key out: nothing is known about it. An object with "x-if" is
  // there only where that is true, or not known.
  //   row_count_max    rows of one request
  //   row_count_below  one less: of what goes together with a row of its own
  //   dim_max          values of the model's vector; null where there are several models
  //   token_id_max     of its vocabulary; null where there are several models or it has none
  //   prompt_names     of the model, and null; null where there are several models
  //   token_id_max     of the model's vocabulary; null where there are several models
  //   token_count_max  of one text; null where there are several models
  //   takes_images     null where there are several models
  std::map<std::string, Json, std::less<>> values = {};
};

// kInternal names the route or the schema that is missing, not used, or there twice.
Result<Json> open_api_document(std::span<const Route> routes, std::span<const OpenApiFragment> fragments,
                               const OpenApiSettings& settings);

// The parameters of the query that a document has for a route, in its order.
std::vector<std::string> documented_query_names(const Json& document, const Route& route);

}  // namespace asterism::server
