#include "service/reduce_start.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "analysis/estimator_file.hpp"
#include "analysis/start_places.hpp"
#include "service/projection_file.hpp"

namespace asterism::service {
namespace {

constexpr double kShapeDeviation = 0.01;

StartPlaces no_places(std::size_t row_count, std::size_t components) {
  return {.places = std::vector<float>(row_count * components, std::numeric_limits<float>::quiet_NaN())};
}

void take(StartPlaces& out, std::size_t row, std::span<const float> place) {
  if (std::ranges::all_of(place, [](float v) { return std::isfinite(v); })) {
    std::ranges::copy(place, out.places.begin() + static_cast<std::ptrdiff_t>(row * place.size()));
    ++out.count;
  }
}

Result<void> expect_components(const std::string& path, std::size_t components, std::size_t found) {
  if (found < components) {
    return fail(
        ErrorCode::kMismatch,
        fmt::format("{}: expected places of {} values or more to start from, found {}", path, components, found),
        "--dim as many as there are");
  }
  return {};
}

Result<StartPlaces> places_by_estimator(const std::string& path, std::size_t components, const AnalysisRows& rows,
                                        const AnalysisRun& run) {
  const auto estimator = read_estimator(path);
  if (!estimator) {
    return std::unexpected(estimator.error());
  }
  const std::size_t found = (*estimator)->component_count();
  if (auto enough = expect_components(path, components, found); !enough) {
    return std::unexpected(enough.error());
  }
  const auto placed = (*estimator)->transform(rows.view(), run);
  if (!placed) {
    return std::unexpected(placed.error());
  }
  StartPlaces out = no_places(rows.row_count, components);
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    take(out, row, std::span(*placed).subspan(row * found, components));
  }
  return out;
}

Result<StartPlaces> places_of_array(const std::string& path, std::size_t components, const AnalysisRows& rows) {
  const auto given = open_analysis_rows({.input = path});
  if (!given) {
    return std::unexpected(given.error());
  }
  if (auto enough = expect_components(path, components, given->dim); !enough) {
    return std::unexpected(enough.error());
  }
  const std::uint64_t expected = rows.row_count + rows.left_out_count;
  const std::uint64_t found = given->row_count + given->left_out_count;
  if (expected != found) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: expected a place for each of {} rows, found {}", path, expected, found),
                "rows without a place are NaN");
  }
  StartPlaces out = no_places(rows.row_count, components);
  std::size_t at = 0;
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    while (at < given->row_count && given->numbers[at] < rows.numbers[row]) {
      ++at;
    }
    if (at < given->row_count && given->numbers[at] == rows.numbers[row]) {
      take(out, row, given->view().row(at).first(components));
    }
  }
  return out;
}

}  // namespace

Result<StartPlaces> projection_places(const std::string& location, const std::string& name, std::size_t components,
                                      const AnalysisRows& rows) {
  const auto former = read_projection(location, name);
  if (!former) {
    return std::unexpected(former.error());
  }
  const std::size_t dim = former->summary.dim;
  if (dim != components) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: expected former places of {} values, found {}", name, components, dim),
                "--dim as it was, or a fresh start without --warm-start");
  }
  std::unordered_map<std::string_view, std::size_t> known;
  for (std::size_t i = 0; i < former->ids.size(); ++i) {
    known.emplace(former->ids[i], i);
  }
  StartPlaces out = no_places(rows.row_count, components);
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    if (const auto found = known.find(rows.ids[row]); found != known.end()) {
      take(out, row, std::span(former->points).subspan(found->second * dim, dim));
    }
  }
  return out;
}

Result<StartPlaces> file_places(const std::string& path, std::size_t components, const AnalysisRows& rows,
                                const AnalysisRun& run) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a saved reduction or an array of places, found a folder", path),
                "places by a model are an array: asterism embed TEXTS -m MODEL -o start.npy, then --start start.npy");
  }
  auto start = is_estimator_file(path) ? places_by_estimator(path, components, rows, run)
                                       : places_of_array(path, components, rows);
  if (start && start->count == 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected places of the rows, found none", path));
  }
  return start;
}

void make_shape(StartPlaces& start, std::size_t components) {
  scale_places(start.places, components, kShapeDeviation);
}

}  // namespace asterism::service
