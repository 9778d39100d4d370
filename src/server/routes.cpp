#include "server/routes.hpp"

#include <algorithm>
#include <iterator>

namespace asterism::server {

std::vector<Route> all_routes() {
  std::vector<Route> out;
  for (auto* const part : {status_routes, tei_routes, open_ai_routes, cohere_routes, picture_routes, doc_routes}) {
    std::ranges::move(part(), std::back_inserter(out));
  }
  return out;
}

}  // namespace asterism::server
