// The server that `asterism serve` runs: routes of text-embeddings-inference, OpenAI and Cohere, and pictures.
//
// Ownership: owns models, scheduler and sockets. Thread-safety: stop() from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "scheduler/model_pool.hpp"
#include "scheduler/scheduler.hpp"
#include "server/api_keys.hpp"
#include "server/collection_host.hpp"
#include "server/embed_api.hpp"
#include "server/http_server.hpp"
#include "server/picture_fetcher.hpp"
#include "server/trace_exporter.hpp"
#include "service/atlas_map.hpp"

namespace asterism::server {

struct EmbedServerOptions {
  std::vector<std::string> models;  // the first is the default
  HttpServerOptions http = {};
  ModelPoolOptions pool = {};
  SchedulerOptions scheduler = {};
  EmbedApiLimits limits = {};
  std::vector<ApiKey> keys = {};
  std::string collections_folder = {};  // each folder in it is a collection; empty = no routes for them
  std::optional<ServedCollection> collection = {};  // of that folder this one alone, for its atlas
  std::optional<service::MapRequest> map = {};      // which atlases have, where they have none: compute_map()
  std::string jobs_folder = {};         // of bulk jobs; empty = ".jobs" in the folder of collections where there is one
  std::size_t body_size_bytes_max = std::size_t{64} << 20;
  PictureFetcherOptions fetches = {};
  TraceExporterOptions traces = {};
  // Pages of these origins may ask ("https://app.example.com", "*" = any); empty = none.
  std::vector<std::string> cors_origins = {};
  // Answers from this size on are compressed for clients that take it; 0 = never: vectors hardly get smaller.
  std::size_t compression_size_bytes_min = 0;
  // One JSON object a request; empty = none.
  std::function<void(std::string_view line)> access_log = {};
};

class EmbedServer {
 public:
  // Loads the first model and opens the sockets; the others are loaded when asked for.
  static Result<EmbedServer> start(EmbedServerOptions options);
  EmbedServer(EmbedServer&&) noexcept;
  EmbedServer& operator=(EmbedServer&&) noexcept;
  ~EmbedServer();
  const std::vector<std::string>& addresses() const noexcept;
  // Until stop(): then what is in flight is finished.
  Result<void> run();
  void stop();

  struct Impl;

 private:
  explicit EmbedServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism::server
