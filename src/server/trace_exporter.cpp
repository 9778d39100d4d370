#include "server/trace_exporter.hpp"

#include <algorithm>
#include <iterator>

#include "asterism/version.hpp"
#include "base/json.hpp"
#include "hub/http.hpp"
#include "server/request_id.hpp"

namespace asterism::server {
namespace {

constexpr std::size_t kTraceIdSize = 32;
constexpr std::size_t kSpanIdSize = 16;
constexpr std::int64_t kCollectorTimeoutMs = 3000;

// Numbers of the protocol.
constexpr int kKindInternal = 1;
constexpr int kKindServer = 2;
constexpr int kStatusError = 2;

bool is_id(std::string_view text, std::size_t size) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == size && std::ranges::all_of(text, is_digit) &&
         text.find_first_not_of('0') != std::string_view::npos;
}

std::string nanoseconds(std::chrono::system_clock::time_point time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

Json attribute(const SpanAttribute& given) {
  Json value;
  if (const auto* text = std::get_if<std::string>(&given.second)) {
    value["stringValue"] = *text;
  } else if (const auto* whole = std::get_if<std::int64_t>(&given.second)) {
    value["intValue"] = std::to_string(*whole);
  } else {
    value["doubleValue"] = std::get<double>(given.second);
  }
  return {{"key", given.first}, {"value", std::move(value)}};
}

Json span_json(const Span& span) {
  Json attributes = Json::array();
  std::ranges::transform(span.attributes, std::back_inserter(attributes), attribute);
  Json out{{"traceId", span.context.trace_id},
           {"spanId", span.context.span_id},
           {"name", span.name},
           {"kind", span.is_server ? kKindServer : kKindInternal},
           {"startTimeUnixNano", nanoseconds(span.begin)},
           {"endTimeUnixNano", nanoseconds(span.end)},
           {"attributes", std::move(attributes)}};
  if (!span.context.parent_id.empty()) {
    out["parentSpanId"] = span.context.parent_id;
  }
  if (span.failed) {
    out["status"] = {{"code", kStatusError}};
  }
  return out;
}

bool send(HttpClient& client, const std::string& endpoint, std::string body) {
  const auto head = client.exchange({.url = endpoint + "/v1/traces",
                                     .method = HttpMethod::kPost,
                                     .accept = {},
                                     .authorization = {},
                                     .body = std::move(body),
                                     .content_type = "application/json"},
                                    {});
  return head && head->status >= 200 && head->status < 300;
}

}  // namespace

std::optional<TraceContext> read_traceparent(std::string_view header) {
  constexpr std::size_t kSpanBegin = 3 + kTraceIdSize + 1;
  constexpr std::size_t kSize = kSpanBegin + kSpanIdSize + 3;
  if (header.size() < kSize || header[2] != '-' || header[kSpanBegin - 1] != '-' || header.substr(0, 2) == "ff" ||
      header[kSpanBegin + kSpanIdSize] != '-' || (header.starts_with("00") && header.size() != kSize)) {
    return std::nullopt;
  }
  const std::string_view trace_id = header.substr(3, kTraceIdSize);
  const std::string_view span_id = header.substr(kSpanBegin, kSpanIdSize);
  const char flags = header[kSize - 1];
  if (!is_id(trace_id, kTraceIdSize) || !is_id(span_id, kSpanIdSize)) {
    return std::nullopt;
  }
  const bool sampled = (flags >= '0' && flags <= '9' ? flags - '0' : flags - 'a' + 10) % 2 == 1;
  return TraceContext{
      .trace_id = std::string(trace_id), .span_id = std::string(span_id), .parent_id = {}, .sampled = sampled};
}

TraceContext begin_trace(const std::optional<TraceContext>& parent) {
  return {.trace_id = parent ? parent->trace_id : make_request_id(),
          .span_id = make_span_id(),
          .parent_id = parent ? parent->span_id : std::string(),
          .sampled = !parent || parent->sampled};
}

std::string otlp_json(const std::vector<Span>& spans, std::string_view service_name) {
  Json list = Json::array();
  std::ranges::transform(spans, std::back_inserter(list), span_json);
  Json scope{{"scope", {{"name", "asterism"}, {"version", kVersion}}}, {"spans", std::move(list)}};
  Json resource{{"attributes", Json::array({attribute({"service.name", std::string(service_name)})})}};
  Json entry{{"resource", std::move(resource)}, {"scopeSpans", Json::array({std::move(scope)})}};
  return Json{{"resourceSpans", Json::array({std::move(entry)})}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

TraceExporter::TraceExporter(TraceExporterOptions options) : options_(std::move(options)) {
  while (options_.endpoint.ends_with('/')) {
    options_.endpoint.pop_back();
  }
  if (enabled()) {
    thread_ = std::thread([this] { run(); });
  }
}

TraceExporter::~TraceExporter() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void TraceExporter::record(Span span) {
  if (!enabled() || !span.context.sampled) {
    return;
  }
  const std::scoped_lock lock(mutex_);
  if (waiting_.size() >= options_.span_count_max) {
    ++dropped_count_;
    return;
  }
  waiting_.push_back(std::move(span));
  if (waiting_.size() == options_.batch_span_count) {
    changed_.notify_all();
  }
}

std::uint64_t TraceExporter::dropped_count() const {
  const std::scoped_lock lock(mutex_);
  return dropped_count_;
}

void TraceExporter::run() {
  HubOptions limits;
  limits.limits.connect_timeout_ms = kCollectorTimeoutMs;
  limits.limits.stall_timeout_ms = kCollectorTimeoutMs;
  auto client = HttpClient::create(limits);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait_for(lock, options_.interval,
                      [this] { return stopping_ || waiting_.size() >= options_.batch_span_count; });
    const auto spans = std::exchange(waiting_, {});
    const bool last = stopping_;
    if (!spans.empty()) {
      lock.unlock();
      const bool sent = client && send(*client, options_.endpoint, otlp_json(spans, options_.service_name));
      lock.lock();
      dropped_count_ += sent ? 0 : spans.size();
    }
    if (last) {
      return;
    }
  }
}

}  // namespace asterism::server
