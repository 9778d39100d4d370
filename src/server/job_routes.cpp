#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/json.hpp"
#include "server/body_stream.hpp"
#include "server/collection_service.hpp"
#include "server/embed_jobs.hpp"
#include "server/job_service.hpp"
#include "server/json_body.hpp"
#include "server/upload_stream.hpp"

namespace asterism::server {
namespace {

// Jobs of one collection, by their names in paths and as kinds.
constexpr std::array<std::string_view, 5> kCollectionKinds{"compact", "verify", "index", "tune", "duplicates"};
// Pairs of duplicates that a job's state holds; all are counted.
constexpr std::size_t kPairCountMax = 10'000;
constexpr std::string_view kEmbedKind = "embed";

HttpResponse conflict(const Error& error) {
  return error_response(Dialect::kAsterism, 409, error.message, error.hint);
}

LongWork work_of(const JobRun& run) {
  return {.progress = [&run](const Progress& now) { run.progress(now.done, now.total, now.stage, 0); },
          .cancel = &run.cancel};
}

Result<Json> compact(Collection& collection, const JobRun& run) {
  const auto before = collection.status();
  const auto compacted = before ? collection.compact(work_of(run)) : std::unexpected(before.error());
  const auto after = compacted ? collection.status() : std::unexpected(compacted.error());
  if (!after) {
    return std::unexpected(after.error());
  }
  return Json{{"size_before_bytes", before->size_bytes}, {"size_bytes", after->size_bytes}};
}

Result<Json> verify(Collection& collection, const JobRun& run) {
  const auto report = collection.verify(work_of(run));
  if (!report) {
    return std::unexpected(report.error());
  }
  return Json{{"items", report->item_count}, {"problems", report->problems}};
}

Result<Json> build_index(Collection& collection, const JobRun& run) {
  const auto built = collection.build_index(work_of(run));
  const auto status = built ? collection.status() : std::unexpected(built.error());
  return status ? Result<Json>(Json{{"index", status->index}}) : std::unexpected(status.error());
}

Result<Json> tune(Collection& collection, const JobRun& run) {
  CollectionTuneOptions options;
  if (const auto read = read_field(run.parameters, "recall", options.recall); !read) {
    return std::unexpected(read.error());
  }
  const auto tuned = collection.tune(options, work_of(run));
  if (!tuned) {
    return std::unexpected(tuned.error());
  }
  return Json{{"recall", tuned->chosen.recall}, {"expansion", tuned->chosen.expansion}, {"k", tuned->chosen.k}};
}

Result<Json> duplicates(Collection& collection, const JobRun& run) {
  const auto limit = find_field<double>(run.parameters, "score_limit");
  if (!limit) {
    return std::unexpected(limit.error());
  }
  const auto score_limit = *limit ? std::optional(static_cast<float>(**limit)) : std::nullopt;
  const auto pairs = collection.duplicates(score_limit, work_of(run));
  if (!pairs) {
    return std::unexpected(pairs.error());
  }
  Json list = Json::array();
  for (const DuplicatePair& pair : std::span(*pairs).first(std::min(pairs->size(), kPairCountMax))) {
    list.push_back({{"id", pair.id},
                    {"duplicate_id", pair.duplicate_id},
                    {"score", json_number(pair.score)},
                    {"equal_content", pair.equal_content}});
  }
  return Json{{"pair_count", pairs->size()}, {"pairs", std::move(list)}};
}

JobFunction collection_function(CollectionHost& host, Result<Json> (*work)(Collection&, const JobRun&)) {
  return [&host, work](const JobRun& run) -> Result<Json> {
    const auto name = json_get<std::string>(run.parameters, "collection", "job");
    const auto collection = name ? host.get_writable(*name) : std::unexpected(name.error());
    return collection ? host.without_folder(work(**collection, run)) : std::unexpected(collection.error());
  };
}

struct Call {
  JobService& service;
  const HttpRequest& request;
  std::string_view pattern;
  const CancelFlag& cancel;

  JobBoard& board() const { return *service.board; }
  std::string value(std::string_view name) const { return path_value(pattern, request.path_as_sent, name); }
};
using Handler = Result<HttpResponse> (*)(const Call&);

Result<HttpResponse> accepted(Result<JobStatus> status) {
  return status ? Result<HttpResponse>(json_response(job_json(*status), 202)) : std::unexpected(status.error());
}

Result<HttpResponse> submit_embed(const Call& call) {
  auto asked = read_embed_job(call.request, call.cancel, call.service.embedder);
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  return accepted(
      call.board().submit(kEmbedKind, asked->parameters, [&](const std::filesystem::path& folder, Json& parameters) {
        return keep_embed_input(*asked->input, folder, call.cancel, parameters);
      }));
}

// A number that jobs of one kind alone take.
struct JobOption {
  std::string_view kind;        // of the job that is asked for
  std::string_view taken_kind;  // of the jobs that take it
  std::string_view name;
};
Result<void> read_job_option(const Json& body, const JobOption& option, Json& parameters) {
  if (option.kind != option.taken_kind) {
    return !body.contains(option.name)
               ? Result<void>{}
               : fail(ErrorCode::kInvalidArgument,
                      fmt::format("request body: \"{}\": expected for \"{}\" alone, found for \"{}\"", option.name,
                                  option.taken_kind, option.kind));
  }
  const auto value = find_field<double>(body, option.name);
  if (!value) {
    return std::unexpected(value.error());
  }
  if (*value) {
    parameters[std::string(option.name)] = **value;
  }
  return {};
}

Result<HttpResponse> submit_for_collection(const Call& call, std::string_view kind, const std::string& name,
                                           const Json& body) {
  if (call.service.collections == nullptr) {
    return fail(ErrorCode::kNotFound, "this server has no collections");
  }
  if (const auto there = call.service.collections->get(name); !there) {
    return std::unexpected(there.error());
  }
  Json parameters{{"collection", name}};
  if (auto read = read_job_option(body, {kind, "tune", "recall"}, parameters); !read) {
    return std::unexpected(std::move(read.error()));
  }
  if (auto read = read_job_option(body, {kind, "duplicates", "score_limit"}, parameters); !read) {
    return std::unexpected(std::move(read.error()));
  }
  if (!(std::abs(parameters.value("score_limit", 0.0)) <= double{std::numeric_limits<float>::max()})) {
    return fail(ErrorCode::kInvalidArgument, "request body: \"score_limit\": expected a finite float32 number");
  }
  const double recall = parameters.value("recall", 1.0);
  if (!(recall > 0.0 && recall <= 1.0)) {
    return fail(ErrorCode::kInvalidArgument, "request body: \"recall\": expected more than 0, at most 1");
  }
  return accepted(call.board().submit(kind, std::move(parameters)));
}

Result<HttpResponse> submit_job(const Call& call) {
  const std::string_view type = call.request.header("content-type");
  std::string kind = query_value(call.request.query, "kind");
  Json body = Json::object();
  if (type.empty() || type.starts_with("application/json")) {
    auto parsed = parse_body(call.request.body, {"kind", "model", "inputs", "prompt_name", "dimensions", "collection",
                                                 "recall", "score_limit"});
    if (!parsed) {
      return std::unexpected(std::move(parsed.error()));
    }
    body = *std::move(parsed);
    kind.clear();
    static constexpr std::array<std::string_view, 6> kOfFiles{"kind",       "model",  "prompt_name",
                                                              "dimensions", "column", "id_column"};
    if (const auto error =
            first_error(expect_not_in_query(call.request.query, kOfFiles), read_field(body, "kind", kind))) {
      return std::unexpected(*error);
    }
  } else if (kind.empty()) {
    kind = kEmbedKind;
  }
  if (kind == kEmbedKind) {
    return submit_embed(call);
  }
  if (std::ranges::find(kCollectionKinds, kind) == kCollectionKinds.end()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("\"kind\": expected embed, compact, verify, index, tune or duplicates, found \"{}\"", kind));
  }
  std::string name;
  if (const auto error =
          first_error(expect_fields(body, {"kind", "collection", "recall", "score_limit"}, "request body"),
                      read_field(body, "collection", name))) {
    return std::unexpected(*error);
  }
  return submit_for_collection(call, kind, name, body);
}

// POST /v1/collections/{name}/compact and its like: the last segment is the kind.
Result<HttpResponse> submit_collection_job(const Call& call) {
  const auto body = call.request.body.empty() ? Result<Json>(Json::object())
                                              : parse_body(call.request.body, {"recall", "score_limit"});
  if (!body) {
    return std::unexpected(body.error());
  }
  return submit_for_collection(call, call.pattern.substr(call.pattern.rfind('/') + 1), call.value("name"), *body);
}

Result<HttpResponse> list_jobs(const Call& call) {
  Json list = Json::array();
  for (const JobStatus& status : call.board().list()) {
    list.push_back(job_json(status));
  }
  return json_response({{"jobs", std::move(list)}});
}

Result<HttpResponse> show_job(const Call& call) {
  const auto status = call.board().status(call.value("id"));
  return status ? Result<HttpResponse>(json_response(job_json(*status))) : std::unexpected(status.error());
}

Result<HttpResponse> cancel_job(const Call& call) {
  const auto status = call.board().cancel_or_remove(call.value("id"));
  return status ? Result<HttpResponse>(json_response(job_json(*status))) : std::unexpected(status.error());
}

Result<HttpResponse> resume_job(const Call& call) {
  auto status = call.board().resume(call.value("id"));
  if (!status && status.error().code == ErrorCode::kInvalidArgument) {
    return conflict(status.error());
  }
  return accepted(std::move(status));
}

Result<HttpResponse> job_events(const Call& call) {
  auto stream = call.board().events(call.value("id"));
  if (!stream) {
    return std::unexpected(std::move(stream.error()));
  }
  return HttpResponse{.content_type = "application/x-ndjson", .stream = *std::move(stream)};
}

// The next piece when the client has taken the one before; the connection holds the stream.
void send_next(WorkerPool& pool, const std::shared_ptr<BodyStream>& stream, const std::shared_ptr<JobResult>& result) {
  const auto piece = result->next();
  if (!piece) {
    stream->break_off();
  } else if (!*piece) {
    stream->end();
  } else if (stream->write(**piece)) {
    stream->on_room([&pool, weak = std::weak_ptr(stream), result] {
      if (auto held = weak.lock()) {
        pool.post_rest([&pool, held = std::move(held), result] { send_next(pool, held, result); });
      }
    });
  }
}

Result<HttpResponse> job_result(const Call& call) {
  const auto folder = call.board().result_folder(call.value("id"));
  if (!folder) {
    return folder.error().code == ErrorCode::kInvalidArgument ? Result<HttpResponse>(conflict(folder.error()))
                                                              : std::unexpected(folder.error());
  }
  const bool npy = call.request.header("accept").find("application/x-npy") != std::string_view::npos;
  auto opened = JobResult::open(*folder, npy ? JobResult::Form::kNpy : JobResult::Form::kJsonl);
  if (!opened) {
    return std::unexpected(std::move(opened.error()));
  }
  const auto result = std::make_shared<JobResult>(*std::move(opened));
  auto stream = std::make_shared<BodyStream>();
  call.service.pool.post_rest([&pool = call.service.pool, stream, result] { send_next(pool, stream, result); });
  return HttpResponse{.content_type = npy ? "application/x-npy" : "application/x-ndjson", .stream = std::move(stream)};
}

Route job_route(JobService& service, Method method, std::string_view path, Scope scope, Handler handler, RouteDoc doc) {
  return route_on_pool(
      service.pool, method, path, scope,
      [&service, handler](HttpRequest& request, std::string_view pattern) {
        const CancelFlag never;
        return handler({.service = service, .request = request, .pattern = pattern, .cancel = never});
      },
      std::move(doc));
}

// A job's body is kept while it arrives, and the job is one when all of it has come.
void submit_arriving_job(JobService& service, const Route& route, const std::shared_ptr<Exchange>& exchange) {
  HttpRequest head = exchange->request();  // a copy: of the exchange's the connection may take hold at any time
  const auto posted = service.uploads.post([&service, pattern = route.path, dialect = route.dialect, exchange,
                                            head = std::move(head)](const std::shared_ptr<CancelFlag>& cancel) {
    exchange->on_client_gone([cancel] { cancel->request(); });
    auto response = submit_job({.service = service, .request = head, .pattern = pattern, .cancel = *cancel});
    exchange->respond(response ? *std::move(response) : error_response(dialect, response.error()));
    head.upload->close();
  });
  if (!posted) {
    exchange->respond(error_response(route.dialect, posted.error()));
  }
}

RouteDoc job_doc(std::string_view summary, int status, std::string_view description) {
  return {.tag = "Jobs",
          .summary = summary,
          .parameters = {"JobId"},
          .answers = {{.status = status, .description = description, .contents = {{"application/json", "Job"}}}},
          .errors = {404, 429, 500}};
}

RouteDoc list_jobs_doc() {
  return {.tag = "Jobs",
          .summary = "All jobs with their state",
          .answers = {{200, "The newest first", {{"application/json", "JobList"}}}},
          .errors = {429, 500}};
}

RouteDoc submit_job_doc() {
  return {.tag = "Jobs",
          .summary = "Begin a job",
          .description =
              "Of kind `embed`: texts as JSON, or a file of rows as the body and all else in the query. Of the other "
              "kinds: JSON with the collection's name. Jobs outlive the server: one that was waiting or running when "
              "it ended, or was killed, is gone on with by the next.",
          .parameters = {"JobKind", "QueryModel", "JobPromptName", "JobDimensions", "UploadColumn", "UploadIdColumn"},
          .bodies = {{"application/json", "JobRequest"},
                     {"application/x-ndjson", "Rows"},
                     {"text/csv", "Rows"},
                     {"text/tab-separated-values", "Rows"},
                     {"text/plain", "Rows"},
                     {"application/x-tar", "Archive"}},
          .answers = {{202, "It waits", {{"application/json", "Job"}}}},
          .errors = {404, 422, 429, 500, 507}};
}

RouteDoc resume_job_doc() {
  RouteDoc doc = job_doc("Go on with a job that was cancelled or has failed", 202, "It waits");
  doc.errors.push_back(409);
  return doc;
}

RouteDoc job_events_doc() {
  RouteDoc doc = job_doc("How a job stands, until it has ended", 200, "The same as of GET /v1/jobs/{id}, line by line");
  doc.answers[0].contents = {{"application/x-ndjson", "JobLines"}};
  return doc;
}

RouteDoc job_result_doc() {
  RouteDoc doc = job_doc("Vectors of a job of kind `embed`", 200,
                         "A line a row; or a .npy file by Accept, where rows that failed are NaN");
  doc.answers[0].contents = {{"application/x-ndjson", "JobRowLines"}, {"application/x-npy"}};
  doc.errors.insert(doc.errors.end(), {409, 422});
  return doc;
}

RouteDoc collection_job_doc(std::string_view kind) {
  const std::string_view summary = kind == "compact"      ? "Give room back and build the index anew"
                                   : kind == "verify"     ? "Check every file against its sums"
                                   : kind == "index"      ? "Bring the index up to date"
                                   : kind == "duplicates" ? "Find items that are there twice, or nearly"
                                                          : "Find what the graph search needs for a recall";
  RouteDoc doc = job_doc(summary, 202, "The job, which waits");
  doc.tag = "Collections";
  doc.parameters = {"CollectionName"};
  doc.errors.push_back(422);
  if (kind == "tune") {
    doc.bodies = {{"application/json", "TuneRequest"}};
    doc.body_needed = false;
  }
  if (kind == "duplicates") {
    doc.description =
        "Of equal content; with `score_limit` also pairs at least that near. The result holds the first 10,000.";
    doc.bodies = {{"application/json", "DuplicatesRequest"}};
    doc.body_needed = false;
  }
  return doc;
}

Route submit_job_route(JobService& service) {
  Route route = job_route(service, Method::kPost, "/v1/jobs", Scope::kWrite, submit_job, submit_job_doc());
  route.handle = [&service, whole = std::move(route.handle)](const RouteContext& context, const Route& asked,
                                                             const std::shared_ptr<Exchange>& exchange) {
    if (exchange->request().upload) {
      submit_arriving_job(service, asked, exchange);
    } else {
      whole(context, asked, exchange);
    }
  };
  route.streams_body = streams_embed_job;
  return route;
}

}  // namespace

Result<std::unique_ptr<JobService>> JobService::open(JobServiceOptions options, ServedEmbedder& embedder,
                                                     CollectionHost* collections) {
  std::map<std::string, JobFunction, std::less<>> kinds;
  kinds.emplace(kEmbedKind, embed_job_function(embedder));
  if (collections != nullptr) {
    kinds.emplace("compact", collection_function(*collections, compact));
    kinds.emplace("verify", collection_function(*collections, verify));
    kinds.emplace("index", collection_function(*collections, build_index));
    kinds.emplace("tune", collection_function(*collections, tune));
    kinds.emplace("duplicates", collection_function(*collections, duplicates));
  }
  auto board = JobBoard::open(options.board, std::move(kinds));
  if (!board) {
    return std::unexpected(std::move(board.error()));
  }
  return std::make_unique<JobService>(*std::move(board), embedder, collections, options);
}

std::vector<Route> job_routes(JobService& service) {
  const auto read = [&](std::string_view path, Handler handler, RouteDoc doc) {
    return job_route(service, Method::kGet, path, Scope::kRead, handler, std::move(doc));
  };
  const auto write = [&](Method method, std::string_view path, Handler handler, RouteDoc doc) {
    return job_route(service, method, path, Scope::kWrite, handler, std::move(doc));
  };
  std::vector<Route> routes;
  routes.push_back(read("/v1/jobs", list_jobs, list_jobs_doc()));
  routes.push_back(submit_job_route(service));
  routes.push_back(read("/v1/jobs/{id}", show_job, job_doc("State of a job", 200, "It")));
  routes.push_back(write(Method::kDelete, "/v1/jobs/{id}", cancel_job,
                         job_doc("Cancel a job; remove one that has ended, with its files", 200, "As it was")));
  routes.push_back(write(Method::kPost, "/v1/jobs/{id}/resume", resume_job, resume_job_doc()));
  routes.push_back(read("/v1/jobs/{id}/events", job_events, job_events_doc()));
  routes.push_back(read("/v1/jobs/{id}/result", job_result, job_result_doc()));
  if (service.collections != nullptr) {
    for (const std::string_view path :
         {"/v1/collections/{name}/compact", "/v1/collections/{name}/verify", "/v1/collections/{name}/index",
          "/v1/collections/{name}/tune", "/v1/collections/{name}/duplicates"}) {
      routes.push_back(job_route(service, Method::kPost, path, Scope::kAdmin, submit_collection_job,
                                 collection_job_doc(path.substr(path.rfind('/') + 1))));
    }
  }
  return routes;
}

}  // namespace asterism::server
