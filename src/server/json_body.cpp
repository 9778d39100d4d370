#include "server/json_body.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "asterism/collection.hpp"
#include "base/base64.hpp"
#include "server/http_message.hpp"

namespace asterism::server {
namespace {

// What is wrong with a body is the client's to change, whatever it would be of a file.
std::unexpected<Error> invalid(Error error) {
  error.code = ErrorCode::kInvalidArgument;
  return std::unexpected(std::move(error));
}

std::unexpected<Error> unexpected_type(std::string_view place, std::string_view name, std::string_view expected,
                                       const Json& found) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: \"{}\": expected {}, found {}", place, name, expected, found.type_name()));
}

}  // namespace

Result<void> expect_fields(const Json& object, std::initializer_list<std::string_view> known, std::string_view place) {
  auto only = json_expect_only(object, known, place);
  return only ? Result<void>{} : invalid(std::move(only.error()));
}

Result<Json> parse_object(std::string_view body) {
  auto json = parse_json(body, kRequestBody);
  if (!json) {
    json.error().code = ErrorCode::kUsage;  // also of what is nested too deep: the client's to change
    return json;
  }
  if (!json->is_object()) {
    return fail(ErrorCode::kUsage, fmt::format("{}: expected an object, found {}", kRequestBody, json->type_name()));
  }
  return json;
}

Result<Json> parse_body(std::string_view body, std::initializer_list<std::string_view> known) {
  auto json = parse_object(body);
  if (!json) {
    return json;
  }
  if (auto only = expect_fields(*json, known, kRequestBody); !only) {
    return std::unexpected(std::move(only.error()));
  }
  return json;
}

Result<void> expect_not_in_query(std::string_view query, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    if (!query_value(query, name).empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("?{}: expected a query without it where the body is JSON", name),
                  "what a JSON body can say stands in the body");
    }
  }
  return {};
}

template <typename T>
Result<std::optional<T>> find_field(const Json& object, std::string_view name, std::string_view place) {
  auto found = json_find<T>(object, name, place);
  if (!found) {
    return invalid(std::move(found.error()));
  }
  return found;
}

template Result<std::optional<bool>> find_field<bool>(const Json&, std::string_view, std::string_view);
template Result<std::optional<std::uint64_t>> find_field<std::uint64_t>(const Json&, std::string_view,
                                                                        std::string_view);
template Result<std::optional<double>> find_field<double>(const Json&, std::string_view, std::string_view);
template Result<std::optional<std::string>> find_field<std::string>(const Json&, std::string_view, std::string_view);

Result<std::vector<std::string>> texts_field(const Json& object, std::string_view name, std::size_t count_max,
                                             std::string_view place) {
  std::vector<std::string> out;
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) {
    return out;
  }
  if (found->is_string()) {
    out.push_back(found->get<std::string>());
    return out;
  }
  if (!found->is_array()) {
    return unexpected_type(place, name, "a text or a list of texts", *found);
  }
  if (found->size() > count_max) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: \"{}\": expected at most {} entries, found {}", place, name,
                                                       count_max, found->size()));
  }
  for (const Json& entry : *found) {
    if (!entry.is_string()) {
      return unexpected_type(place, fmt::format("{}\", entry {}: \"", name, out.size()), "a text", entry);
    }
    out.push_back(entry.get<std::string>());
  }
  return out;
}

Result<std::vector<float>> vector_field(const Json& object, std::string_view name, std::string_view place) {
  std::vector<float> out;
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) {
    return out;
  }
  if (!found->is_array() || found->empty()) {
    return unexpected_type(place, name, "a list of numbers", *found);
  }
  if (found->size() > kCollectionDimMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: \"{}\": expected at most {} numbers, found {}", place, name,
                                                       kCollectionDimMax, found->size()));
  }
  out.reserve(found->size());
  for (const Json& entry : *found) {
    const double value = entry.is_number() ? entry.get<double>() : std::numeric_limits<double>::infinity();
    if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max()))) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: \"{}\", entry {}: expected a finite float32 number, found {}", place, name,
                              out.size(), entry.is_number() ? entry.dump() : entry.type_name()));
    }
    out.push_back(static_cast<float>(value));
  }
  return out;
}

Result<std::string> picture_bytes(std::string_view text, std::string_view place) {
  if (text.starts_with("http://") || text.starts_with("https://")) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: this server fetches no addresses", place),
                "send the picture itself: raw bytes, multipart, or a data URI");
  }
  if (text.starts_with("data:")) {
    constexpr std::string_view kMark = ";base64,";
    const std::size_t mark = text.find(kMark);
    if (mark == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected a data URI with {} in it", place, kMark));
    }
    text.remove_prefix(mark + kMark.size());
  }
  auto bytes = decode_base64(text);
  if (!bytes || bytes->empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected base64, found {}", place, bytes ? "nothing" : "other characters"));
  }
  return *std::move(bytes);
}

}  // namespace asterism::server
