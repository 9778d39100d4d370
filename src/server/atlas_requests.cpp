#include "server/atlas_requests.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_set>
#include <utility>

#include "server/collection_host.hpp"
#include "server/http_message.hpp"
#include "server/json_body.hpp"

namespace asterism::server {
namespace {

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                     : std::nullopt;
}

Result<std::uint32_t> checked_row(std::uint64_t row, std::size_t row_count, std::string_view place) {
  if (row < row_count) {
    return static_cast<std::uint32_t>(row);
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: expected rows from 0 to {}, found {}", place, row_count - 1, row));
}

Result<std::vector<std::uint32_t>> rows_field(const Json& object, std::size_t row_count) {
  const std::string place = fmt::format("{}: \"rows\"", kRequestBody);
  const auto found = object.find("rows");
  if (found == object.end() || !found->is_array() || found->empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected a list of rows, found {}", place,
                                                         found == object.end() ? "none" : found->type_name()));
  }
  if (found->size() > kAtlasRowListMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: expected at most {} rows, found {}", place, kAtlasRowListMax, found->size()));
  }
  std::vector<std::uint32_t> out;
  std::unordered_set<std::uint32_t> seen;
  for (const Json& entry : *found) {
    if (!entry.is_number_unsigned()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}, entry {}: expected a row's number, found {}", place, seen.size(),
                              entry.dump(-1, ' ', false, Json::error_handler_t::replace)));
    }
    const auto row = checked_row(entry.get<std::uint64_t>(), row_count, place);
    if (!row) {
      return std::unexpected(row.error());
    }
    if (seen.insert(*row).second) {
      out.push_back(*row);
    }
  }
  return out;
}

std::vector<std::uint32_t> all_rows(std::size_t row_count) {
  std::vector<std::uint32_t> out(row_count);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

}  // namespace

Result<std::uint64_t> count_in_query(std::string_view query, std::string_view name, std::uint64_t value_default) {
  const std::string text = query_value(query, name);
  if (text.empty()) {
    return value_default;
  }
  const auto value = whole_number(text);
  return value
             ? Result<std::uint64_t>(*value)
             : fail(ErrorCode::kInvalidArgument, fmt::format("?{}: expected a whole number, found \"{}\"", name, text));
}

Result<std::uint64_t> count_in_path(std::string_view text, std::string_view name) {
  const auto value = whole_number(text);
  return value ? Result<std::uint64_t>(*value)
               : fail(ErrorCode::kInvalidArgument,
                      fmt::format("{}: expected a whole number in the path, found \"{}\"", name, text));
}

Result<std::vector<std::uint32_t>> rows_in_query(std::string_view query, std::size_t row_count) {
  const std::string text = query_value(query, "rows");
  std::vector<std::uint32_t> out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    const auto value = whole_number(word);
    if (!value) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("?rows: expected numbers with ',' between, found \"{}\"", word),
                  "for example ?rows=0,17,42");
    }
    const auto row = checked_row(*value, row_count, "?rows");
    if (!row) {
      return std::unexpected(row.error());
    }
    out.push_back(*row);
    if (out.size() > service::kAtlasItemCountMax) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("?rows: expected at most {} rows, found more", service::kAtlasItemCountMax));
    }
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  if (out.empty()) {
    return fail(ErrorCode::kInvalidArgument, "?rows: expected numbers of rows, found none",
                "for example ?rows=0,17,42");
  }
  return out;
}

Result<AskedFind> read_find(std::string_view body) {
  const auto json = parse_body(body, {"contains", "limit"});
  if (!json) {
    return std::unexpected(json.error());
  }
  AskedFind out;
  std::uint64_t limit = out.limit;
  if (const auto error = first_error(read_field(*json, "contains", out.contains), read_field(*json, "limit", limit))) {
    return std::unexpected(*error);
  }
  out.limit = limit;
  return out;
}

Result<AskedAtlasSearch> read_atlas_search(std::string_view body) {
  const auto json = parse_body(body, {"text", "image", "expression", "row", "k"});
  if (!json) {
    return std::unexpected(json.error());
  }
  AskedAtlasSearch out;
  std::uint64_t k = out.k;
  const auto text = find_field<std::string>(*json, "text");
  const auto image = find_field<std::string>(*json, "image");
  const auto expression = find_field<std::string>(*json, "expression");
  const auto row = find_field<std::uint64_t>(*json, "row");
  if (const auto error = first_error(text, image, expression, row, read_field(*json, "k", k))) {
    return std::unexpected(*error);
  }
  out.k = k;
  const int asked = (*text ? 1 : 0) + (*image ? 1 : 0) + (*expression ? 1 : 0) + (*row ? 1 : 0);
  if (asked != 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected one of \"text\", \"image\", \"expression\" and \"row\", found {}",
                            kRequestBody, asked == 0 ? "none" : "several"));
  }
  if (*image) {
    auto bytes = picture_bytes(**image, fmt::format("{}: \"image\"", kRequestBody));
    if (!bytes) {
      return std::unexpected(std::move(bytes.error()));
    }
    out.query = {.kind = service::AtlasQuery::Kind::kImage, .value = *std::move(bytes)};
  } else if (*row) {
    if (**row > std::numeric_limits<std::uint32_t>::max()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: \"row\": there is no row {}", kRequestBody, **row));
    }
    out.query = {.kind = service::AtlasQuery::Kind::kRow, .row = static_cast<std::uint32_t>(**row)};
  } else {
    out.query = {.kind = *text ? service::AtlasQuery::Kind::kText : service::AtlasQuery::Kind::kExpression,
                 .value = *text ? **text : **expression};
    if (out.query.value.empty()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: \"{}\": expected a text that is not empty",
                                                           kRequestBody, *text ? "text" : "expression"));
    }
  }
  return out;
}

Result<service::SeriesRequest> read_series(std::string_view body) {
  const auto json = parse_body(body.empty() ? std::string_view("{}") : body, {"versions", "method", "dim", "seed"});
  if (!json) {
    return std::unexpected(json.error());
  }
  service::SeriesRequest out;
  std::uint64_t dim = out.map.dim;
  auto versions = texts_field(*json, "versions", service::kSeriesStepCountMax);
  if (const auto error = first_error(versions, read_field(*json, "method", out.map.method),
                                     read_field(*json, "dim", dim), read_field(*json, "seed", out.map.seed))) {
    return std::unexpected(*error);
  }
  if (dim < service::kMapDimMin || dim > service::kMapDimMax) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: \"dim\": expected 2 or 3, found {}", kRequestBody, dim));
  }
  out.map.dim = dim;
  out.versions = *std::move(versions);
  return out;
}

Result<AskedCopy> read_copy(std::string_view body, std::size_t row_count) {
  const auto json = parse_body(body, {"name", "rows"});
  if (!json) {
    return std::unexpected(json.error());
  }
  AskedCopy out;
  auto rows = rows_field(*json, row_count);
  if (const auto error = first_error(read_field(*json, "name", out.name), rows)) {
    return std::unexpected(*error);
  }
  if (auto named = check_collection_name(out.name); !named) {
    return std::unexpected(std::move(named.error()));
  }
  out.rows = *std::move(rows);
  return out;
}

Result<AskedExport> read_export(std::string_view query, std::size_t row_count) {
  const auto format = service::parse_table_format(query_value(query, "format"));
  if (!format) {
    return std::unexpected(format.error());
  }
  AskedExport out{.format = *format, .projection = query_value(query, "projection"), .rows = {}};
  if (query_value(query, "rows").empty()) {
    out.rows = all_rows(row_count);
    return out;
  }
  auto rows = rows_in_query(query, row_count);
  if (!rows) {
    return std::unexpected(std::move(rows.error()));
  }
  out.rows = *std::move(rows);
  return out;
}

Result<AskedExport> read_export_body(std::string_view body, std::size_t row_count) {
  const auto json = parse_body(body, {"format", "projection", "rows"});
  if (!json) {
    return std::unexpected(json.error());
  }
  AskedExport out;
  std::string format;
  if (const auto error =
          first_error(read_field(*json, "format", format), read_field(*json, "projection", out.projection))) {
    return std::unexpected(*error);
  }
  const auto parsed = service::parse_table_format(format);
  const bool all = !json->contains("rows") || (*json)["rows"].is_null();
  auto rows = all ? Result<std::vector<std::uint32_t>>(all_rows(row_count)) : rows_field(*json, row_count);
  if (const auto error = first_error(parsed, rows)) {
    return std::unexpected(*error);
  }
  out.format = *parsed;
  out.rows = *std::move(rows);
  return out;
}

}  // namespace asterism::server
