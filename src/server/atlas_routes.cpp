#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/crc32c.hpp"
#include "server/atlas_requests.hpp"
#include "server/atlas_route_docs.hpp"
#include "server/body_stream.hpp"
#include "server/collection_service.hpp"
#include "service/atlas_page.hpp"
#include "service/atlas_tables.hpp"
#include "service/collection_model.hpp"

namespace asterism::server {
namespace {

constexpr std::uint64_t kNeighborCount = 15;
constexpr std::int64_t kThumbnailEdge = 64;
constexpr std::int64_t kSpriteEdge = 32;

using Clock = std::chrono::steady_clock;

// What a handler below is given; the request stays until it returns.
struct Call {
  CollectionService& service;
  const HttpRequest& request;
  std::string_view pattern;

  std::string value(std::string_view name) const { return path_value(pattern, request.path_as_sent, name); }
  std::string query(std::string_view name) const { return query_value(request.query, name); }
  std::string name() const { return value("name"); }
  AtlasHost& atlases() const { return service.atlases; }
};
// The collection and its atlas at the snapshot that a client has.
struct Opened {
  std::shared_ptr<service::Atlas> atlas;
  std::shared_ptr<Collection> collection;

  const service::AtlasSnapshot& snapshot() const { return atlas->snapshot(); }
};
using Handler = Result<HttpResponse> (*)(const Call&, const Opened&);

HttpResponse working_response(const AtlasWork& work) {
  HttpResponse out =
      json_response({{"state", "computing"}, {"stage", work.stage}, {"done", work.done}, {"total", work.total}}, 202);
  out.headers.push_back({"retry-after", "1"});
  return out;
}

// Bytes that stay the same for one snapshot and map: a client that has them already is told so.
HttpResponse tagged_response(const Call& call, std::string body) {
  const std::string tag = fmt::format("\"{:08x}-{}\"", crc32c(std::as_bytes(std::span(body))), body.size());
  HttpResponse out;
  out.headers = {{"etag", tag}, {"cache-control", "private, no-cache"}};
  if (call.request.header("if-none-match") == tag) {
    out.status = 304;
    return out;
  }
  out.content_type = "application/octet-stream";
  out.body = std::move(body);
  return out;
}

HttpResponse picture_response(const service::AtlasPictures::Picture& picture) {
  HttpResponse out;
  out.content_type = "image/jpeg";
  out.headers = {{"cache-control", "private, max-age=3600"}, {"x-content-type-options", "nosniff"}};
  out.body = *picture;
  return out;
}

service::ManifestFacts manifest_facts(const Collection& collection, std::vector<CollectionVersion> versions,
                                      bool stale) {
  std::ranges::stable_sort(versions, {}, &CollectionVersion::number);
  std::vector<std::string> names;
  std::ranges::transform(versions, std::back_inserter(names), &CollectionVersion::name);
  const auto inputs = service::model_inputs(collection.settings().model, {});
  return {.stale = stale,
          .writable = true,
          .searches_text = inputs && inputs->takes_texts,
          .searches_images = inputs && inputs->takes_images,
          .versions = std::move(names)};
}

// A named version does not change: one that is not held any more is read again, and is the snapshot that it was.
Result<std::variant<Opened, AtlasWork>> reopened(const Call& call, const std::string& version,
                                                 std::string_view snapshot) {
  auto current = call.atlases().current(call.name(), version);
  if (!current) {
    return std::unexpected(std::move(current.error()));
  }
  if (const auto* work = std::get_if<AtlasWork>(&*current)) {
    return *work;
  }
  auto atlas = std::get<std::shared_ptr<service::Atlas>>(*std::move(current));
  if (atlas->snapshot().name != snapshot) {
    return fail(ErrorCode::kMismatch,
                fmt::format("collection \"{}\": version \"{}\" is not what it was in the snapshot \"{}\"", call.name(),
                            version, snapshot),
                "open the atlas anew");
  }
  auto collection = call.service.host->get_version(call.name(), version);
  if (!collection) {
    return std::unexpected(std::move(collection.error()));
  }
  return Opened{.atlas = std::move(atlas), .collection = *std::move(collection)};
}

// A snapshot that the server holds; without one what the collection is now.
Result<std::variant<Opened, AtlasWork>> open(const Call& call) {
  const std::string snapshot = call.query("snapshot");
  std::shared_ptr<service::Atlas> atlas;
  std::string version = call.query("version");
  if (!snapshot.empty()) {
    auto held = call.atlases().held(call.name(), snapshot);
    if (!held && !version.empty()) {
      return reopened(call, version, snapshot);
    }
    if (!held) {
      return std::unexpected(std::move(held.error()));
    }
    atlas = *std::move(held);
    version = atlas->snapshot().version;
  } else {
    auto current = call.atlases().current(call.name(), version);
    if (!current) {
      return std::unexpected(std::move(current.error()));
    }
    if (const auto* work = std::get_if<AtlasWork>(&*current)) {
      return *work;
    }
    atlas = std::get<std::shared_ptr<service::Atlas>>(*std::move(current));
  }
  auto collection = call.service.host->get_version(call.name(), version);
  if (!collection) {
    return std::unexpected(std::move(collection.error()));
  }
  return Opened{.atlas = std::move(atlas), .collection = *std::move(collection)};
}

Result<HttpResponse> manifest(const Call& /*call*/, const Opened& opened) {
  auto status = opened.collection->status();
  if (!status) {
    return std::unexpected(std::move(status.error()));
  }
  const bool stale = status->version_number != opened.snapshot().version_number;
  HttpResponse out = json_response(
      service::atlas_manifest(*opened.atlas, manifest_facts(*opened.collection, std::move(status->versions), stale)));
  out.headers.push_back({"cache-control", "private, no-store"});
  return out;
}

Result<HttpResponse> points(const Call& call, const Opened& opened) {
  const auto map = opened.atlas->map(call.value("projection"));
  return map ? Result<HttpResponse>(tagged_response(call, service::array_bytes((*map)->points)))
             : std::unexpected(map.error());
}

Result<HttpResponse> column(const Call& call, const Opened& opened) {
  const std::string name = call.value("column");
  const service::AtlasColumn* found = opened.snapshot().column(name);
  if (found == nullptr) {
    return fail(ErrorCode::kNotFound, fmt::format("column: there is no \"{}\"", name), "the manifest lists them");
  }
  auto bytes = service::column_bytes(*found);
  return bytes ? Result<HttpResponse>(tagged_response(call, *std::move(bytes)))
               : std::unexpected(std::move(bytes.error()));
}

Result<HttpResponse> distortion(const Call& call, const Opened& opened) {
  const auto answer = call.atlases().distortion(opened.atlas, call.value("projection"));
  if (!answer) {
    return std::unexpected(answer.error());
  }
  if (const auto* work = std::get_if<AtlasWork>(&*answer)) {
    return working_response(*work);
  }
  return tagged_response(
      call, service::array_bytes(std::get<std::shared_ptr<const service::MapDistortion>>(*answer)->values));
}

Result<HttpResponse> labels(const Call& call, const Opened& opened) {
  const auto answer = call.atlases().labels(opened.atlas, call.value("projection"));
  if (!answer) {
    return std::unexpected(answer.error());
  }
  if (const auto* work = std::get_if<AtlasWork>(&*answer)) {
    return working_response(*work);
  }
  return json_response(*std::get<std::shared_ptr<const Json>>(*answer));
}

Result<HttpResponse> ids(const Call& call, const Opened& opened) {
  auto bytes = service::id_bytes(opened.snapshot().ids);
  return bytes ? Result<HttpResponse>(tagged_response(call, *std::move(bytes)))
               : std::unexpected(std::move(bytes.error()));
}

Result<HttpResponse> items(const Call& call, const Opened& opened) {
  const auto rows = rows_in_query(call.request.query, opened.snapshot().row_count());
  const auto found =
      rows ? service::atlas_items(*opened.collection, opened.snapshot(), *rows) : std::unexpected(rows.error());
  return found ? Result<HttpResponse>(json_response(*found)) : std::unexpected(found.error());
}

Result<HttpResponse> find(const Call& call, const Opened& opened) {
  const auto asked = read_find(call.request.body);
  const auto rows = asked ? service::find_rows(*opened.collection, opened.snapshot(), asked->contains, asked->limit)
                          : std::unexpected(asked.error());
  return rows ? Result<HttpResponse>(json_response({{"rows", *rows}})) : std::unexpected(rows.error());
}

// A picture that is broken is not there to be shown: 404, with why.
Result<HttpResponse> picture_answer(Result<service::AtlasPictures::Picture> picture) {
  if (picture) {
    return picture_response(*picture);
  }
  if (picture.error().code != ErrorCode::kInvalidArgument) {
    picture.error().code = ErrorCode::kNotFound;
  }
  return std::unexpected(std::move(picture.error()));
}

Result<HttpResponse> thumbnail(const Call& call, const Opened& opened) {
  const auto row = count_in_path(call.value("row"), "row");
  const auto edge = row ? count_in_query(call.request.query, "size", kThumbnailEdge) : row;
  if (!edge) {
    return std::unexpected(edge.error());
  }
  return picture_answer(call.atlases().pictures().thumbnail(
      *opened.collection, opened.snapshot(), static_cast<std::uint32_t>(std::min<std::uint64_t>(*row, 0xFFFF'FFFF)),
      static_cast<std::int64_t>(std::min<std::uint64_t>(*edge, 1U << 20U))));
}

Result<HttpResponse> sprite(const Call& call, const Opened& opened) {
  const auto index = count_in_path(call.value("index"), "sprite");
  const auto edge = index ? count_in_query(call.request.query, "size", kSpriteEdge) : index;
  if (!edge) {
    return std::unexpected(edge.error());
  }
  return picture_answer(
      call.atlases().pictures().sprite(*opened.collection, opened.snapshot(), *index,
                                       static_cast<std::int64_t>(std::min<std::uint64_t>(*edge, 1U << 20U))));
}

Result<HttpResponse> neighbors(const Call& call, const Opened& opened) {
  constexpr std::uint64_t kNoRow = ~std::uint64_t{0};
  const auto row = count_in_query(call.request.query, "row", kNoRow);
  const auto k = row ? count_in_query(call.request.query, "k", kNeighborCount) : row;
  if (!k) {
    return std::unexpected(k.error());
  }
  if (*row >= opened.snapshot().row_count()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("?row: expected a row from 0 to {}, found {}", opened.snapshot().row_count() - 1,
                            *row == kNoRow ? "none" : std::to_string(*row)));
  }
  std::shared_ptr<const service::AtlasMap> map;
  if (const std::string projection = call.query("projection"); !projection.empty()) {
    auto found = opened.atlas->map(projection);
    if (!found) {
      return std::unexpected(std::move(found.error()));
    }
    map = *std::move(found);
  }
  const auto near =
      service::map_neighbors(*opened.collection, opened.snapshot(), map.get(), static_cast<std::uint32_t>(*row), *k);
  return near ? Result<HttpResponse>(
                    json_response(service::neighbors_json(static_cast<std::uint32_t>(*row), *near, map != nullptr)))
              : std::unexpected(near.error());
}

Result<HttpResponse> search(const Call& call, const Opened& opened) {
  const auto start = Clock::now();
  const auto asked = read_atlas_search(call.request.body);
  const auto rows = asked ? service::atlas_search(*opened.collection, opened.snapshot(), asked->query, asked->k)
                          : std::unexpected(asked.error());
  if (!rows) {
    return std::unexpected(rows.error());
  }
  const std::chrono::duration<double, std::milli> took = Clock::now() - start;
  return json_response(service::results_json(*rows, took.count()));
}

Result<HttpResponse> copy(const Call& call, const Opened& opened) {
  const auto asked = read_copy(call.request.body, opened.snapshot().row_count());
  if (!asked) {
    return std::unexpected(asked.error());
  }
  const auto created = call.service.host->create(asked->name, opened.collection->settings());
  if (!created && created.error().code == ErrorCode::kMismatch) {
    return error_response(Dialect::kAsterism, 409, created.error().message, created.error().hint);
  }
  if (!created) {
    return std::unexpected(created.error());
  }
  const auto count = service::copy_rows(*opened.collection, opened.snapshot(), asked->rows, **created);
  if (!count) {
    return std::unexpected(count.error());
  }
  return json_response({{"name", asked->name}, {"count", *count}}, 201);
}

// A table that is sent while it is made, with what it is made of.
struct SentTable {
  Opened opened;
  std::shared_ptr<const service::AtlasMap> map;
  std::unique_ptr<service::AtlasTable> table;
};

// The next piece when the client has taken the one before; the connection holds the stream.
void send_next(WorkerPool& pool, const std::shared_ptr<BodyStream>& stream, const std::shared_ptr<SentTable>& sent) {
  const auto piece = sent->table->next();
  if (!piece) {
    stream->break_off();
  } else if (!*piece) {
    stream->end();
  } else if (stream->write(**piece)) {
    stream->on_room([&pool, weak = std::weak_ptr(stream), sent] {
      if (auto held = weak.lock()) {
        pool.post_rest([&pool, held = std::move(held), sent] { send_next(pool, held, sent); });
      }
    });
  }
}

Result<HttpResponse> table_response(const Call& call, const Opened& opened, AskedExport asked) {
  const auto sent = std::make_shared<SentTable>(SentTable{.opened = opened, .map = nullptr, .table = nullptr});
  if (!asked.projection.empty()) {
    auto found = opened.atlas->map(asked.projection);
    if (!found) {
      return std::unexpected(std::move(found.error()));
    }
    sent->map = *std::move(found);
  }
  const auto& snapshot = opened.snapshot();
  HttpResponse out;
  std::string_view ending = "zip";
  if (asked.format == service::AtlasTableFormat::kProjector) {
    out.content_type = "application/zip";
    auto archive = service::projector_archive(*opened.collection, snapshot, asked.rows);
    if (!archive) {
      return std::unexpected(std::move(archive.error()));
    }
    out.body = *std::move(archive);
  } else {
    const bool csv = asked.format == service::AtlasTableFormat::kCsv;
    ending = csv ? "csv" : "parquet";
    out.content_type = csv ? "text/csv; charset=utf-8" : "application/vnd.apache.parquet";
    auto table =
        service::AtlasTable::open(*opened.collection, snapshot, sent->map.get(), std::move(asked.rows), asked.format);
    if (!table) {
      return std::unexpected(std::move(table.error()));
    }
    sent->table = *std::move(table);
    // What fails at once is said in words; later the connection breaks off.
    const auto first = sent->table->next();
    if (!first) {
      return std::unexpected(first.error());
    }
    out.stream = std::make_shared<BodyStream>();
    out.stream->write(first->value_or(std::string()));
    WorkerPool& pool = call.service.reads;
    pool.post_rest([&pool, stream = out.stream, sent] { send_next(pool, stream, sent); });
  }
  out.headers.push_back(
      {"content-disposition", fmt::format("attachment; filename=\"{}.{}\"", snapshot.collection, ending)});
  return out;
}

Result<HttpResponse> export_all(const Call& call, const Opened& opened) {
  auto asked = read_export(call.request.query, opened.snapshot().row_count());
  return asked ? table_response(call, opened, *std::move(asked)) : std::unexpected(std::move(asked.error()));
}

Result<HttpResponse> export_rows(const Call& call, const Opened& opened) {
  auto asked = read_export_body(call.request.body, opened.snapshot().row_count());
  return asked ? table_response(call, opened, *std::move(asked)) : std::unexpected(std::move(asked.error()));
}

// Of the collection, not of a snapshot: named versions one after the other.
Result<HttpResponse> lay_out_series(const Call& call) {
  auto asked = read_series(call.request.body);
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  const auto answer = call.atlases().series(call.name(), *std::move(asked));
  if (!answer) {
    return std::unexpected(answer.error());
  }
  if (const auto* work = std::get_if<AtlasWork>(&*answer)) {
    return working_response(*work);
  }
  return json_response(service::series_json(*std::get<std::shared_ptr<const SeriesSteps>>(*answer)));
}

// The page runs scripts of its own and no others, and asks this server alone.
HttpResponse page_response(const Json& data) {
  auto page = service::atlas_page(data);
  if (!page) {
    return error_response(Dialect::kAsterism, 404, "this program was built without the page of the atlas",
                          "its data is under /v1/collections/NAME/atlas");
  }
  HttpResponse out;
  out.content_type = "text/html; charset=utf-8";
  out.headers = {{"content-security-policy",
                  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data: "
                  "blob:; connect-src 'self' blob: data:; worker-src blob:; base-uri 'none'; form-action 'none'; "
                  "frame-ancestors 'none'"},
                 {"x-content-type-options", "nosniff"},
                 {"referrer-policy", "no-referrer"},
                 {"cache-control", "no-cache"}};
  out.body = *std::move(page);
  return out;
}

void show_list(const RouteContext& /*context*/, const Route& /*route*/, const std::shared_ptr<Exchange>& exchange) {
  exchange->respond(page_response({{"mode", "list"}, {"base", "/v1/collections"}}));
}

void show_atlas(const RouteContext& /*context*/, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  const std::string name = path_value(route.path, exchange->request().path_as_sent, "name");
  if (const auto checked = check_collection_name(name); !checked) {
    exchange->respond(error_response(route.dialect, checked.error()));
    return;
  }
  exchange->respond(page_response({{"mode", "server"}, {"base", fmt::format("/v1/collections/{}/atlas", name)}}));
}

Result<HttpResponse> answer(const Call& call, Handler handler) {
  auto opened = open(call);
  if (!opened) {
    // The client has a snapshot that this server can not answer for any more.
    if (opened.error().code == ErrorCode::kMismatch) {
      return error_response(Dialect::kAsterism, 409, opened.error().message, opened.error().hint);
    }
    return std::unexpected(std::move(opened.error()));
  }
  if (const auto* work = std::get_if<AtlasWork>(&*opened)) {
    return working_response(*work);
  }
  return handler(call, std::get<Opened>(*opened));
}

Route on_pool(CollectionService& service, WorkerPool& pool, Method method, std::string_view path, Scope scope,
              Handler handler, RouteDoc doc) {
  return route_on_pool(
      pool, method, path, scope,
      [&service, handler](HttpRequest& request, std::string_view pattern) {
        return service.host->without_folder(
            answer({.service = service, .request = request, .pattern = pattern}, handler));
      },
      std::move(doc));
}

}  // namespace

std::vector<Route> atlas_routes(CollectionService& service) {
  const auto read = [&](Method method, std::string_view path, Handler handler, RouteDoc doc) {
    return on_pool(service, service.reads, method, path, Scope::kRead, handler, std::move(doc));
  };
  std::vector<Route> routes;
  routes.push_back(read(Method::kGet, "/v1/collections/{name}/atlas", manifest, atlas_docs::manifest()));
  routes.push_back(
      read(Method::kGet, "/v1/collections/{name}/atlas/points/{projection}", points, atlas_docs::points()));
  routes.push_back(read(Method::kGet, "/v1/collections/{name}/atlas/columns/{column}", column, atlas_docs::column()));
  routes.push_back(
      read(Method::kGet, "/v1/collections/{name}/atlas/distortion/{projection}", distortion, atlas_docs::distortion()));
  routes.push_back(
      read(Method::kGet, "/v1/collections/{name}/atlas/labels/{projection}", labels, atlas_docs::labels()));
  routes.push_back(read(Method::kGet, "/v1/collections/{name}/atlas/ids", ids, atlas_docs::ids()));
  routes.push_back(read(Method::kGet, "/v1/collections/{name}/atlas/items", items, atlas_docs::items()));
  routes.push_back(read(Method::kPost, "/v1/collections/{name}/atlas/find", find, atlas_docs::find()));
  routes.push_back(
      read(Method::kGet, "/v1/collections/{name}/atlas/thumbnails/{row}", thumbnail, atlas_docs::thumbnail()));
  routes.push_back(read(Method::kGet, "/v1/collections/{name}/atlas/sprites/{index}", sprite, atlas_docs::sprite()));
  routes.push_back(read(Method::kGet, "/v1/collections/{name}/atlas/neighbors", neighbors, atlas_docs::neighbors()));
  routes.push_back(read(Method::kPost, "/v1/collections/{name}/atlas/search", search, atlas_docs::search()));
  routes.push_back(on_pool(service, service.writes, Method::kPost, "/v1/collections/{name}/atlas/collections",
                           Scope::kWrite, copy, atlas_docs::copy()));
  routes.push_back(route_on_pool(
      service.writes, Method::kPost, "/v1/collections/{name}/atlas/series", Scope::kWrite,
      [&service](HttpRequest& request, std::string_view pattern) {
        return service.host->without_folder(
            lay_out_series({.service = service, .request = request, .pattern = pattern}));
      },
      atlas_docs::series()));
  routes.push_back(read(Method::kGet, "/v1/collections/{name}/atlas/export", export_all, atlas_docs::export_all()));
  routes.push_back(read(Method::kPost, "/v1/collections/{name}/atlas/export", export_rows, atlas_docs::export_rows()));
  // The page asks for a key itself where the server wants one.
  routes.push_back({Method::kGet, "/atlas", Dialect::kAsterism, Scope::kOpen, show_list, atlas_docs::page()});
  RouteDoc doc = atlas_docs::page();
  doc.parameters = {"CollectionName"};
  routes.push_back({Method::kGet, "/atlas/{name}", Dialect::kAsterism, Scope::kOpen, show_atlas, std::move(doc)});
  return routes;
}

}  // namespace asterism::server
