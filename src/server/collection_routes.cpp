#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/json.hpp"
#include "server/collection_requests.hpp"
#include "server/collection_service.hpp"
#include "server/request_deadline.hpp"
#include "service/collection_items.hpp"
#include "service/collection_json.hpp"
#include "service/collections.hpp"

namespace asterism::server {
namespace {

// What a handler below is given; the request stays until it returns.
struct Call {
  CollectionService& service;
  const HttpRequest& request;
  std::string_view pattern;

  CollectionHost& host() const { return *service.host; }
  std::string value(std::string_view name) const { return path_value(pattern, request.path_as_sent, name); }
  std::string name() const { return value("name"); }
};
using Handler = Result<HttpResponse> (*)(const Call&);

// A filter that names what is not there is a wrong request, and no path that is not there.
Error request_error(Error error) {
  if (error.code == ErrorCode::kNotFound && error.message.starts_with("filter:")) {
    error.code = ErrorCode::kInvalidArgument;
  }
  return error;
}

Result<Json> status_of(const std::string& name, const Collection& collection) {
  const auto status = collection.status();
  return status ? Result<Json>(service::status_json(name, *status)) : std::unexpected(status.error());
}

Result<HttpResponse> list_collections(const Call& call) {
  const auto names = call.host().names();
  if (!names) {
    return std::unexpected(names.error());
  }
  Json list = Json::array();
  for (const std::string& name : *names) {
    const auto collection = call.host().get(name);
    auto json = collection ? status_of(name, **collection) : std::unexpected(collection.error());
    // One that is damaged does not hide the others.
    list.push_back(json ? *std::move(json) : Json{{"collection", name}, {"error", json.error().to_string()}});
  }
  return json_response({{"collections", std::move(list)}});
}

Result<HttpResponse> create_collection(const Call& call) {
  auto asked = read_create(call.request.body);
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  const bool images = asked->settings.model.id == kBuiltinImageModel;
  const auto settings =
      service::kept_settings(std::move(asked->settings), images ? PayloadKind::kImage : PayloadKind::kText);
  const auto created = call.host().create(asked->name, settings);
  if (!created && created.error().code == ErrorCode::kMismatch) {
    return error_response(Dialect::kAsterism, 409, created.error().message, created.error().hint);
  }
  auto json = created ? status_of(asked->name, **created) : std::unexpected(created.error());
  return json ? Result<HttpResponse>(json_response(*json, 201)) : std::unexpected(std::move(json.error()));
}

Result<HttpResponse> show_collection(const Call& call) {
  const auto collection = call.host().get(call.name());
  if (!collection) {
    return std::unexpected(collection.error());
  }
  auto json = status_of(call.name(), **collection);
  if (!json) {
    return std::unexpected(std::move(json.error()));
  }
  if (const auto upkeep = call.host().upkeep_status(call.name())) {
    const bool building = upkeep->state == UpkeepStatus::State::kBuilding;
    (*json)["index_building"] = building;
    (*json)["index_error"] = upkeep->error ? Json(upkeep->error->message) : Json(nullptr);
  }
  return json_response(*json);
}

Result<HttpResponse> drop_collection(const Call& call) {
  const auto dropped = call.host().drop(call.name());
  return dropped ? Result<HttpResponse>(json_response({{"dropped", call.name()}})) : std::unexpected(dropped.error());
}

Result<HttpResponse> get_item(const Call& call) {
  const auto parts = read_include(call.request.query);
  const auto collection = parts ? call.host().get_version(call.name(), query_value(call.request.query, "version"))
                                : std::unexpected(parts.error());
  if (!collection) {
    return std::unexpected(collection.error());
  }
  const std::vector<std::string> ids{call.value("id")};
  const auto items = (*collection)->get(ids, *parts);
  if (!items) {
    return std::unexpected(items.error());
  }
  if (!items->front()) {
    return fail(ErrorCode::kNotFound, fmt::format("collection \"{}\": there is no item \"{}\"", call.name(), ids[0]));
  }
  return json_response(service::item_json(*items->front(), *parts));
}

Result<HttpResponse> get_items(const Call& call) {
  const auto asked = read_get(call.request.body);
  const auto collection = asked ? call.host().get_version(call.name(), query_value(call.request.query, "version"))
                                : std::unexpected(asked.error());
  if (!collection) {
    return std::unexpected(collection.error());
  }
  const auto items = (*collection)->get(asked->ids, asked->parts);
  if (!items) {
    return std::unexpected(items.error());
  }
  Json list = Json::array();
  for (const auto& item : *items) {
    list.push_back(item ? service::item_json(*item, asked->parts) : Json(nullptr));
  }
  return json_response({{"items", std::move(list)}});
}

Result<service::EraseResponse> erase(const Call& call, const service::EraseRequest& request) {
  const auto collection = request.dry_run ? call.host().get(call.name()) : call.host().get_writable(call.name());
  return collection ? service::erase_items(**collection, request) : std::unexpected(collection.error());
}

Result<HttpResponse> delete_item(const Call& call) {
  service::EraseRequest request;
  request.ids = {call.value("id")};
  const auto erased = erase(call, request);
  if (!erased) {
    return std::unexpected(erased.error());
  }
  if (erased->count == 0) {
    return fail(ErrorCode::kNotFound,
                fmt::format("collection \"{}\": there is no item \"{}\"", call.name(), call.value("id")));
  }
  return json_response({{"deleted", erased->count}});
}

Result<HttpResponse> delete_items(const Call& call) {
  const auto request = read_delete(call.request.body);
  const auto erased = request ? erase(call, *request) : std::unexpected(request.error());
  if (!erased) {
    return std::unexpected(request_error(erased.error()));
  }
  return json_response({{"deleted", request->dry_run ? 0 : erased->count},
                        {"matched", erased->count},
                        {"not_found", erased->not_found}});
}

Result<HttpResponse> search(const Call& call) {
  const auto asked = read_search_request(call.request);
  const auto collection = asked ? call.host().get_version(call.name(), asked->version) : std::unexpected(asked.error());
  if (!collection) {
    return std::unexpected(collection.error());
  }
  const auto result = (*collection)->search(asked->search);
  if (!result) {
    return std::unexpected(request_error(result.error()));
  }
  if (asked->search.filter.empty() && asked->version.empty()) {
    call.host().note_search(call.name(), *result, asked->search.k);
  }
  return json_response(service::search_json(*result, asked->search.parts, asked->explain));
}

// That of the first search which has one alone.
Error error_of_one(const Collection& collection, const std::vector<SearchRequest>& searches, Error of_all) {
  for (std::size_t i = 0; i < searches.size(); ++i) {
    if (const auto alone = collection.search(searches[i]); !alone) {
      Error error = request_error(alone.error());
      error.message = fmt::format("searches[{}]: {}", i, error.message);
      return error;
    }
  }
  return request_error(std::move(of_all));
}

Result<HttpResponse> search_batch(const Call& call) {
  const auto asked = read_searches(call.request.body);
  const auto collection = asked ? call.host().get_version(call.name(), asked->version) : std::unexpected(asked.error());
  if (!collection) {
    return std::unexpected(collection.error());
  }
  const auto results = (*collection)->search_batch(asked->searches);
  if (!results) {
    return std::unexpected(error_of_one(**collection, asked->searches, results.error()));
  }
  Json list = Json::array();
  for (std::size_t i = 0; i < results->size(); ++i) {
    const SearchRequest& search = asked->searches[i];
    if (search.filter.empty() && asked->version.empty()) {
      call.host().note_search(call.name(), (*results)[i], search.k);
    }
    list.push_back(service::search_json((*results)[i], search.parts, asked->explain));
  }
  return json_response({{"results", std::move(list)}});
}

Result<HttpResponse> list_versions(const Call& call) {
  const auto collection = call.host().get(call.name());
  const auto status = collection ? (*collection)->status() : std::unexpected(collection.error());
  if (!status) {
    return std::unexpected(status.error());
  }
  Json list = Json::array();
  for (const CollectionVersion& version : status->versions) {
    list.push_back(service::version_json(version));
  }
  return json_response({{"versions", std::move(list)}});
}

Result<HttpResponse> create_version(const Call& call) {
  const auto name = read_version_name(call.request.body);
  const auto collection = name ? call.host().get_writable(call.name()) : std::unexpected(name.error());
  const auto version = collection ? (*collection)->create_version(*name) : std::unexpected(collection.error());
  if (!version && collection && version.error().code == ErrorCode::kInvalidArgument) {
    const auto status = (*collection)->status();
    if (status && std::ranges::find(status->versions, *name, &CollectionVersion::name) != status->versions.end()) {
      return error_response(Dialect::kAsterism, 409, version.error().message, version.error().hint);
    }
  }
  return version ? Result<HttpResponse>(json_response(service::version_json(*version), 201))
                 : std::unexpected(version.error());
}

Result<HttpResponse> drop_version(const Call& call) {
  const std::string version = call.value("version");
  const auto collection = call.host().get_writable(call.name());
  if (!collection) {
    return std::unexpected(collection.error());
  }
  call.host().forget_version(call.name(), version);
  const auto dropped = (*collection)->drop_version(version);
  return dropped ? Result<HttpResponse>(json_response({{"dropped", version}})) : std::unexpected(dropped.error());
}

Result<HttpResponse> restore_version(const Call& call) {
  const auto collection = call.host().get_writable(call.name());
  const auto restored =
      collection ? (*collection)->restore_version(call.value("version")) : std::unexpected(collection.error());
  const auto json = restored ? status_of(call.name(), **collection) : std::unexpected(restored.error());
  return json ? Result<HttpResponse>(json_response(*json)) : std::unexpected(json.error());
}

Route on_pool(CollectionService& service, WorkerPool& pool, Method method, std::string_view path, Scope scope,
              Handler handler, RouteDoc doc) {
  return route_on_pool(
      pool, method, path, scope,
      [&service, handler](HttpRequest& request, std::string_view pattern) {
        return service.host->without_folder(handler({.service = service, .request = request, .pattern = pattern}));
      },
      std::move(doc));
}

AnswerDoc json_answer(int status, std::string_view description, std::string_view schema) {
  return {.status = status, .description = description, .contents = {{"application/json", schema}}};
}

// What documents of routes below one collection share; `errors` beside those that each has.
RouteDoc collection_doc(std::string_view summary, AnswerDoc answer, std::vector<int> errors = {}) {
  errors.insert(errors.end(), {404, 422, 429, 500});
  return {.tag = "Collections",
          .summary = summary,
          .parameters = {"CollectionName"},
          .answers = {std::move(answer)},
          .errors = std::move(errors)};
}

RouteDoc list_collections_doc() {
  return {.tag = "Collections",
          .summary = "All collections with their state",
          .description = "One that cannot be opened stands there with its error.",
          .answers = {json_answer(200, "By name", "CollectionList")},
          .errors = {429, 500}};
}

RouteDoc create_collection_doc() {
  return {.tag = "Collections",
          .summary = "A new collection",
          .description = "With a model, whose vectors it keeps, or with `dim` for vectors of your own.",
          .bodies = {{"application/json", "CollectionCreateRequest"}},
          .answers = {json_answer(201, "Its state", "CollectionStatus")},
          .errors = {404, 409, 422, 429, 500, 507}};
}

RouteDoc add_items_doc() {
  RouteDoc doc = collection_doc("Add items, or replace those of the same id",
                                {.status = 200,
                                 .description = "All were added; of a file lines of progress and a summary, which "
                                                "counts the rows that failed",
                                 .contents = {{"application/json", "AddReport"}, {"application/x-ndjson", "AddLines"}}},
                                {424, 507});
  doc.description =
      "A JSON list of items is answered at once: 422 where all failed. A file of rows, a form of pictures, an archive "
      "or one picture is answered line by line while it is added: each window is durable before its line is sent. "
      "All but one picture is added while it arrives, and may be larger than any limit of bodies. What is there "
      "already "
      "is not embedded again.";
  doc.parameters.insert(doc.parameters.end(),
                        {"UploadColumn", "UploadIdColumn", "UploadMetadata", "UploadSource", "UploadPictureId"});
  doc.bodies = {{"application/json", "AddRequest"},
                {"application/x-ndjson", "Rows"},
                {"text/csv", "Rows"},
                {"text/tab-separated-values", "Rows"},
                {"text/plain", "Rows"},
                {"multipart/form-data", "ItemForm"},
                {"application/x-tar", "Archive"},
                {"image/jpeg", "Picture"},
                {"image/png", "Picture"},
                {"image/webp", "Picture"}};
  doc.answers.push_back(json_answer(207, "Some items of the list failed; the others were added", "AddReport"));
  return doc;
}

RouteDoc search_doc() {
  RouteDoc doc = collection_doc("What is nearest", json_answer(200, "The best first", "SearchResponse"), {424});
  doc.description =
      "With texts, pictures, ids or a vector, with what the answer shall be like and unlike, with keywords, or with "
      "both. A picture may be the body itself: all else stands in the query then, and only then.";
  doc.parameters.insert(doc.parameters.end(), {"SearchCount", "SearchFilter", "SearchGroupBy", "SearchGroupSize",
                                               "SearchDiversity", "SearchScoreLimit", "SearchExact", "SearchExpansion",
                                               "SearchExplain", "QueryVersion", "QueryInclude"});
  doc.bodies = {{"application/json", "SearchRequest"},
                {"image/jpeg", "Picture"},
                {"image/png", "Picture"},
                {"image/webp", "Picture"}};
  return doc;
}

RouteDoc search_batch_doc() {
  RouteDoc doc = collection_doc("Many searches at once",
                                json_answer(200, "An answer each, in their order", "SearchBatchResponse"), {424});
  doc.description = "On all threads. One that can not be answered fails them all, by its number.";
  doc.bodies = {{"application/json", "SearchBatchRequest"}};
  return doc;
}

RouteDoc get_item_doc() {
  RouteDoc doc = collection_doc("One item", json_answer(200, "What was asked for of it", "Item"));
  doc.parameters.insert(doc.parameters.end(), {"ItemId", "QueryInclude", "QueryVersion"});
  return doc;
}

RouteDoc delete_item_doc() {
  RouteDoc doc = collection_doc("Delete one item", json_answer(200, "It was deleted", "ItemDeleted"));
  doc.parameters.emplace_back("ItemId");
  return doc;
}

RouteDoc get_items_doc() {
  RouteDoc doc = collection_doc("Items by id", json_answer(200, "In the order of the ids", "ItemList"));
  doc.parameters.emplace_back("QueryVersion");
  doc.bodies = {{"application/json", "GetItemsRequest"}};
  return doc;
}

RouteDoc delete_items_doc() {
  RouteDoc doc = collection_doc("Delete items by id or filter",
                                json_answer(200, "How many there were, and how many are gone", "ItemsDeleted"));
  doc.bodies = {{"application/json", "DeleteItemsRequest"}};
  return doc;
}

RouteDoc create_version_doc() {
  RouteDoc doc = collection_doc("Name the present state", json_answer(201, "It", "CollectionVersion"), {409});
  doc.description = "It can be searched and gone back to.";
  doc.bodies = {{"application/json", "VersionCreateRequest"}};
  return doc;
}

RouteDoc drop_version_doc() {
  RouteDoc doc = collection_doc("Forget a version", json_answer(200, "Its name", "Dropped"));
  doc.parameters.emplace_back("VersionName");
  return doc;
}

RouteDoc restore_version_doc() {
  RouteDoc doc = collection_doc("Make a version's items the present ones",
                                json_answer(200, "The collection's state", "CollectionStatus"));
  doc.description = "The version stays.";
  doc.parameters.emplace_back("VersionName");
  return doc;
}

}  // namespace

HttpResponse json_response(const Json& json, int status) {
  HttpResponse out;
  out.status = status;
  out.body = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return out;
}

void answer_from(WorkerPool& pool, Dialect dialect, const std::shared_ptr<Exchange>& exchange,
                 std::function<Result<HttpResponse>()> work) {
  const auto deadline = request_deadline(exchange->request());
  if (!deadline) {
    return exchange->respond(error_response(dialect, deadline.error()));
  }
  const auto posted = pool.post([exchange, dialect, deadline = *deadline, work = std::move(work)] {
    if (exchange->client_has_gone()) {
      return;
    }
    if (deadline && std::chrono::steady_clock::now() > *deadline) {
      return exchange->respond(
          error_response(dialect, Error{ErrorCode::kTimeout, "the request's time was over before its turn came", {}}));
    }
    auto response = work();
    exchange->respond(response ? *std::move(response) : error_response(dialect, response.error()));
  });
  if (!posted) {
    exchange->respond(error_response(dialect, posted.error()));
  }
}

Route route_on_pool(WorkerPool& pool, Method method, std::string_view path, Scope scope, PoolHandler handler,
                    RouteDoc doc) {
  return {method,
          path,
          Dialect::kAsterism,
          scope,
          [&pool, handler = std::move(handler)](const RouteContext&, const Route& route,
                                                const std::shared_ptr<Exchange>& exchange) {
            answer_from(pool, route.dialect, exchange,
                        [exchange, pattern = route.path, handler] { return handler(exchange->request(), pattern); });
          },
          std::move(doc)};
}

std::vector<Route> collection_routes(CollectionService& service) {
  const auto read = [&](Method method, std::string_view path, Handler handler, RouteDoc doc) {
    return on_pool(service, service.reads, method, path, Scope::kRead, handler, std::move(doc));
  };
  const auto write = [&](Method method, std::string_view path, Scope scope, Handler handler, RouteDoc doc) {
    return on_pool(service, service.writes, method, path, scope, handler, std::move(doc));
  };
  std::vector<Route> routes;
  routes.push_back(read(Method::kGet, "/v1/collections", list_collections, list_collections_doc()));
  routes.push_back(write(Method::kPost, "/v1/collections", Scope::kAdmin, create_collection, create_collection_doc()));
  routes.push_back(read(Method::kGet, "/v1/collections/{name}", show_collection,
                        collection_doc("State of a collection", json_answer(200, "It", "CollectionStatus"))));
  routes.push_back(write(Method::kDelete, "/v1/collections/{name}", Scope::kAdmin, drop_collection,
                         collection_doc("Remove a collection", json_answer(200, "Its name", "Dropped"))));
  routes.push_back({Method::kPost, "/v1/collections/{name}/items", Dialect::kAsterism, Scope::kWrite,
                    [&service](const RouteContext&, const Route& route, const std::shared_ptr<Exchange>& exchange) {
                      add_items(service, route.dialect,
                                path_value(route.path, exchange->request().path_as_sent, "name"), exchange);
                    },
                    add_items_doc(), streams_items});
  routes.push_back(read(Method::kPost, "/v1/collections/{name}/items/get", get_items, get_items_doc()));
  routes.push_back(
      write(Method::kPost, "/v1/collections/{name}/items/delete", Scope::kWrite, delete_items, delete_items_doc()));
  routes.push_back(read(Method::kGet, "/v1/collections/{name}/items/{id}", get_item, get_item_doc()));
  routes.push_back(
      write(Method::kDelete, "/v1/collections/{name}/items/{id}", Scope::kWrite, delete_item, delete_item_doc()));
  routes.push_back(read(Method::kPost, "/v1/collections/{name}/search", search, search_doc()));
  routes.push_back(read(Method::kPost, "/v1/collections/{name}/search/batch", search_batch, search_batch_doc()));
  routes.push_back(read(Method::kGet, "/v1/collections/{name}/versions", list_versions,
                        collection_doc("Named versions", json_answer(200, "The oldest first", "VersionList"))));
  routes.push_back(
      write(Method::kPost, "/v1/collections/{name}/versions", Scope::kAdmin, create_version, create_version_doc()));
  routes.push_back(write(Method::kDelete, "/v1/collections/{name}/versions/{version}", Scope::kAdmin, drop_version,
                         drop_version_doc()));
  routes.push_back(write(Method::kPost, "/v1/collections/{name}/versions/{version}/restore", Scope::kAdmin,
                         restore_version, restore_version_doc()));
  return routes;
}

}  // namespace asterism::server
