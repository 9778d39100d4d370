// What every embedding route does between its request and its answer: choose a model, tokenise with the prompt in
// front, queue, cut to `dimensions`, normalise. Thread-safety: any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scheduler/model_pool.hpp"
#include "scheduler/model_rows.hpp"
#include "scheduler/scheduler.hpp"
#include "server/http_message.hpp"
#include "server/metrics.hpp"
#include "server/picture_fetcher.hpp"
#include "server/trace_exporter.hpp"
#include "server/worker_pool.hpp"

namespace asterism::server {

struct EmbedCall {
  std::string model = {};  // empty, or unknown where there is one model only: the first that takes such rows
  RowKind kind = RowKind::kText;
  std::vector<std::string> rows = {};                               // texts, or pictures' files
  std::vector<std::pair<std::size_t, std::string>> addresses = {};  // of pictures that are fetched first: row, URL
  std::vector<std::vector<std::uint32_t>> token_ids = {};           // of kTokens, in place of `rows`: run as they are
  std::optional<bool> normalize = {};                               // unset = as the model does
  std::size_t dim = 0;  // keep the first so many, before normalising; 0 = all
  std::string prompt_name = {};
  bool truncate = true;  // false: a text longer than the model takes is an error
  bool truncate_left = false;
  bool pooled = true;  // false: a vector a token, as the model's last layer gives it

  std::size_t row_count() const noexcept { return kind == RowKind::kTokens ? token_ids.size() : rows.size(); }
};

struct EmbedAnswer {
  std::string model = {};
  std::size_t row_count = 0;
  std::size_t dim = 0;
  std::vector<float> values = {};             // [rows, dim], or [sum of row_lengths, dim]
  std::vector<std::size_t> row_lengths = {};  // tokens of each row, where a row is not one vector
  std::size_t token_count = 0;
  std::size_t character_count = 0;
  double tokenization_ms = 0.0;
  double queue_ms = 0.0;
  double inference_ms = 0.0;

  std::span<const float> row(std::size_t i) const noexcept { return std::span(values).subspan(i * dim, dim); }
};
using OnEmbedded = std::function<void(Result<EmbedAnswer>)>;

struct EmbedApiLimits {
  std::size_t row_count_max = 2048;     // of one request
  std::size_t request_count_max = 512;  // in flight; one past it is kOverloaded
  // Of large requests that wait to be tokenised, or to be run by a model that has no queue; more is kOverloaded.
  std::size_t task_row_count_max = 8192;
  // A batch that runs longer hangs: the server is not healthy.
  std::chrono::milliseconds batch_time_max{120'000};
};

// Text that is tokenised within a fraction of a millisecond: on the connection's own thread.
inline constexpr std::size_t kQuickTextSizeBytes = std::size_t{16} << 10;

// kInvalidArgument for none and for more than the limit.
Result<void> check_row_count(std::size_t row_count, const EmbedApiLimits& limits);
// The words that the model has under that name; none for the empty name.
Result<std::string> prompt_of(const EncoderInfo& info, const std::string& name);
// Summed in double.
double inner_product(std::span<const float> a, std::span<const float> b);

class EmbedApi {
 public:
  // What it works with: borrowed.
  struct Parts {
    ModelPool& pool;
    Scheduler& scheduler;
    WorkerPool& tasks;
    Metrics& metrics;
    const PictureFetcher& fetcher;
    TraceExporter& traces;
  };
  EmbedApi(const Parts& parts, const EmbedApiLimits& limits) : parts_(parts), limits_(limits) {}

  // `on_embedded` is called once, on any thread. Priority and time come from the headers x-priority ("bulk") and
  // x-timeout-ms.
  void embed(const std::shared_ptr<Exchange>& exchange, EmbedCall call, OnEmbedded on_embedded);
  // The model of that name, or the first that takes `kind`; `on_model` as ModelPool::get.
  void choose_model(const std::string& name, RowKind kind, ModelPool::OnModel on_model);

 private:
  struct Running;
  void try_models(std::size_t index, RowKind kind, ModelPool::OnModel on_model);
  void prepare(const std::shared_ptr<Running>& running, ModelPool::Loaded model);
  void run_text(const std::shared_ptr<Running>& running);
  void post_large(const std::shared_ptr<Running>& running, void (EmbedApi::*stage)(const std::shared_ptr<Running>&));
  void load_variant(const std::shared_ptr<Running>& running, const ModelVariant& variant);
  void begin(const std::shared_ptr<Running>& running);
  void fetch(const std::shared_ptr<Running>& running);
  void tokenize(const std::shared_ptr<Running>& running);
  void refuse(const Running& running, const Error& error) const;
  void trace(const Running& running, const EmbedAnswer& answer) const;
  void submit(const std::shared_ptr<Running>& running, RowKind kind, std::vector<std::string> rows);

  Parts parts_;
  EmbedApiLimits limits_;
  std::atomic<std::size_t> request_count_{0};
  std::atomic<std::size_t> task_row_count_{0};
};

}  // namespace asterism::server
