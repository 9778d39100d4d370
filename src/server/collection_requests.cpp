#include "server/collection_requests.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <utility>

#include "server/json_body.hpp"

namespace asterism::server {
namespace {

constexpr std::size_t kColumnCountMax = 64;
constexpr std::size_t kVersionNameSizeMax = 256;

// The value that a field names, of a few; `value` stays where there is none.
template <typename T>
Result<void> read_choice(const Json& body, std::string_view name, std::span<const std::pair<std::string_view, T>> known,
                         T& value) {
  const auto found = find_field<std::string>(body, name);
  if (!found || !*found) {
    return found ? Result<void>{} : std::unexpected(found.error());
  }
  const auto choice = std::ranges::find(known, std::string_view(**found), &std::pair<std::string_view, T>::first);
  if (choice == known.end()) {
    std::vector<std::string_view> names;
    std::ranges::transform(known, std::back_inserter(names), &std::pair<std::string_view, T>::first);
    return fail(ErrorCode::kInvalidArgument, fmt::format("request body: \"{}\": expected one of {}, found \"{}\"", name,
                                                         fmt::join(names, ", "), **found));
  }
  value = choice->second;
  return {};
}

Result<void> read_count(const Json& body, std::string_view name, std::size_t& value, std::size_t minimum,
                        std::size_t maximum) {
  const auto found = find_field<std::uint64_t>(body, name);
  if (!found || !*found) {
    return found ? Result<void>{} : std::unexpected(found.error());
  }
  if (**found < minimum || **found > maximum) {
    return fail(**found > maximum ? ErrorCode::kLimitExceeded : ErrorCode::kInvalidArgument,
                fmt::format("request body: \"{}\": expected {} to {}, found {}", name, minimum, maximum, **found));
  }
  value = static_cast<std::size_t>(**found);
  return {};
}

Result<Item> read_item(const Json& json, std::size_t index) {
  const std::string place = fmt::format("items, entry {}", index);
  if (auto only = expect_fields(json, {"id", "text", "image", "vector", "metadata", "name"}, place); !only) {
    return std::unexpected(std::move(only.error()));
  }
  Item item;
  const auto text = find_field<std::string>(json, "text", place);
  const auto image = find_field<std::string>(json, "image", place);
  auto vector = vector_field(json, "vector", place);
  if (const auto error = first_error(read_field(json, "id", item.id, place), text, image, vector)) {
    return std::unexpected(*error);
  }
  if (item.id.empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: \"id\": expected a text that is not empty", place));
  }
  if (*text && *image) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected \"text\" or \"image\", found both", place));
  }
  if (!*text && !*image && vector->empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected \"text\", \"image\" or \"vector\", found none", place));
  }
  item.vector = *std::move(vector);
  if (*text) {
    item.kind = ItemKind::kText;
    item.content = **text;
  } else if (*image) {
    auto bytes = picture_bytes(**image, fmt::format("{}: \"image\"", place));
    if (!bytes) {
      return std::unexpected(std::move(bytes.error()));
    }
    item.kind = ItemKind::kImage;
    item.data = *std::move(bytes);
    item.content = item.id;
    if (auto named = read_field(json, "name", item.content, place); !named) {
      return std::unexpected(std::move(named.error()));
    }
  }
  if (const auto metadata = json.find("metadata"); metadata != json.end() && !metadata->is_null()) {
    if (!metadata->is_object()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: \"metadata\": expected an object, found {}", place, metadata->type_name()));
    }
    item.metadata = metadata->dump();
  }
  return item;
}

// {"text"}, {"image"}, {"id"} or {"vector"}; a text alone is a text.
Result<QueryPart> read_part(const Json& json, const std::string& place) {
  if (json.is_string()) {
    return query_text(json.get<std::string>());
  }
  if (auto only = expect_fields(json, {"text", "image", "id", "vector"}, place); !only) {
    return std::unexpected(std::move(only.error()));
  }
  if (json.size() != 1) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: expected one of \"text\", \"image\", \"id\" and \"vector\", found {}", place, json.size()));
  }
  auto vector = vector_field(json, "vector", place);
  const auto text = find_field<std::string>(json, "text", place);
  const auto image = find_field<std::string>(json, "image", place);
  auto id = find_field<std::string>(json, "id", place);
  if (const auto error = first_error(vector, text, image, id)) {
    return std::unexpected(*error);
  }
  if (*text) {
    return query_text(**text);
  }
  if (*id) {
    return query_id(**id);
  }
  if (*image) {
    auto bytes = picture_bytes(**image, place);
    return bytes ? Result<QueryPart>(query_image(*std::move(bytes))) : std::unexpected(std::move(bytes.error()));
  }
  if (vector->empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected a value, found null", place));
  }
  return query_vector(*std::move(vector));
}

Result<void> read_parts(const Json& body, std::string_view name, std::vector<QueryPart>& parts) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) {
    return {};
  }
  // One alone stands for a list of one, and what is no list of parts says so below.
  const Json list = found->is_array() ? *found : Json::array({*found});
  for (std::size_t i = 0; i < list.size() && i <= kQueryPartCountMax; ++i) {
    auto part = read_part(list[i], fmt::format("{}, entry {}", name, i));
    if (!part) {
      return std::unexpected(std::move(part.error()));
    }
    parts.push_back(*std::move(part));
  }
  return {};
}

// "text", "image", "id" and "vector" beside "like": the short way to ask with one thing.
Result<void> read_query(const Json& body, SearchRequest& search) {
  const auto texts = texts_field(body, "text", kQueryPartCountMax);
  const auto images = texts_field(body, "image", kQueryPartCountMax);
  const auto ids = texts_field(body, "id", kQueryPartCountMax);
  auto vector = vector_field(body, "vector");
  if (const auto error = first_error(texts, images, ids, vector)) {
    return std::unexpected(*error);
  }
  std::ranges::transform(*texts, std::back_inserter(search.like), query_text);
  for (const std::string& image : *images) {
    auto bytes = picture_bytes(image, "request body: \"image\"");
    if (!bytes) {
      return std::unexpected(std::move(bytes.error()));
    }
    search.like.push_back(query_image(*std::move(bytes)));
  }
  std::ranges::transform(*ids, std::back_inserter(search.like), query_id);
  if (!vector->empty()) {
    search.like.push_back(query_vector(*std::move(vector)));
  }
  for (const auto& read : {read_parts(body, "like", search.like), read_parts(body, "unlike", search.unlike)}) {
    if (!read) {
      return read;
    }
  }
  if (search.like.size() + search.unlike.size() > kQueryPartCountMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("search: expected at most {} things to ask with", kQueryPartCountMax));
  }
  return {};
}

Result<void> read_hybrid(const Json& body, SearchRequest& search) {
  bool hybrid = false;
  if (const auto error =
          first_error(read_field(body, "keywords", search.keywords), read_field(body, "hybrid", hybrid))) {
    return std::unexpected(*error);
  }
  if (!hybrid) {
    return {};
  }
  for (const QueryPart& part : search.like) {
    if (part.kind == QueryPart::Kind::kText) {
      search.keywords += (search.keywords.empty() ? "" : " ") + part.value;
    }
  }
  return !search.keywords.empty()
             ? Result<void>{}
             : fail(ErrorCode::kInvalidArgument, "\"hybrid\": expected a text whose words are sought too, found none",
                    "say which words with \"keywords\"");
}

Result<AskedSearch> to_search(const Json& body) {
  AskedSearch asked;
  SearchRequest& search = asked.search;
  bool exact = false;
  std::optional<double> limit;
  // One after the other: the words of a hybrid search are those of its texts.
  for (const auto read : {read_query, read_hybrid}) {
    if (auto done = read(body, search); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  const auto found_limit = find_field<double>(body, "score_limit");
  const auto include = texts_field(body, "include", kColumnCountMax);
  if (const auto error = first_error(
          read_count(body, "k", search.k, 1, kSearchCountMax), read_field(body, "filter", search.filter),
          read_field(body, "group_by", search.group_by),
          read_count(body, "group_size", search.group_size, 1, kSearchCountMax),
          read_field(body, "diversity", search.diversity), found_limit, read_field(body, "exact", exact),
          read_count(body, "expansion", search.expansion, 0, kSearchCountMax),
          read_field(body, "explain", asked.explain), read_field(body, "version", asked.version), include)) {
    return std::unexpected(*error);
  }
  const auto parts = read_include(*include);
  if (!parts) {
    return std::unexpected(parts.error());
  }
  search.parts = *parts;
  search.mode = exact ? SearchMode::kExact : SearchMode::kAuto;
  if (*found_limit) {
    search.score_limit = static_cast<float>(**found_limit);
    if (!std::isfinite(*search.score_limit)) {
      return fail(ErrorCode::kInvalidArgument, "request body: \"score_limit\": expected a finite float32 number");
    }
  }
  return asked;
}

// A value of the query as the JSON that the same field of a body would be.
Json query_json(std::string_view name, const std::string& value) {
  static constexpr std::array<std::string_view, 5> kNumbers{"k", "group_size", "diversity", "score_limit", "expansion"};
  if (std::ranges::find(kNumbers, name) != kNumbers.end()) {
    const auto number = parse_json(value, name);
    return number && number->is_number() ? *number : Json(value);
  }
  return value == "true" ? Json(true) : value == "false" ? Json(false) : Json(value);
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (end > 0) {
      out.emplace_back(list.substr(0, end));
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

}  // namespace

Result<CreateRequest> read_create(std::string_view body) {
  const auto json = parse_body(
      body, {"name", "model", "dim", "metric", "vector_type", "columns", "text_columns", "prompt", "query_prompt"});
  if (!json) {
    return std::unexpected(json.error());
  }
  static constexpr std::array<std::pair<std::string_view, Metric>, 3> kMetrics{
      {{"cosine", Metric::kCosine}, {"dot", Metric::kDot}, {"euclidean", Metric::kEuclidean}}};
  static constexpr std::array<std::pair<std::string_view, VectorType>, 4> kTypes{
      {{"f32", VectorType::kF32}, {"f16", VectorType::kF16}, {"bf16", VectorType::kBF16}, {"i8", VectorType::kI8}}};
  CreateRequest out;
  CollectionSettings& settings = out.settings;
  auto columns = texts_field(*json, "columns", kColumnCountMax);
  auto text_columns = texts_field(*json, "text_columns", kColumnCountMax);
  if (const auto error = first_error(read_field(*json, "name", out.name), read_field(*json, "model", settings.model.id),
                                     read_count(*json, "dim", settings.dim, 1, kCollectionDimMax),
                                     read_choice<Metric>(*json, "metric", kMetrics, settings.metric),
                                     read_choice<VectorType>(*json, "vector_type", kTypes, settings.vector_type),
                                     columns, text_columns, read_field(*json, "prompt", settings.model.prompt_name),
                                     read_field(*json, "query_prompt", settings.model.query_prompt_name))) {
    return std::unexpected(*error);
  }
  if (out.name.empty()) {
    return fail(ErrorCode::kInvalidArgument, "request body: \"name\": expected the collection's name, found none");
  }
  if (settings.model.id.empty() && settings.dim == 0) {
    return fail(ErrorCode::kInvalidArgument,
                "request body: expected \"model\", or \"dim\" for vectors of your own, found neither",
                "GET /v1/models lists the models");
  }
  settings.columns = *std::move(columns);
  settings.text_columns = *std::move(text_columns);
  return out;
}

Result<std::vector<Item>> read_items(std::string_view body) {
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  const bool list_alone = first != std::string_view::npos && body[first] == '[';
  auto json = list_alone ? parse_json(body, "request body") : parse_body(body, {"items"});
  if (!json) {
    const ErrorCode code = json.error().code == ErrorCode::kCorrupt ? ErrorCode::kUsage : json.error().code;
    return fail(code, json.error().message, json.error().hint);
  }
  if (!list_alone && !json->contains("items")) {
    return fail(ErrorCode::kInvalidArgument, "request body: \"items\": expected a list of items, found none");
  }
  const Json& list = list_alone ? *json : (*json)["items"];
  if (!list.is_array()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("request body: \"items\": expected a list of items, found {}", list.type_name()));
  }
  if (list.size() > kItemCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("request body: expected at most {} items, found {}", kItemCountMax, list.size()),
                "send a file of rows instead: content-type application/x-ndjson or text/csv");
  }
  std::vector<Item> items;
  for (const Json& entry : list) {
    auto item = read_item(entry, items.size());
    if (!item) {
      return std::unexpected(std::move(item.error()));
    }
    items.push_back(*std::move(item));
  }
  return items;
}

Result<AskedSearch> read_search(std::string_view body) {
  const auto json = parse_body(
      body, {"text", "image", "id", "vector", "like", "unlike", "keywords", "hybrid", "k", "filter", "group_by",
             "group_size", "diversity", "score_limit", "exact", "expansion", "explain", "version", "include"});
  return json ? to_search(*json) : std::unexpected(json.error());
}

Result<AskedSearches> read_searches(std::string_view body) {
  const auto json = parse_body(body, {"searches", "explain", "version", "include"});
  AskedSearches asked;
  if (!json) {
    return std::unexpected(json.error());
  }
  const auto include = texts_field(*json, "include", kColumnCountMax);
  if (const auto error = first_error(include, read_field(*json, "version", asked.version),
                                     read_field(*json, "explain", asked.explain))) {
    return std::unexpected(*error);
  }
  const auto parts = read_include(*include);
  if (!parts) {
    return std::unexpected(parts.error());
  }
  const auto list = json->find("searches");
  if (list == json->end() || !list->is_array() || list->empty()) {
    return fail(ErrorCode::kInvalidArgument, "request body: \"searches\": expected a list of searches, found none");
  }
  if (list->size() > kBatchSearchCountMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("request body: \"searches\": expected at most {}, found {}",
                                                       kBatchSearchCountMax, list->size()));
  }
  for (const Json& entry : *list) {
    const std::string source = fmt::format("searches[{}]", asked.searches.size());
    auto known =
        entry.is_object()
            ? expect_fields(entry,
                            {"text", "image", "id", "vector", "like", "unlike", "keywords", "hybrid", "k", "filter",
                             "group_by", "group_size", "diversity", "score_limit", "exact", "expansion"},
                            source)
            : fail(ErrorCode::kInvalidArgument, fmt::format("expected an object, found {}", entry.type_name()));
    auto search = known ? to_search(entry) : std::unexpected(std::move(known.error()));
    if (!search) {
      search.error().message = fmt::format("{}: {}", source, search.error().message);
      return std::unexpected(std::move(search.error()));
    }
    search->search.parts = *parts;
    asked.searches.push_back(std::move(search->search));
  }
  return asked;
}

Result<AskedSearch> read_search_request(const HttpRequest& request) {
  static constexpr std::array<std::string_view, 11> kNames{"k",         "filter",      "group_by", "group_size",
                                                           "diversity", "score_limit", "exact",    "expansion",
                                                           "explain",   "version",     "include"};
  if (!request.header("content-type").starts_with("image/")) {
    const auto alone = expect_not_in_query(request.query, kNames);
    return alone ? read_search(request.body) : std::unexpected(alone.error());
  }
  Json body = Json::object();
  for (const std::string_view name : std::span(kNames).first(kNames.size() - 1)) {
    if (const std::string value = query_value(request.query, name); !value.empty()) {
      body[std::string(name)] = query_json(name, value);
    }
  }
  if (const std::string include = query_value(request.query, "include"); !include.empty()) {
    body["include"] = split(include);
  }
  auto asked = to_search(body);
  if (asked) {
    asked->search.like.push_back(query_image(request.body));
  }
  return asked;
}

Result<ItemParts> read_include(const std::vector<std::string>& names) {
  if (names.empty()) {
    return ItemParts{};
  }
  static constexpr std::array<std::pair<std::string_view, bool ItemParts::*>, 4> kParts{
      {{"metadata", &ItemParts::metadata},
       {"content", &ItemParts::content},
       {"data", &ItemParts::data},
       {"vector", &ItemParts::vector}}};
  ItemParts parts{.metadata = false, .content = false, .data = false, .vector = false};
  for (const std::string& name : names) {
    const auto* const found =
        std::ranges::find(kParts, std::string_view(name), &std::pair<std::string_view, bool ItemParts::*>::first);
    if (found == kParts.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("\"include\": expected metadata, content, data or vector, found \"{}\"", name));
    }
    parts.*(found->second) = true;
  }
  return parts;
}

Result<ItemParts> read_include(std::string_view query) {
  return read_include(split(query_value(query, "include")));
}

Result<AskedItems> read_get(std::string_view body) {
  const auto json = parse_body(body, {"ids", "include"});
  if (!json) {
    return std::unexpected(json.error());
  }
  auto ids = texts_field(*json, "ids", kIdCountMax);
  const auto include = texts_field(*json, "include", kColumnCountMax);
  if (const auto error = first_error(ids, include)) {
    return std::unexpected(*error);
  }
  if (ids->empty()) {
    return fail(ErrorCode::kInvalidArgument, "request body: \"ids\": expected a list of ids, found none");
  }
  const auto parts = read_include(*include);
  return parts ? Result<AskedItems>(AskedItems{.ids = *std::move(ids), .parts = *parts})
               : std::unexpected(parts.error());
}

Result<service::EraseRequest> read_delete(std::string_view body) {
  const auto json = parse_body(body, {"ids", "filter", "dry_run"});
  if (!json) {
    return std::unexpected(json.error());
  }
  service::EraseRequest request;
  auto ids = texts_field(*json, "ids", kIdCountMax);
  if (const auto error = first_error(ids, read_field(*json, "filter", request.filter),
                                     read_field(*json, "dry_run", request.dry_run))) {
    return std::unexpected(*error);
  }
  request.ids = *std::move(ids);
  return request;
}

Result<std::string> read_version_name(std::string_view body) {
  const auto json = parse_body(body, {"name"});
  if (!json) {
    return std::unexpected(json.error());
  }
  std::string name;
  if (auto read = read_field(*json, "name", name); !read) {
    return std::unexpected(std::move(read.error()));
  }
  if (name.empty() || name.size() > kVersionNameSizeMax) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("request body: \"name\": expected 1 to {} bytes, found {}",
                                                         kVersionNameSizeMax, name.size()));
  }
  return name;
}

}  // namespace asterism::server
