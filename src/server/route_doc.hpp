// What a route says about itself: the OpenAPI document is made of it (openapi.hpp). Values beside the handlers.
//
// Schemas, parameters and headers are named here and written in assets/server/*.json as OpenAPI has them. In those
// files a value "$row_count_max" stands for what the server has (openapi.hpp lists the names). Thread-safety: read-only
// once made.
#pragma once

#include <string_view>
#include <vector>

namespace asterism::server {

struct ContentDoc {
  std::string_view content_type;
  std::string_view schema = {};  // under "schemas"; empty = bytes, which have none
};

struct AnswerDoc {
  int status = 200;
  std::string_view description;
  std::vector<ContentDoc> contents;            // one for each type that Accept may choose; the first is the default
  std::vector<std::string_view> headers = {};  // under "headers"
};

struct RouteDoc {
  std::string_view tag;      // heading that the route stands under
  std::string_view summary;  // a few words, no full stop
  std::string_view description = {};
  std::vector<std::string_view> parameters = {};  // under "parameters": of path, query and headers
  std::vector<ContentDoc> bodies = {};            // one for each content type that is taken
  bool body_needed = true;                        // where there are bodies
  std::vector<AnswerDoc> answers = {};
  // Statuses of errors, in the route's dialect, beside those that every route has: 400, 431 and 503; with keys 401, 403
  // and 429; with a body 408, 413 and 415.
  std::vector<int> errors = {};
};

}  // namespace asterism::server
