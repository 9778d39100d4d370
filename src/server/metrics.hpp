// Counters and histograms of a server in Prometheus' text form, under the names of text-embeddings-inference where it
// has them. Thread-safety: any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/scheduler.hpp"

namespace asterism::server {

class Histogram {
 public:
  // Upper bounds: `count` of them, each `factor` times the one before.
  Histogram(double first, double factor, std::size_t count);
  void observe(double value);
  void append(std::string& out, std::string_view name, std::string_view labels) const;

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0.0;
  std::uint64_t count_ = 0;
};

class Metrics {
 public:
  void request(std::string_view route, int status, double latency_ms);
  void batch(const BatchReport& report);
  struct EmbedFigures {
    double tokenization_ms = 0.0;
    double queue_ms = 0.0;
    std::size_t token_count = 0;
  };
  // One embedding request that has its vectors, and one that has none, with the name of its error code.
  void embedded(const EmbedFigures& figures);
  void embedding_failed(std::string_view error);
  void connections_changed(std::ptrdiff_t difference);
  // Text that is put behind the rest each time; before the first text().
  void add_source(std::function<std::string()> source) { sources_.push_back(std::move(source)); }
  // A batch that runs longer than `batch_time_max` is a worker that hangs.
  std::string text(const SchedulerStatus& scheduler, std::chrono::milliseconds batch_time_max) const;

 private:
  void append_requests(std::string& out) const;
  void append_times(std::string& out) const;

  std::vector<std::function<std::string()>> sources_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;
  std::map<std::string, Histogram, std::less<>> durations_;  // seconds, by route
  Histogram batch_rows_{1, 2, 12};
  Histogram batch_tokens_{1, 2, 18};
  Histogram inference_{15e-6, 1.5, 35};  // seconds, TEI's bounds
  Histogram queue_{15e-6, 1.5, 35};
  Histogram tokenization_{15e-6, 1.5, 35};
  Histogram duration_{15e-6, 1.5, 35};
  Histogram input_length_{1, 2, 18};
  std::map<std::string, std::uint64_t, std::less<>> failures_;  // by error code
  std::uint64_t embed_count_ = 0;
  std::uint64_t embed_success_ = 0;
  std::ptrdiff_t connection_count_ = 0;
};

}  // namespace asterism::server
