// Counters and histograms of a server in Prometheus' text form, under the names of text-embeddings-inference where it
// has them. Thread-safety: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
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
  void connections_changed(std::ptrdiff_t difference);
  std::string text(const SchedulerStatus& scheduler) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;
  std::map<std::string, Histogram, std::less<>> durations_;  // seconds, by route
  Histogram batch_rows_{1, 2, 12};
  Histogram batch_tokens_{1, 2, 18};
  Histogram inference_{15e-6, 1.5, 35};  // TEI's bounds
  std::ptrdiff_t connection_count_ = 0;
};

}  // namespace asterism::server
