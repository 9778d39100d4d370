#include "server/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace asterism::server {
namespace {

void append_type(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

template <typename Value>
void append_value(std::string& out, std::string_view name, std::string_view type, std::string_view help, Value value) {
  append_type(out, name, type, help);
  fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
}

}  // namespace

Histogram::Histogram(double first, double factor, std::size_t count) : counts_(count + 1) {
  for (double bound = first; bounds_.size() < count; bound *= factor) {
    bounds_.push_back(bound);
  }
}

void Histogram::observe(double value) {
  const auto bound = std::ranges::lower_bound(bounds_, value);
  ++counts_[static_cast<std::size_t>(bound - bounds_.begin())];
  sum_ += value;
  ++count_;
}

void Histogram::append(std::string& out, std::string_view name, std::string_view labels) const {
  const std::string comma = labels.empty() ? "" : fmt::format("{},", labels);
  const std::string braces = labels.empty() ? "" : fmt::format("{{{}}}", labels);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    below += counts_[i];
    fmt::format_to(std::back_inserter(out), "{}_bucket{{{}le=\"{:.6g}\"}} {}\n", name, comma, bounds_[i], below);
  }
  fmt::format_to(std::back_inserter(out), "{0}_bucket{{{1}le=\"+Inf\"}} {3}\n{0}_sum{2} {4}\n{0}_count{2} {3}\n", name,
                 comma, braces, count_, sum_);
}

void Metrics::request(std::string_view route, int status, double latency_ms) {
  const std::scoped_lock lock(mutex_);
  ++requests_[{std::string(route), status}];
  durations_.try_emplace(std::string(route), 15e-6, 1.5, 35).first->second.observe(latency_ms / 1000.0);
  duration_.observe(latency_ms / 1000.0);
}

void Metrics::embedded(const EmbedFigures& figures) {
  const std::scoped_lock lock(mutex_);
  ++embed_count_;
  ++embed_success_;
  tokenization_.observe(figures.tokenization_ms / 1000.0);
  queue_.observe(figures.queue_ms / 1000.0);
  input_length_.observe(static_cast<double>(figures.token_count));
}

void Metrics::embedding_failed(std::string_view error) {
  const std::scoped_lock lock(mutex_);
  ++embed_count_;
  ++failures_[std::string(error)];
}

void Metrics::batch(const BatchReport& report) {
  const std::scoped_lock lock(mutex_);
  batch_rows_.observe(static_cast<double>(report.row_count));
  batch_tokens_.observe(static_cast<double>(report.cost));
  inference_.observe(report.inference_ms / 1000.0);
}

void Metrics::connections_changed(std::ptrdiff_t difference) {
  const std::scoped_lock lock(mutex_);
  connection_count_ += difference;
}

void Metrics::append_requests(std::string& out) const {
  append_type(out, "asterism_http_requests_total", "counter",
              "Requests by route and status; status 0: the client went");
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> by_route;  // all, answered with 2xx
  for (const auto& [key, count] : requests_) {
    fmt::format_to(std::back_inserter(out), "asterism_http_requests_total{{route=\"{}\",status=\"{}\"}} {}\n",
                   key.first, key.second, count);
    by_route[key.first].first += count;
    by_route[key.first].second += key.second >= 200 && key.second < 300 ? count : 0;
  }
  append_type(out, "asterism_http_request_duration_seconds", "histogram", "From the whole request to its whole answer");
  for (const auto& [route, histogram] : durations_) {
    histogram.append(out, "asterism_http_request_duration_seconds", fmt::format("route=\"{}\"", route));
  }
  append_type(out, "te_request_count", "counter", "Requests");
  for (const auto& [route, counts] : by_route) {
    fmt::format_to(std::back_inserter(out), "te_request_count{{method=\"{}\"}} {}\n", route, counts.first);
  }
  append_type(out, "te_request_success", "counter", "Requests that were answered with 2xx");
  for (const auto& [route, counts] : by_route) {
    fmt::format_to(std::back_inserter(out), "te_request_success{{method=\"{}\"}} {}\n", route, counts.second);
  }
  append_type(out, "te_request_failure", "counter", "Embedding requests that failed, by error");
  for (const auto& [error, count] : failures_) {
    fmt::format_to(std::back_inserter(out), "te_request_failure{{err=\"{}\"}} {}\n", error, count);
  }
  append_value(out, "te_embed_count", "counter", "Embedding requests", embed_count_);
  append_value(out, "te_embed_success", "counter", "Embedding requests that have vectors", embed_success_);
  append_value(out, "asterism_http_connections", "gauge", "Open connections", connection_count_);
}

void Metrics::append_times(std::string& out) const {
  const auto append = [&](std::string_view name, const Histogram& histogram, std::string_view help) {
    append_type(out, name, "histogram", help);
    histogram.append(out, name, "");
  };
  append("te_request_duration", duration_, "Seconds from the whole request to its whole answer");
  append("te_request_tokenization_duration", tokenization_,
         "Seconds that an embedding request's texts took to be tokens");
  append("te_request_queue_duration", queue_, "Seconds that an embedding request waited");
  append("te_request_inference_duration", inference_, "Seconds that the model needed for a batch");
  append("te_request_input_length", input_length_, "Tokens of an embedding request");
  append("te_batch_next_size", batch_rows_, "Rows of a batch");
  append("te_batch_next_tokens", batch_tokens_, "Tokens of a batch; of images pixels");
  append("asterism_batch_rows", batch_rows_, "Rows of a batch");
  append("asterism_batch_tokens", batch_tokens_, "Tokens of a batch; of images pixels");
}

std::string Metrics::text(const SchedulerStatus& scheduler, std::chrono::milliseconds batch_time_max) const {
  const std::scoped_lock lock(mutex_);
  std::string out;
  append_requests(out);
  append_times(out);
  append_value(out, "te_queue_size", "gauge", "Rows that wait",
               scheduler.interactive_row_count + scheduler.bulk_row_count);
  append_type(out, "asterism_queue_rows", "gauge", "Rows that wait, by priority");
  fmt::format_to(std::back_inserter(out),
                 "asterism_queue_rows{{priority=\"interactive\"}} {}\nasterism_queue_rows{{priority=\"bulk\"}} {}\n",
                 scheduler.interactive_row_count, scheduler.bulk_row_count);
  append_type(out, "asterism_queue_wait_seconds", "gauge", "How long a request that comes now would wait, by priority");
  fmt::format_to(std::back_inserter(out),
                 "asterism_queue_wait_seconds{{priority=\"interactive\"}} {}\n"
                 "asterism_queue_wait_seconds{{priority=\"bulk\"}} {}\n",
                 scheduler.interactive_wait_seconds, scheduler.bulk_wait_seconds);
  append_value(out, "asterism_batches_total", "counter", "Batches that were run", scheduler.batch_count);
  append_value(out, "asterism_cache_hits_total", "counter", "Rows answered from the cache", scheduler.cache_hit_count);
  append_value(out, "asterism_cache_misses_total", "counter", "Rows that were not in it", scheduler.cache_miss_count);
  append_value(out, "asterism_cache_size_bytes", "gauge", "What the cache holds", scheduler.cache_size_bytes);
  append_value(out, "asterism_shared_rows_total", "counter", "Rows that joined an equal one in flight",
               scheduler.shared_row_count);
  append_value(out, "asterism_overload_total", "counter", "Requests refused because the queue was full",
               scheduler.overload_count);
  append_value(out, "asterism_late_total", "counter",
               "Requests refused because they would have waited, or had, too long", scheduler.late_count);
  append_value(out, "asterism_timeouts_total", "counter", "Requests whose time was over", scheduler.timeout_count);
  append_value(out, "asterism_cancelled_total", "counter", "Requests whose client went", scheduler.cancelled_count);
  const double running = scheduler.running_seconds.value_or(0.0);
  append_value(out, "asterism_batch_running_seconds", "gauge", "How long the batch that runs has been running",
               running);
  append_type(out, "asterism_worker_state", "gauge", "1 for the state that the worker is in");
  const std::string_view now = std::chrono::duration<double>(running) > batch_time_max ? "stuck"
                               : scheduler.running_seconds                             ? "running"
                                                                                       : "idle";
  for (const std::string_view state : {"idle", "running", "stuck"}) {
    fmt::format_to(std::back_inserter(out), "asterism_worker_state{{state=\"{}\"}} {}\n", state, state == now ? 1 : 0);
  }
  for (const auto& source : sources_) {
    out += source();
  }
  return out;
}

}  // namespace asterism::server
