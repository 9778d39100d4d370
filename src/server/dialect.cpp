#include "server/dialect.hpp"

#include <fmt/format.h>

#include "base/json.hpp"

namespace asterism::server {
namespace {

constexpr int kRetrySeconds = 1;

// TEI itself answers 401 without a body, and knows no scopes.
std::string_view tei_type(int status, std::string_view message) {
  switch (status) {
    case 400:
      return message == kEmptyInputMessage ? "Empty" : "Validation";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 429:
      return "Overloaded";
    case 503:
      return "Unhealthy";
    default:
      return status >= 500 || status == 424 ? "Backend" : "Validation";
  }
}

std::string_view open_ai_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

// TEI answers 424 where the model failed. OpenAI and Cohere call every value that cannot be a bad request, and their
// clients have an exception for that.
int status_of(Dialect dialect, const Error& error) {
  const bool tei = dialect == Dialect::kTei || dialect == Dialect::kTeiOpenAi;
  if (error.message == kEmptyInputMessage || error.code == ErrorCode::kUsage) {
    return 400;
  }
  if (tei && error.code == ErrorCode::kInternal) {
    return 424;
  }
  const int status = error_traits(error.code).http_status;
  const bool says_bad_request = dialect == Dialect::kOpenAi || dialect == Dialect::kCohere;
  return says_bad_request && status == 422 ? 400 : status;
}

Json body_of(Dialect dialect, int status, std::string_view code, std::string_view message, std::string_view hint) {
  const std::string line = hint.empty() ? std::string(message) : fmt::format("{} ({})", message, hint);
  switch (dialect) {
    case Dialect::kTei:
      return Json{{"error", line}, {"error_type", tei_type(status, message)}};
    case Dialect::kTeiOpenAi:
      return Json{{"message", line}, {"code", status}, {"type", tei_type(status, message)}};
    case Dialect::kOpenAi:
      return Json{{"error", {{"message", line}, {"type", open_ai_type(status)}, {"param", nullptr}, {"code", code}}}};
    case Dialect::kCohere:
      return Json{{"message", line}};
    case Dialect::kAsterism:
      break;
  }
  return Json{{"error", {{"code", code}, {"message", message}, {"hint", hint}}}};
}

HttpResponse respond(Dialect dialect, int status, std::string_view code, std::string_view message,
                     std::string_view hint) {
  HttpResponse out;
  out.status = status;
  // Messages may hold what a client sent.
  out.body = body_of(dialect, status, code, message, hint).dump(-1, ' ', false, Json::error_handler_t::replace);
  if (status == 429 || status == 503) {
    out.headers.push_back({std::string(kRetryAfterHeader), std::to_string(kRetrySeconds)});
  }
  if (status == 401) {
    out.headers.push_back({"www-authenticate", "Bearer"});
  }
  return out;
}

std::string_view code_of(int status) {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 408:
    case 504:
      return "timeout";
    case 409:
      return "conflict";
    case 413:
    case 431:
      return "limit_exceeded";
    case 415:
      return "unsupported";
    case 429:
      return "overloaded";
    case 503:
      return "unavailable";
    case 507:
      return "no_space";
    default:
      return status >= 500 ? "internal" : "usage";
  }
}

}  // namespace

HttpResponse error_response(Dialect dialect, const Error& error) {
  return respond(dialect, status_of(dialect, error), error_traits(error.code).name, error.message, error.hint);
}

HttpResponse error_response(Dialect dialect, int status, std::string_view message, std::string_view hint) {
  return respond(dialect, status, code_of(status), message, hint);
}

}  // namespace asterism::server
