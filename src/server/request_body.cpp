#include "server/request_body.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "server/multipart.hpp"

namespace asterism::server {
namespace {

Error unexpected_member(std::string_view key, std::string_view expected, std::string_view found) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = fmt::format("`{}`: expected {}, found {}", key, expected, found),
          .hint = {}};
}

// Null where it is missing.
const Json& member(const Json& body, std::string_view key) {
  static const Json kMissing;
  const auto found = body.find(std::string(key));
  return found == body.end() ? kMissing : *found;
}

std::string_view found_name(const Json& value) {
  return value.is_null() ? std::string_view("none") : std::string_view(value.type_name());
}

Result<std::vector<std::uint32_t>> token_ids(const Json& list, std::string_view key) {
  std::vector<std::uint32_t> out;
  for (const Json& entry : list) {
    const auto id = whole_number(entry);
    if (!id) {
      return std::unexpected(
          unexpected_member(key, "token ids", fmt::format("{} at {}", json_excerpt(entry), out.size())));
    }
    out.push_back(*id);
  }
  return out;
}

bool holds_numbers(const Json& list) {
  return !list.empty() && (list.front().is_number() ||
                           (list.front().is_array() && !list.front().empty() && list.front().front().is_number()));
}

}  // namespace

std::string json_excerpt(const Json& value) {
  constexpr std::size_t kSizeMax = 60;
  std::string out = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (out.size() > kSizeMax) {
    out = out.substr(0, kSizeMax - 3) + "...";
  }
  return out;
}

Result<std::vector<std::string>> texts_of(const Json& body, std::string_view key) {
  const Json& value = member(body, key);
  if (value.is_string()) {
    return std::vector<std::string>{value.get<std::string>()};
  }
  if (!value.is_array()) {
    return std::unexpected(unexpected_member(key, "a text or a list of texts", found_name(value)));
  }
  std::vector<std::string> out;
  for (const Json& entry : value) {
    if (!entry.is_string()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("`{}`, entry {}: expected a text, found {}", key, out.size(), entry.type_name()));
    }
    out.push_back(entry.get<std::string>());
  }
  return out;
}

Result<std::vector<std::vector<std::uint32_t>>> token_ids_of(const Json& body, std::string_view key) {
  const Json& value = member(body, key);
  if (!value.is_array()) {
    return std::unexpected(unexpected_member(key, "a list of token ids, or a list of such lists", found_name(value)));
  }
  std::vector<std::vector<std::uint32_t>> out;
  if (value.empty() || !value.front().is_array()) {
    auto ids = token_ids(value, key);
    if (!ids) {
      return std::unexpected(ids.error());
    }
    out.push_back(*std::move(ids));
    return out;
  }
  for (const Json& list : value) {
    auto ids = list.is_array() ? token_ids(list, key)
                               : std::unexpected(unexpected_member(key, "lists of token ids", list.type_name()));
    if (!ids) {
      return std::unexpected(ids.error());
    }
    out.push_back(*std::move(ids));
  }
  return out;
}

Result<void> read_inputs(const Json& body, std::string_view key, EmbedCall& call) {
  const Json& value = member(body, key);
  if (value.is_array() && holds_numbers(value)) {
    auto ids = token_ids_of(body, key);
    if (!ids) {
      return std::unexpected(ids.error());
    }
    call.kind = RowKind::kTokens;
    call.token_ids = *std::move(ids);
    return {};
  }
  auto texts = texts_of(body, key);
  if (!texts) {
    return std::unexpected(texts.error());
  }
  call.rows = *std::move(texts);
  return {};
}

Result<void> add_picture(std::string_view text, EmbedCall& call) {
  call.kind = RowKind::kImage;
  if (text.starts_with("http://") || text.starts_with("https://")) {
    call.addresses.emplace_back(call.rows.size(), text);
    call.rows.emplace_back();
    return {};
  }
  auto bytes = picture_bytes(text, "image");
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  call.rows.push_back(*std::move(bytes));
  return {};
}

Result<void> read_pictures(const Json& body, std::string_view key, EmbedCall& call) {
  call.kind = RowKind::kImage;
  const auto texts = texts_of(body, key);
  if (!texts) {
    return std::unexpected(texts.error());
  }
  for (const std::string& text : *texts) {
    if (auto added = add_picture(text, call); !added) {
      return added;
    }
  }
  return {};
}

Result<void> read_pictures(const HttpRequest& request, EmbedCall& call) {
  call.kind = RowKind::kImage;
  const std::string_view type = request.header("content-type");
  if (type.starts_with("multipart/")) {
    const auto boundary = multipart_boundary(type);
    auto parts = boundary ? parse_multipart(request.body, *boundary) : std::unexpected(boundary.error());
    if (!parts) {
      return std::unexpected(parts.error());
    }
    std::ranges::transform(*parts, std::back_inserter(call.rows),
                           [](MultipartPart& part) { return std::move(part.data); });
    return {};
  }
  if (type.starts_with("application/json")) {
    const auto body = parse_object(request.body);
    return body ? read_pictures(*body, "inputs", call) : std::unexpected(body.error());
  }
  if (!request.body.empty()) {
    call.rows.push_back(request.body);
  }
  return {};
}

std::optional<std::uint32_t> whole_number(const Json& value) {
  const double number = value.is_number() ? value.get<double>() : -1.0;
  if (number < 0.0 || number > std::numeric_limits<std::uint32_t>::max() || number != std::floor(number)) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(number);
}

Result<void> read_choice(const Json& body, std::string_view key, std::initializer_list<std::string_view> choices,
                         std::string& value) {
  auto read = read_field(body, key, value);
  if (read && std::ranges::find(choices, value) == choices.end()) {
    return std::unexpected(
        unexpected_member(key, fmt::format("one of {}", fmt::join(choices, ", ")), fmt::format("\"{}\"", value)));
  }
  return read;
}

Result<void> read_truncation(const Json& body, EmbedCall& call) {
  std::string direction = "Right";
  const auto chosen = read_choice(body, "truncation_direction", {"Right", "Left", "right", "left"}, direction);
  if (!chosen) {
    return chosen;
  }
  call.truncate_left = direction == "Left" || direction == "left";
  return read_field(body, "truncate", call.truncate);
}

Result<void> read_dim(const Json& body, std::string_view key, EmbedCall& call) {
  const Json& value = member(body, key);
  if (value.is_null()) {
    return {};
  }
  const auto dim = whole_number(value);
  if (!dim || *dim == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("`{}` must be an integer > 0, found {}", key, json_excerpt(value)));
  }
  call.dim = *dim;
  return {};
}

}  // namespace asterism::server
