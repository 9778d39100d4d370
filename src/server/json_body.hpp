// Fields of a JSON body that clients send: each reader says which field, what was expected and what was found, and
// nothing that a client sends is more than kInvalidArgument or kLimitExceeded.
// Thread-safety: pure functions.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"

namespace asterism::server {

inline constexpr std::string_view kRequestBody = "request body";

// kUsage for what is no JSON object.
Result<Json> parse_object(std::string_view body);
// The same; kInvalidArgument names fields outside `known`.
Result<Json> parse_body(std::string_view body, std::initializer_list<std::string_view> known);
// The same of an object inside; `place` names it ("like, entry 2").
Result<void> expect_fields(const Json& object, std::initializer_list<std::string_view> known, std::string_view place);

// Beside a JSON body, whose fields these are: in the query nobody would read them. An empty value is none.
Result<void> expect_not_in_query(std::string_view query, std::span<const std::string_view> names);

// Nothing where the field is missing or null.
template <typename T>
Result<std::optional<T>> find_field(const Json& object, std::string_view name, std::string_view place = kRequestBody);
// Leaves `value` as it is where there is none.
template <typename T>
Result<void> read_field(const Json& object, std::string_view name, T& value, std::string_view place = kRequestBody);
// A list of texts; one text alone is a list of one. Empty where there is none.
Result<std::vector<std::string>> texts_field(const Json& object, std::string_view name, std::size_t count_max,
                                             std::string_view place = kRequestBody);
// A list of finite float32 numbers. Empty where there is none.
Result<std::vector<float>> vector_field(const Json& object, std::string_view name,
                                        std::string_view place = kRequestBody);
// The bytes of "data:image/png;base64,..." or of bare base64. kUnsupported for addresses: nothing is fetched.
Result<std::string> picture_bytes(std::string_view text, std::string_view place);

// The first error of several results; nothing where all are well.
template <typename... Results>
std::optional<Error> first_error(const Results&... results) {
  std::optional<Error> out;
  ((out = out ? out : results ? std::nullopt : std::optional<Error>(results.error())), ...);
  return out;
}

template <typename T>
Result<void> read_field(const Json& object, std::string_view name, T& value, std::string_view place) {
  auto found = find_field<T>(object, name, place);
  if (!found) {
    return std::unexpected(std::move(found.error()));
  }
  if (*found) {
    value = **std::move(found);
  }
  return {};
}

}  // namespace asterism::server
