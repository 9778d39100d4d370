#include "service/reduce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>

#include "analysis/estimator_file.hpp"
#include "analysis/estimator_options.hpp"
#include "analysis/estimators.hpp"
#include "analysis/tsne.hpp"
#include "base/thread_pool.hpp"
#include "base/writable.hpp"
#include "service/projection_file.hpp"
#include "service/reduce_labels.hpp"
#include "service/reduce_output.hpp"
#include "service/reduce_start.hpp"
#include "store/utc_time.hpp"

namespace asterism::service {
namespace {

// What the request comes to before any row is read.
struct Plan {
  std::unique_ptr<Estimator> applied;  // null: one is fitted
  std::string method;
  Json options = Json::object();  // as given
};

std::unexpected<Error> contradiction(std::string_view what, std::string_view hint) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("reduce: {}", what), std::string(hint));
}

Result<Json> given_options(const ReduceRequest& request, const EstimatorMethod& method) {
  Json options = Json::object();
  for (const auto& [name, text] : request.settings) {
    auto value = parse_option(method, name, text);
    if (!value) {
      return std::unexpected(value.error());
    }
    options[name] = *std::move(value);
  }
  const auto has_option = [&](std::string_view name) {
    return std::ranges::find(method.options, name, &EstimatorOption::name) != method.options.end();
  };
  if (request.dim) {
    options[std::string(kComponentsOption)] = *request.dim;
  }
  // A seed is no harm to a method without random numbers.
  if (request.seed && has_option(kSeedOption)) {
    options[std::string(kSeedOption)] = *request.seed;
  }
  return options;
}

Result<Plan> plan_of(const ReduceRequest& request) {
  if (!request.output.empty()) {
    if (auto ok = check_places_path(request.output); !ok) {
      return std::unexpected(ok.error());
    }
  }
  for (const std::string& file : {request.output, request.save}) {
    if (auto ok = expect_writable(file); !ok) {
      return std::unexpected(ok.error());
    }
  }
  if (request.apply.empty()) {
    Plan plan{.applied = nullptr, .method = request.method.empty() ? std::string(kDefaultReduction) : request.method};
    const auto method = find_estimator_method(plan.method);
    if (!method) {
      return std::unexpected(method.error());
    }
    auto options = given_options(request, **method);
    if (!options) {
      return std::unexpected(options.error());
    }
    // What is wrong with them is said before rows are read.
    if (auto all = complete_options(**method, *options, plan.method); !all) {
      return std::unexpected(all.error());
    }
    if ((request.warm_start || !request.start.empty()) && !(*method)->takes_initial) {
      return contradiction(fmt::format("{} does not start from places", plan.method),
                           request.start.empty() ? "leave --warm-start out" : "leave --start out");
    }
    if (!request.labels.empty() && !request.targets.empty()) {
      return contradiction("expected labels or targets, found both", "--labels has classes, --targets numbers");
    }
    plan.options = *std::move(options);
    return plan;
  }
  const bool learns = !request.labels.empty() || !request.targets.empty();
  const bool starts = !request.start.empty() || request.warm_start;
  if (request.dim || request.seed || !request.settings.empty() || learns || starts || !request.save.empty()) {
    return contradiction("a reduction that was fitted takes no options and no labels, and is not saved again",
                         "--apply goes with an input and an output only");
  }
  auto estimator = read_estimator(request.apply);
  if (!estimator) {
    return std::unexpected(estimator.error());
  }
  if (!request.method.empty() && request.method != (*estimator)->method()) {
    return contradiction(
        fmt::format("{}: expected a fitted {}, found {}", request.apply, request.method, (*estimator)->method()), {});
  }
  Plan plan{.applied = *std::move(estimator), .method = {}};
  plan.method = plan.applied->method();
  return plan;
}

// Places to start from; none where none were asked for.
Result<StartPlaces> start_of(const ReduceRequest& request, const Plan& plan, const std::string& name,
                             const AnalysisRows& rows, const AnalysisRun& run) {
  if (request.start.empty() && !request.warm_start) {
    return StartPlaces{};
  }
  const auto method = find_estimator_method(plan.method);
  const auto options = complete_options(**method, plan.options, plan.method);
  const std::size_t components = option_count(*options, kComponentsOption);
  if (request.start.empty()) {
    return projection_places(request.rows.input, name, components, rows);
  }
  auto start = file_places(request.start, components, rows, run);
  if (start && !request.warm_start) {
    make_shape(*start, components);
  }
  return start;
}

// Of the fitted state, what is said about it.
void describe(const Estimator& estimator, ReduceResponse& response) {
  const EstimatorState state = estimator.state();
  response.options = state.options;
  const auto ratios = std::ranges::find(state.arrays, "explained_variance_ratios", &EstimatorState::Array::name);
  if (ratios != state.arrays.end()) {
    const auto values = ratios->values.as<double>();
    response.explained_variance = std::accumulate(values.begin(), values.end(), 0.0);
  }
}

struct Reduced {
  std::unique_ptr<Estimator> estimator;
  std::vector<float> places;
};

// What was asked for by name and is more than the rows allow is lowered: who asked should know.
void note_lowered(const ReduceRequest& request, const Plan& plan, ReduceResponse& response) {
  const double rows = static_cast<double>(response.row_count);
  for (const auto& [name, text] : request.settings) {
    const bool perplexity = plan.method == "tsne" && name == "perplexity";
    if (!perplexity && !(plan.method == "umap" && name == "neighbors")) {
      continue;
    }
    const double asked = plan.options.at(name).get<double>();
    const double taken = perplexity ? tsne_perplexity(asked, response.row_count) : std::min(asked, rows);
    if (taken < asked) {
      response.notes.push_back(fmt::format("{}: {} {} is more than {} rows allow: {:.4g} was taken", plan.method, name,
                                           text, response.row_count, taken));
    }
  }
}

Result<Reduced> run_plan(const ReduceRequest& request, Plan plan, const std::string& name, const AnalysisRows& rows,
                         ReduceResponse& response) {
  ThreadPool pool(request.thread_count == 0 ? available_processor_count() : request.thread_count);
  AnalysisRun run{.pool = pool, .cancel = request.cancel};
  if (request.progress) {
    run.progress = [&](std::string_view stage, std::size_t done, std::size_t total) {
      request.progress({.done = done, .total = total, .stage = stage});
    };
  }
  if (plan.applied) {
    auto places = plan.applied->transform(rows.view(), run);
    return places ? Result<Reduced>({.estimator = std::move(plan.applied), .places = *std::move(places)})
                  : std::unexpected(places.error());
  }
  note_lowered(request, plan, response);
  FitRequest fit{.rows = rows.view(), .options = plan.options};
  std::vector<std::int32_t> labels;
  if (!request.labels.empty()) {
    auto read = read_labels(request.labels, rows);
    if (!read) {
      return std::unexpected(read.error());
    }
    labels = *std::move(read);
    fit.labels = labels;
    response.labelled_count = labels.size() - static_cast<std::size_t>(std::ranges::count(labels, kNoLabel));
  }
  std::vector<float> targets;
  if (!request.targets.empty()) {
    auto read = read_targets(request.targets, rows);
    if (!read) {
      return std::unexpected(read.error());
    }
    targets = *std::move(read);
    fit.targets = targets;
    response.labelled_count =
        static_cast<std::size_t>(std::ranges::count_if(targets, [](float v) { return std::isfinite(v); }));
  }
  const auto start = start_of(request, plan, name, rows, run);
  if (!start) {
    return std::unexpected(start.error());
  }
  fit.initial = start->places;
  response.warm_count = start->count;
  auto fitted = fit_estimator(plan.method, fit, run);
  return fitted ? Result<Reduced>({.estimator = std::move(fitted->estimator), .places = std::move(fitted->embedding)})
                : std::unexpected(fitted.error());
}

Result<void> keep_projection(const ReduceRequest& request, const std::string& name, std::uint64_t collection_version,
                             const AnalysisRows& rows, std::vector<float> places, const ReduceResponse& response) {
  Projection projection;
  projection.summary.name = name;
  projection.summary.method = response.method;
  projection.summary.options = response.options;
  projection.summary.seed = response.options.value(std::string(kSeedOption), std::uint64_t{0});
  projection.summary.collection_version = collection_version;
  projection.summary.version = request.rows.collection.version;
  projection.summary.created_at = now_utc();
  projection.ids = rows.ids;
  projection.points = std::move(places);
  return write_projection(request.rows.input, projection);
}

// The collection's number before it is read: what changes meanwhile makes the projection old, and never too new.
Result<std::uint64_t> collection_version_of(const ReduceRequest& request) {
  CollectionTarget target = request.rows.collection;
  target.location = request.rows.input;
  const auto status = collection_status(target);
  return status ? Result<std::uint64_t>(status->version_number) : std::unexpected(status.error());
}

// The version of a collection whose projection is read or kept, when that can be: before rows are read.
Result<std::uint64_t> checked_collection(const ReduceRequest& request, const std::string& name, bool keep) {
  if (const auto path = projection_path(request.rows.input, name); !path) {
    return std::unexpected(path.error());
  }
  if (const auto writable = keep ? expect_projection_writable(request.rows.input, name) : Result<void>{}; !writable) {
    return std::unexpected(writable.error());
  }
  return collection_version_of(request);
}

}  // namespace

Result<ReduceResponse> reduce(const ReduceRequest& request) {
  auto plan = plan_of(request);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  const bool is_collection = is_collection_input(request.rows.input);
  const bool keep = is_collection && request.keep;
  const bool from_projection = request.warm_start && request.start.empty();
  if (!is_collection && from_projection) {
    return contradiction("places to start from are kept beside collections, and the input is none",
                         "--start FILE --warm-start goes on from a file, or leave --warm-start out");
  }
  if (!keep && request.output.empty() && request.save.empty()) {
    return contradiction("expected a file for the places, found none", "-o OUT.npy");
  }
  const std::string name = request.name.empty() ? plan->method : request.name;
  const auto collection_version =
      keep || from_projection ? checked_collection(request, name, keep) : Result<std::uint64_t>(0);
  if (!collection_version) {
    return std::unexpected(collection_version.error());
  }
  AnalysisRowsRequest rows_request = request.rows;
  rows_request.collection.cancel = request.cancel;
  for (const std::string& labels : {request.labels, request.targets}) {
    if (!labels.empty() && !is_label_file(labels)) {
      rows_request.columns.push_back(labels);
    }
  }
  const auto rows = open_analysis_rows(rows_request);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  ReduceResponse response;
  response.method = plan->method;
  response.row_count = rows->row_count;
  response.left_out_count = rows->left_out_count;
  response.input_dim = rows->dim;
  const auto start = std::chrono::steady_clock::now();
  auto reduced = run_plan(request, *std::move(plan), name, *rows, response);
  if (!reduced) {
    return std::unexpected(reduced.error());
  }
  response.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  response.dim = reduced->estimator->component_count();
  describe(*reduced->estimator, response);
  if (!request.output.empty()) {
    if (auto ok = write_places(request.output, *rows, request.rows.input, reduced->places); !ok) {
      return std::unexpected(ok.error());
    }
  }
  if (!request.save.empty()) {
    if (auto ok = write_estimator(request.save, *reduced->estimator); !ok) {
      return std::unexpected(ok.error());
    }
  }
  if (keep) {
    if (auto ok = keep_projection(request, name, *collection_version, *rows, std::move(reduced->places), response);
        !ok) {
      return std::unexpected(ok.error());
    }
    response.projection = name;
  }
  return response;
}

}  // namespace asterism::service
