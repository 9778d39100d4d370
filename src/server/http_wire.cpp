#include "server/http_wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <iterator>
#include <string_view>

#include "server/request_id.hpp"

namespace asterism::server {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

// Given back as it came; whoever sends none gets one.
constexpr std::string_view kRequestIdHeader = "x-request-id";

Method method_of(http::verb verb) noexcept {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::post:
      return Method::kPost;
    case http::verb::put:
      return Method::kPut;
    case http::verb::patch:
      return Method::kPatch;
    case http::verb::delete_:
      return Method::kDelete;
    case http::verb::head:
      return Method::kHead;
    case http::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

std::string to_string(beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

HttpRequest make_head(const http::request_header<>& header, const std::string& client) {
  HttpRequest out;
  out.method = method_of(header.method());
  out.method_name = to_string(header.method_string());
  const std::string target = to_string(header.target());
  const std::size_t path_end = std::min(target.find('?'), target.size());
  out.path_as_sent = target.substr(0, path_end);
  out.path = percent_decoded(out.path_as_sent, false);
  if (path_end < target.size()) {
    out.query = target.substr(path_end + 1);
  }
  for (const auto& field : header) {
    out.headers.push_back({to_string(field.name_string()), to_string(field.value())});
  }
  out.client = client;
  if (out.header(kRequestIdHeader).empty()) {
    out.headers.push_back({std::string(kRequestIdHeader), make_request_id()});
  }
  return out;
}

int refusal_status(const error_code& error) {
  if (error == http::error::header_limit) {
    return 431;
  }
  if (error == http::error::body_limit) {
    return 413;
  }
  if (error == beast::error::timeout) {
    return 408;
  }
  return error.category() == make_error_code(http::error::bad_method).category() &&
                 error != http::error::end_of_stream && error != http::error::partial_message
             ? 400
             : 0;
}

std::string head_text(const Answer& answer, const HttpRequest& request) {
  const HttpResponse& response = answer.response;
  std::string out;
  out.reserve(256);
  auto end = std::back_inserter(out);
  fmt::format_to(end, "HTTP/1.1 {} {}\r\ncontent-type: {}\r\n", response.status, status_reason(response.status),
                 response.content_type);
  if (answer.chunked) {
    out += "transfer-encoding: chunked\r\n";
  } else if (!response.stream) {
    fmt::format_to(end, "content-length: {}\r\n", response.body.size());
  }
  if (const std::string_view id = request.header(kRequestIdHeader); !id.empty()) {
    fmt::format_to(end, "{}: {}\r\n", kRequestIdHeader, id);
  }
  for (const Header& header : response.headers) {
    fmt::format_to(end, "{}: {}\r\n", header.name, header.value);
  }
  out += answer.keep_alive ? "\r\n" : "connection: close\r\n\r\n";
  return out;
}

}  // namespace asterism::server
