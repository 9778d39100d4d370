#include "service/atlas_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "analysis/aligned_places.hpp"
#include "analysis/start_places.hpp"
#include "asterism/collection.hpp"
#include "service/collections.hpp"

namespace asterism::service {
namespace {

constexpr float kNoPlace = std::numeric_limits<float>::quiet_NaN();
// A map goes on where at least so many of its rows are what they were; else it is laid out anew from their places.
constexpr double kKeptShareMin = 0.5;
// Of places that are no more than a start: below the deviation of a map that goes on
// (start_places.hpp).
constexpr double kStartDeviation = 0.9;
// Rows at each end of an axis that may lie outside the box that is shown, and the air around the others.
constexpr double kStragglerShare = 0.02;
constexpr double kAir = 0.12;
// Where all rows together take little more room than the bulk of them, all are shown.
constexpr double kBulkShareMax = 0.8;
constexpr std::array<std::string_view, 4> kSeriesFields{"series", "series_step", "series_label", "series_bounds"};

struct State {
  std::string version;  // empty: what is there now
  std::string label;
  std::uint64_t item_count = 0;
};

struct Step {
  State state;
  AtlasSnapshot snapshot;
  std::vector<std::size_t> digests;  // of the vectors, [row_count]
  AtlasMap map;
};

std::vector<std::size_t> digests_of(std::span<const float> vectors, std::size_t dim) {
  std::vector<std::size_t> out;
  for (std::size_t begin = 0; begin < vectors.size(); begin += dim) {
    const auto bytes = std::as_bytes(vectors.subspan(begin, dim));
    out.push_back(std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  }
  return out;
}

Result<std::vector<State>> states_of(const SeriesRequest& request, const CollectionStatus& status) {
  std::vector<State> out;
  if (request.versions.empty()) {
    auto versions = status.versions;
    std::ranges::stable_sort(versions, {}, &CollectionVersion::number);
    std::erase_if(versions, [](const CollectionVersion& version) { return version.item_count == 0; });
    for (const CollectionVersion& version : versions) {
      out.push_back({.version = version.name, .label = version.name, .item_count = version.item_count});
    }
    if (status.item_count > 0) {
      out.push_back({.version = {}, .label = "now", .item_count = status.item_count});
    }
  }
  for (const std::string& name : request.versions) {
    if (std::ranges::find(out, name, &State::version) != out.end()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("versions: expected each once, found '{}' twice", name));
    }
    const auto version = std::ranges::find(status.versions, name, &CollectionVersion::name);
    if (version == status.versions.end()) {
      return fail(ErrorCode::kNotFound, fmt::format("{}: there is no version '{}'", request.location, name),
                  "`asterism collection show` lists the versions");
    }
    out.push_back({.version = name, .label = name, .item_count = version->item_count});
  }
  if (out.size() < 2) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("versions: expected two states of the collection at least, found {}", out.size()),
                fmt::format("`asterism collection version create {} NAME` names one", request.location));
  }
  if (out.size() > kSeriesStepCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("versions: expected at most {} states, found {}", kSeriesStepCountMax, out.size()),
                "name those that are wanted");
  }
  return out;
}

// Places of the step before in the order of this one: of all rows that it has, and of those whose vector is the same.
struct FormerPlaces {
  std::vector<float> all;
  std::vector<float> kept;
  std::size_t shared_count = 0;  // rows that both have
  std::size_t kept_count = 0;
};

FormerPlaces former_places(const Step& step, const Step& former, std::size_t dim) {
  FormerPlaces out;
  out.all.assign(step.snapshot.row_count() * dim, kNoPlace);
  out.kept = out.all;
  for (std::size_t row = 0; row < step.snapshot.row_count(); ++row) {
    const auto former_row = former.snapshot.ids.row(step.snapshot.ids.id(row));
    if (!former_row) {
      continue;
    }
    ++out.shared_count;
    const auto place = former.map.view().row(*former_row);
    std::ranges::copy(place, out.all.begin() + static_cast<std::ptrdiff_t>(row * dim));
    if (step.digests[row] == former.digests[*former_row]) {
      std::ranges::copy(place, out.kept.begin() + static_cast<std::ptrdiff_t>(row * dim));
      ++out.kept_count;
    }
  }
  return out;
}

// Scaled so that they say how rows lie to each other, and are no map to go on with.
std::vector<float> as_start(std::vector<float> places, std::size_t dim) {
  scale_places(places, dim, kStartDeviation);
  return places;
}

Result<AtlasMap> lay_out(std::vector<float> vectors, const Step& step, const Step* former, const MapRequest& request,
                         const AnalysisRun& run) {
  if (former == nullptr) {
    return compute_map(std::move(vectors), step.snapshot, request, {}, run);
  }
  const FormerPlaces places = former_places(step, *former, request.dim);
  const bool goes_on =
      static_cast<double>(places.kept_count) >= kKeptShareMin * static_cast<double>(step.snapshot.row_count());
  if (goes_on && places.kept_count == step.snapshot.row_count()) {
    // What was there is there, and nothing else: so is its map.
    AtlasMap out{.summary = former->map.summary, .points = places.kept};
    out.summary.row_count = step.snapshot.row_count();
    out.summary.collection_version = step.snapshot.version_number;
    out.summary.version = step.snapshot.version;
    return out;
  }
  const std::vector<float> start = goes_on ? places.kept : as_start(places.all, request.dim);
  auto map = compute_map(std::move(vectors), step.snapshot, request, start, run);
  if (map) {
    map->points = aligned_places(map->points, goes_on ? places.kept : places.all, request.dim);
  }
  return map;
}

Result<Step> read_step(const SeriesRequest& request, State state, const Step* former, const AnalysisRun& run) {
  const auto collection = Collection::open(
      request.location, {.read_only = true, .version = state.version, .thread_count = 1, .cancel = run.cancel});
  if (!collection) {
    return std::unexpected(collection.error());
  }
  auto snapshot = read_atlas_snapshot(*collection, request.name, state.version, run);
  if (!snapshot) {
    return std::unexpected(std::move(snapshot.error()));
  }
  auto vectors = read_atlas_vectors(*collection, *snapshot, run);
  if (!vectors) {
    return std::unexpected(std::move(vectors.error()));
  }
  Step step{.state = std::move(state), .snapshot = *std::move(snapshot), .digests = {}, .map = {}};
  step.digests = digests_of(*vectors, step.snapshot.settings.dim);
  step.snapshot.columns.clear();
  auto map = lay_out(*std::move(vectors), step, former, request.map, run);
  if (!map) {
    return std::unexpected(std::move(map.error()));
  }
  step.map = *std::move(map);
  return step;
}

bool is_same_state(const Step& step, const Step& former) {
  return step.snapshot.ids.checksum() == former.snapshot.ids.checksum() && step.digests == former.digests;
}

// Laid out from the largest state to both ends: a map of few rows would press those that come later into what it left.
Result<std::vector<Step>> steps_of(const SeriesRequest& request, std::vector<State> states, const AnalysisRun& run) {
  const auto largest =
      static_cast<std::size_t>(std::ranges::max_element(states, {}, &State::item_count) - states.begin());
  std::vector<std::optional<Step>> laid_out(states.size());
  const auto lay_out_beside = [&](std::size_t i, const Step* former) -> Result<void> {
    auto step = read_step(request, std::move(states[i]), former, run);
    if (!step) {
      return std::unexpected(std::move(step.error()));
    }
    laid_out[i] = *std::move(step);
    return {};
  };
  auto done = lay_out_beside(largest, nullptr);
  for (std::size_t i = largest + 1; done && i < states.size(); ++i) {
    done = lay_out_beside(i, &*laid_out[i - 1]);
  }
  for (std::size_t i = largest; done && i-- > 0;) {
    done = lay_out_beside(i, &*laid_out[i + 1]);
  }
  if (!done) {
    return std::unexpected(std::move(done.error()));
  }
  std::vector<Step> steps;
  for (std::optional<Step>& step : laid_out) {
    // What is there now may be what the last version is.
    if (!step->state.version.empty() || steps.empty() || !is_same_state(*step, steps.back())) {
      steps.push_back(*std::move(step));
    }
  }
  if (steps.size() < 2) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("versions: expected two states of the collection at least, found one: what is there now is "
                            "version '{}'",
                            steps.front().state.version),
                "a version that was made before items came, went or changed");
  }
  return steps;
}

// One method for all steps.
SeriesRequest with_method(SeriesRequest request, const CollectionStatus& status) {
  if (request.map.method.empty()) {
    std::uint64_t most = status.item_count;
    for (const CollectionVersion& version : status.versions) {
      most = std::max(most, version.item_count);
    }
    request.map.method = default_map_method(most);
  }
  return request;
}

struct Box {
  std::vector<double> low;
  std::vector<double> high;

  double side() const {
    double out = 0.0;
    for (std::size_t axis = 0; axis < low.size(); ++axis) {
      out = std::max(out, high[axis] - low[axis]);
    }
    return out;
  }
};

// That all steps are shown in: of all rows, or of all but the stragglers where those take much of the room.
Box box_of(std::span<const Step> steps, std::size_t dim) {
  Box all;
  Box bulk;
  for (std::size_t axis = 0; axis < dim; ++axis) {
    std::vector<float> values;
    for (const Step& step : steps) {
      for (std::size_t i = axis; i < step.map.points.size(); i += dim) {
        if (std::isfinite(step.map.points[i])) {
          values.push_back(step.map.points[i]);
        }
      }
    }
    if (values.empty()) {
      values.push_back(0.0F);
    }
    std::ranges::sort(values);
    const auto skipped = static_cast<std::size_t>(kStragglerShare * static_cast<double>(values.size()));
    const auto first = static_cast<double>(values[skipped]);
    const auto last = static_cast<double>(values[values.size() - 1 - skipped]);
    all.low.push_back(static_cast<double>(values.front()));
    all.high.push_back(static_cast<double>(values.back()));
    bulk.low.push_back(std::max(all.low.back(), first - kAir * (last - first)));
    bulk.high.push_back(std::min(all.high.back(), last + kAir * (last - first)));
  }
  return bulk.side() > 0.0 && bulk.side() < kBulkShareMax * all.side() ? bulk : all;
}

double median_move(const Step& step, const FormerPlaces& places, std::size_t dim, double side) {
  std::vector<double> moves;
  for (std::size_t row = 0; row < step.snapshot.row_count(); ++row) {
    double square = 0.0;
    for (std::size_t at = row * dim; at < (row + 1) * dim; ++at) {
      const double difference = static_cast<double>(step.map.points[at]) - static_cast<double>(places.kept[at]);
      square += difference * difference;
    }
    if (std::isfinite(square)) {
      moves.push_back(std::sqrt(square));
    }
  }
  if (moves.empty() || side <= 0.0) {
    return 0.0;
  }
  const auto middle = moves.begin() + static_cast<std::ptrdiff_t>(moves.size() / 2);
  std::ranges::nth_element(moves, middle);
  return *middle / side;
}

SeriesStep said_of(const Step& step, const Step* former, std::size_t dim, double side) {
  SeriesStep out{.projection = step.map.summary.name,
                 .version = step.state.version,
                 .label = step.state.label,
                 .row_count = step.snapshot.row_count()};
  if (former == nullptr) {
    out.new_count = out.row_count;
    return out;
  }
  const FormerPlaces places = former_places(step, *former, dim);
  out.kept_count = places.kept_count;
  out.new_count = out.row_count - places.shared_count;
  out.gone_count = former->snapshot.row_count() - places.shared_count;
  out.median_move = median_move(step, places, dim, side);
  return out;
}

std::string step_name(std::string_view series, std::size_t step) {
  return fmt::format("{}-{:03}", series, step);
}

Result<void> keep_steps(const SeriesRequest& request, std::vector<Step>& steps, const Box& box) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    ProjectionSummary& summary = steps[i].map.summary;
    summary.name = step_name(request.name, i + 1);
    Json bounds = Json::array();
    for (std::size_t axis = 0; axis < box.low.size(); ++axis) {
      bounds.push_back(box.low[axis]);
      bounds.push_back(box.high[axis]);
    }
    summary.options["series"] = request.name;
    summary.options["series_step"] = i + 1;
    summary.options["series_label"] = steps[i].state.label;
    summary.options["series_bounds"] = std::move(bounds);
    if (auto kept = keep_map(request.location, steps[i].snapshot, steps[i].map); !kept) {
      return kept;
    }
  }
  // Those of an earlier series that was longer.
  for (const ProjectionSummary& summary : list_series(request.location, request.name)) {
    const auto path = projection_path(request.location, summary.name);
    std::error_code ignored;
    if (path && summary.name > step_name(request.name, steps.size())) {
      std::filesystem::remove(*path, ignored);
    }
  }
  return {};
}

}  // namespace

Result<std::vector<SeriesStep>> map_series(const SeriesRequest& request, const AnalysisRun& run) {
  if (const auto path = projection_path(request.location, step_name(request.name, 1)); !path) {
    return std::unexpected(path.error());
  }
  CollectionTarget target;
  target.location = request.location;
  const auto status = collection_status(target);
  auto states = status ? states_of(request, *status) : std::unexpected(status.error());
  if (!states) {
    return std::unexpected(std::move(states.error()));
  }
  auto laid_out = steps_of(with_method(request, *status), *std::move(states), run);
  if (!laid_out) {
    return std::unexpected(std::move(laid_out.error()));
  }
  std::vector<Step>& steps = *laid_out;
  const Box box = box_of(steps, request.map.dim);
  if (auto kept = keep_steps(request, steps, box); !kept) {
    return std::unexpected(std::move(kept.error()));
  }
  std::vector<SeriesStep> out;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    out.push_back(said_of(steps[i], i == 0 ? nullptr : &steps[i - 1], request.map.dim, box.side()));
  }
  return out;
}

Json series_of(const ProjectionSummary& summary) {
  Json out = Json::object();
  for (const std::string_view name : kSeriesFields) {
    const auto found = summary.options.find(name);
    out[std::string(name)] = found == summary.options.end() ? Json(nullptr) : *found;
  }
  return out;
}

std::vector<ProjectionSummary> list_series(std::string_view location, std::string_view name) {
  std::vector<ProjectionSummary> out = list_maps(location);
  std::erase_if(out, [&](const ProjectionSummary& summary) {
    return !summary.options.is_object() || summary.options.value("series", Json()) != Json(name);
  });
  std::ranges::sort(out, {}, &ProjectionSummary::name);
  return out;
}

}  // namespace asterism::service
