// Traces of requests, sent to a collector by OTLP over HTTP in its JSON form.
//
// Source: OpenTelemetry protocol 1.x (opentelemetry-proto, trace/v1), W3C Trace Context level 1. Ownership: owns its
// thread; the destructor sends what is left, once. Thread-safety: any thread. Cost: a lock and a copy a span; spans are
// dropped and counted when the collector does not keep up.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "server/http_message.hpp"

namespace asterism::server {

// "00-<trace id>-<parent id>-01"; nothing where it is malformed, and a trace of its own then.
std::optional<TraceContext> read_traceparent(std::string_view header);
// With a new span id; of a new trace when `parent` is none.
TraceContext begin_trace(const std::optional<TraceContext>& parent);

using SpanAttribute = std::pair<std::string, std::variant<std::string, std::int64_t, double>>;

struct Span {
  TraceContext context;  // span_id is this span's, parent_id that of the one around it
  std::string name;
  bool is_server = false;
  std::chrono::system_clock::time_point begin;
  std::chrono::system_clock::time_point end;
  std::vector<SpanAttribute> attributes = {};
  bool failed = false;
};

struct TraceExporterOptions {
  std::string endpoint = {};  // "http://127.0.0.1:4318"; empty = no traces
  std::string service_name = "asterism";
  std::size_t span_count_max = 4096;  // waiting
  std::size_t batch_span_count = 512;
  std::chrono::milliseconds interval{2000};
};

// The request's body for /v1/traces.
std::string otlp_json(const std::vector<Span>& spans, std::string_view service_name);

class TraceExporter {
 public:
  explicit TraceExporter(TraceExporterOptions options);
  ~TraceExporter();
  TraceExporter(const TraceExporter&) = delete;
  TraceExporter& operator=(const TraceExporter&) = delete;

  bool enabled() const noexcept { return !options_.endpoint.empty(); }
  void record(Span span);
  // Spans that were not taken by the collector, or never offered to it.
  std::uint64_t dropped_count() const;

 private:
  void run();

  TraceExporterOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Span> waiting_;
  std::uint64_t dropped_count_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace asterism::server
