// What the routes of collections work with: the collections, and threads that may wait.
//
// Ownership: owns both; borrows the jobs. Thread-safety: any thread. The destructor finishes what was taken.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "server/atlas_host.hpp"
#include "server/collection_host.hpp"
#include "server/dialect.hpp"
#include "server/http_message.hpp"
#include "server/routes.hpp"
#include "server/upload_pool.hpp"
#include "server/worker_pool.hpp"

namespace asterism::server {

struct CollectionServiceLimits {
  std::size_t read_thread_count = 4;
  std::size_t write_thread_count = 4;
  std::size_t upload_count_max = 256;  // files that are added at once, while they arrive
  std::size_t waiting_count_max = 256;
};

struct CollectionService {
  CollectionService(std::unique_ptr<CollectionHost> owned, const CollectionServiceLimits& limits,
                    AtlasHostOptions atlas_options = {})
      : host(std::move(owned)),
        atlases(*host, std::move(atlas_options)),
        reads("reads of collections", limits.read_thread_count, limits.waiting_count_max),
        writes("writes to collections", limits.write_thread_count, limits.waiting_count_max),
        uploads("files for collections", limits.upload_count_max) {}
  CollectionService(const CollectionService&) = delete;
  CollectionService& operator=(const CollectionService&) = delete;

  std::unique_ptr<CollectionHost> host;
  AtlasHost atlases;
  WorkerPool reads;
  WorkerPool writes;
  UploadPool uploads;  // its adds are broken off between two windows when it ends: what was added stays
};

// `json` as the body; what is no UTF-8 in it is replaced.
HttpResponse json_response(const Json& json, int status = 200);

// Runs `work` on the pool and answers with what it says, errors in the route's dialect; 429 when the pool is full.
// `work` may read the exchange's request until it returns.
void answer_from(WorkerPool& pool, Dialect dialect, const std::shared_ptr<Exchange>& exchange,
                 std::function<Result<HttpResponse>()> work);

// A route whose handler runs on the pool: given the request, which stays until it returns, and the route's pattern.
using PoolHandler = std::function<Result<HttpResponse>(HttpRequest& request, std::string_view pattern)>;
Route route_on_pool(WorkerPool& pool, Method method, std::string_view path, Scope scope, PoolHandler handler,
                    RouteDoc doc);

// collection_routes.cpp: /v1/collections and what is below it. The service must outlive the routes.
std::vector<Route> collection_routes(CollectionService& service);

// atlas_routes.cpp: /v1/collections/{name}/atlas and what is below it. The service must outlive the routes.
std::vector<Route> atlas_routes(CollectionService& service);

// collection_upload.cpp: POST .../items, of JSON and of files of rows, the latter with progress, which are
// added while they arrive.
bool streams_items(const HttpRequest& head);
void add_items(CollectionService& service, Dialect dialect, const std::string& name,
               const std::shared_ptr<Exchange>& exchange);

}  // namespace asterism::server
