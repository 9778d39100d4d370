#include "server/http_message.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii_case.hpp"

namespace asterism::server {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char letter = ascii_lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const noexcept {
  const auto found =
      std::ranges::find_if(headers, [&](const Header& header) { return equals_ignoring_case(header.name, name); });
  return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

std::string percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_blank ? ' ' : text[i];
    }
  }
  return out;
}

namespace {

struct QueryPair {
  std::string name;        // decoded
  std::string_view value;  // as it was sent
};

// The first pair, which is taken off.
QueryPair take_pair(std::string_view& query) {
  const std::size_t end = std::min(query.find('&'), query.size());
  const std::string_view pair = query.substr(0, end);
  query.remove_prefix(std::min(end + 1, query.size()));
  const std::size_t equals = std::min(pair.find('='), pair.size());
  return {.name = percent_decoded(pair.substr(0, equals), true),
          .value = pair.substr(std::min(equals + 1, pair.size()))};
}

}  // namespace

std::string query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const QueryPair pair = take_pair(query);
    if (pair.name == name) {
      return percent_decoded(pair.value, true);
    }
  }
  return {};
}

std::vector<std::string> query_names(std::string_view query) {
  std::vector<std::string> out;
  while (!query.empty()) {
    if (QueryPair pair = take_pair(query); !pair.name.empty()) {
      out.push_back(std::move(pair.name));
    }
  }
  return out;
}

namespace {

// The segment up to the next '/', which is taken off as well.
std::string_view take_segment(std::string_view& path) noexcept {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return segment;
}

bool is_variable(std::string_view segment) noexcept {
  return segment.starts_with('{') && segment.ends_with('}');
}

}  // namespace

bool path_matches(std::string_view pattern, std::string_view path_as_sent) {
  if (std::ranges::count(pattern, '/') != std::ranges::count(path_as_sent, '/')) {
    return false;
  }
  while (!pattern.empty()) {
    const std::string_view expected = take_segment(pattern);
    const std::string_view found = take_segment(path_as_sent);
    // Nearly every path is sent as it is: nothing is decoded then.
    const bool same = found == expected || (found.contains('%') && percent_decoded(found, false) == expected);
    if (is_variable(expected) ? found.empty() : !same) {
      return false;
    }
  }
  return path_as_sent.empty();
}

std::string path_value(std::string_view pattern, std::string_view path_as_sent, std::string_view name) {
  while (!pattern.empty()) {
    const std::string_view expected = take_segment(pattern);
    const std::string_view found = take_segment(path_as_sent);
    if (is_variable(expected) && expected.substr(1, expected.size() - 2) == name) {
      return percent_decoded(found, false);
    }
  }
  return {};
}

void Exchange::respond(HttpResponse response) {
  std::function<void(HttpResponse)> take;
  {
    const std::scoped_lock lock(mutex_);
    if (answered_) {
      return;
    }
    answered_ = true;
    if (response.status == 429 && retry_after_.count() > 0) {
      std::erase_if(response.headers, [](const Header& header) { return header.name == kRetryAfterHeader; });
      response.headers.push_back({std::string(kRetryAfterHeader), std::to_string(retry_after_.count())});
    }
    on_gone_.clear();
    if (!take_) {
      kept_ = std::make_unique<HttpResponse>(std::move(response));
      return;
    }
    take = std::exchange(take_, nullptr);
  }
  take(std::move(response));
}

void Exchange::set_retry_after(std::chrono::seconds time) {
  const std::scoped_lock lock(mutex_);
  retry_after_ = std::max(retry_after_, time);
}

void Exchange::on_response(std::function<void(HttpResponse)> take) {
  std::unique_ptr<HttpResponse> kept;
  {
    const std::scoped_lock lock(mutex_);
    if (!kept_) {
      take_ = std::move(take);
      return;
    }
    kept = std::move(kept_);
  }
  take(std::move(*kept));
}

void Exchange::on_client_gone(std::function<void()> action) {
  {
    const std::scoped_lock lock(mutex_);
    if (!gone_) {
      if (!answered_) {
        on_gone_.push_back(std::move(action));
      }
      return;
    }
  }
  action();
}

void Exchange::client_gone() {
  std::vector<std::function<void()>> actions;
  {
    const std::scoped_lock lock(mutex_);
    gone_ = true;
    actions = std::exchange(on_gone_, {});
  }
  for (const auto& action : actions) {
    action();
  }
}

bool Exchange::client_has_gone() const {
  const std::scoped_lock lock(mutex_);
  return gone_;
}

bool Exchange::answered() const {
  const std::scoped_lock lock(mutex_);
  return answered_;
}

std::string_view method_name(Method method) noexcept {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kHead:
      return "HEAD";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      break;
  }
  return {};
}

std::string_view status_reason(int status) noexcept {
  struct Reason {
    int status;
    std::string_view text;
  };
  static constexpr std::array<Reason, 26> kReasons{{
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {207, "Multi-Status"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {422, "Unprocessable Content"},
      {424, "Failed Dependency"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {499, "Client Closed Request"},
      {500, "Internal Server Error"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {507, "Insufficient Storage"},
  }};
  const auto found = std::ranges::find(kReasons, status, &Reason::status);
  return found == kReasons.end() ? std::string_view("Unknown") : found->text;
}

}  // namespace asterism::server
