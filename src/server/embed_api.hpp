// What every embedding route does between its request and its answer: choose a model, put the prompt in front, queue,
// cut to `dimensions`, normalise. Thread-safety: any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/model_pool.hpp"
#include "scheduler/model_rows.hpp"
#include "scheduler/scheduler.hpp"
#include "server/http_message.hpp"
#include "server/metrics.hpp"

namespace asterism::server {

struct EmbedCall {
  std::string model = {};  // empty, or unknown where there is one model only: the first that takes such rows
  RowKind kind = RowKind::kText;
  std::vector<std::string> rows = {};
  std::optional<bool> normalize = {};  // unset = as the model does
  std::size_t dim = 0;                 // keep the first so many, before normalising; 0 = all
  std::string prompt_name = {};
  bool truncate = true;  // false: a text longer than the model takes is an error
};

struct EmbedAnswer {
  std::string model = {};
  std::size_t row_count = 0;
  std::size_t dim = 0;
  std::vector<float> values = {};  // [rows, dim]
  std::size_t token_count = 0;
  std::size_t character_count = 0;
  double queue_ms = 0.0;
  double inference_ms = 0.0;
};
using OnEmbedded = std::function<void(Result<EmbedAnswer>)>;

struct EmbedApiLimits {
  std::size_t row_count_max = 2048;  // of one request
};

class EmbedApi {
 public:
  // Borrows all three.
  EmbedApi(ModelPool& pool, Scheduler& scheduler, Metrics& metrics, const EmbedApiLimits& limits)
      : pool_(pool), scheduler_(scheduler), metrics_(metrics), limits_(limits) {}

  // `on_embedded` is called once, on any thread. Priority and time come from the headers x-priority ("bulk") and
  // x-timeout-ms. Models that are not loaded yet are loaded on the calling thread.
  void embed(const std::shared_ptr<Exchange>& exchange, EmbedCall call, OnEmbedded on_embedded);
  // For what the server says about itself: the first model that takes `kind`.
  Result<std::shared_ptr<const LoadedModel>> choose_model(const std::string& name, RowKind kind);

 private:
  Result<WorkHandle> submit(const HttpRequest& request, EmbedCall call, const OnEmbedded& on_embedded);

  ModelPool& pool_;
  Scheduler& scheduler_;
  Metrics& metrics_;
  EmbedApiLimits limits_;
};

}  // namespace asterism::server
