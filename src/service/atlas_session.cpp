#include "service/atlas_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <span>
#include <utility>

#include "base/thread_pool.hpp"
#include "service/atlas.hpp"
#include "service/collection_add.hpp"
#include "service/projector_files.hpp"
#include "store/vector_store.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kServedNameSizeMax = 64;
constexpr std::size_t kBatchCount = 1000;

bool is_name_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// A collection with its atlas, open for as long as something is done with it.
struct OpenAtlas {
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Collection> collection;
  std::shared_ptr<Atlas> atlas;
};

AnalysisRun run_of(ThreadPool& pool, const AtlasRequest& request) {
  return {.pool = pool,
          .cancel = request.cancel,
          .progress = [&request](std::string_view stage, std::size_t done, std::size_t total) {
            if (request.on_progress) {
              request.on_progress({.done = done, .total = total, .stage = stage});
            }
          }};
}

Result<OpenAtlas> open(const AtlasRequest& request) {
  const auto location = parse_location(request.location);
  if (!location) {
    return std::unexpected(location.error());
  }
  if (location->kind != StoreLocation::Kind::kFolder) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: an atlas is made of a folder's collection", location->text),
                "`asterism collection export` and `import` make one of it");
  }
  auto collection = Collection::open(
      request.location,
      {.read_only = true, .version = request.version, .thread_count = request.thread_count, .cancel = request.cancel});
  if (!collection) {
    return std::unexpected(std::move(collection.error()));
  }
  OpenAtlas out{.pool = std::make_unique<ThreadPool>(request.thread_count == 0 ? available_processor_count()
                                                                               : request.thread_count),
                .collection = std::make_unique<Collection>(*std::move(collection)),
                .atlas = nullptr};
  auto atlas = Atlas::open(*out.collection,
                           {.name = served_name(request.location),
                            .location = request.location,
                            .version = request.version,
                            .first_map = request.projection},
                           request.map, run_of(*out.pool, request));
  if (!atlas) {
    return std::unexpected(std::move(atlas.error()));
  }
  out.atlas = *std::move(atlas);
  return out;
}

std::size_t unplaced_row_count(const AtlasMap& map) {
  std::size_t count = 0;
  for (std::size_t row = 0; row < map.view().row_count; ++row) {
    count += std::isnan(map.view().row(row).front()) ? 1U : 0U;
  }
  return count;
}

AtlasState state_of(const OpenAtlas& opened) {
  const auto maps = opened.atlas->maps();
  const std::string shown = maps.empty() ? std::string() : maps.front().name;
  const auto map = opened.atlas->map(shown);
  return {.name = opened.atlas->snapshot().collection,
          .row_count = opened.atlas->snapshot().row_count(),
          .projection = shown,
          .model = opened.atlas->snapshot().settings.model.id,
          .unplaced_row_count = map ? unplaced_row_count(**map) : 0,
          .version = opened.atlas->snapshot().version};
}

// The request to show the last step of the series that it asks for; as it is where it asks for none.
Result<AtlasRequest> with_series(AtlasRequest request, std::vector<SeriesStep>& steps) {
  if (!request.series) {
    return request;
  }
  SeriesRequest series = *request.series;
  series.location = request.location;
  series.map = request.map.value_or(MapRequest{});
  ThreadPool pool(request.thread_count == 0 ? available_processor_count() : request.thread_count);
  auto laid_out = map_series(series, run_of(pool, request));
  if (!laid_out) {
    return std::unexpected(std::move(laid_out.error()));
  }
  steps = *std::move(laid_out);
  request.version = steps.back().version;
  request.projection = steps.back().projection;
  request.map.reset();
  return request;
}

Result<std::uint64_t> collect_projector(const LooseVectors& loose, const std::string& location) {
  const auto read = read_projector(loose.projector);
  if (!read) {
    return std::unexpected(read.error());
  }
  auto collection = Collection::create(
      location, {.dim = read->dim, .metric = loose.metric, .model = {.id = loose.model}, .text_columns = {"none"}});
  if (!collection) {
    return std::unexpected(std::move(collection.error()));
  }
  for (std::size_t begin = 0; begin < read->items.size(); begin += kBatchCount) {
    if (loose.cancel != nullptr && loose.cancel->requested()) {
      return fail(ErrorCode::kCancelled, "vectors: stopped");
    }
    const auto added =
        collection->add(std::span(read->items).subspan(begin, std::min(kBatchCount, read->items.size() - begin)));
    if (!added) {
      return std::unexpected(added.error());
    }
    if (loose.on_progress) {
      loose.on_progress({.done = begin, .total = read->items.size(), .stage = "vectors"});
    }
  }
  return read->items.size();
}

}  // namespace

std::string served_name(std::string_view location) {
  while (location.size() > 1 && location.ends_with('/')) {
    location.remove_suffix(1);
  }
  std::error_code failure;
  std::string name = std::filesystem::absolute(location, failure).lexically_normal().filename().string();
  std::ranges::replace_if(
      name, [](char c) { return !is_name_letter(c); }, '-');
  name.resize(std::min(name.size(), kServedNameSizeMax));
  return name.empty() ? "collection" : name;
}

Result<AtlasState> prepare_atlas(const AtlasRequest& request) {
  std::vector<SeriesStep> steps;
  const auto shown = with_series(request, steps);
  const auto opened = shown ? open(*shown) : std::unexpected(shown.error());
  if (!opened) {
    return std::unexpected(opened.error());
  }
  AtlasState state = state_of(*opened);
  state.steps = std::move(steps);
  return state;
}

Result<AtlasExportResponse> write_atlas(const AtlasRequest& request, const std::string& folder) {
  // What stands in the way is said before anything is computed.
  if (auto place = expect_export_place(folder); !place) {
    return std::unexpected(std::move(place.error()));
  }
  std::vector<SeriesStep> steps;
  const auto shown = with_series(request, steps);
  const auto opened = shown ? open(*shown) : std::unexpected(shown.error());
  if (!opened) {
    return std::unexpected(opened.error());
  }
  std::vector<OpenAtlas> others;
  std::vector<ExportedState> states{{.collection = opened->collection.get(), .atlas = opened->atlas.get()}};
  for (const SeriesStep& step : steps) {
    if (step.version != shown->version) {
      AtlasRequest of_step = *shown;
      of_step.version = step.version;
      of_step.projection = step.projection;
      auto other = open(of_step);
      if (!other) {
        return std::unexpected(std::move(other.error()));
      }
      others.push_back(*std::move(other));
      states.push_back({.collection = others.back().collection.get(), .atlas = others.back().atlas.get()});
    }
  }
  auto written = export_atlas(states, folder, run_of(*opened->pool, request));
  if (!written) {
    return std::unexpected(std::move(written.error()));
  }
  AtlasExportResponse out{.state = state_of(*opened), .written = *written};
  out.state.steps = std::move(steps);
  return out;
}

Result<std::uint64_t> collect_vectors(const LooseVectors& loose, const std::string& location) {
  if (!loose.projector.empty()) {
    return collect_projector(loose, location);
  }
  AddRequest add;
  add.collection = {.location = location, .cancel = loose.cancel};
  add.settings.metric = loose.metric;
  add.model = loose.model;
  add.input = loose.rows;
  add.input.metadata.all = true;
  add.vectors = loose.vectors;
  add.build_index = false;
  std::optional<Error> first;
  add.on_row_error = [&](std::string_view place, const Error& error) {
    first = first ? first : Error{error.code, fmt::format("{}: {}", place, error.message), error.hint};
  };
  const auto added = add_rows(add);
  if (!added) {
    return std::unexpected(added.error());
  }
  if (added->status.item_count == 0 && first) {
    return std::unexpected(*first);
  }
  return added->status.item_count;
}

}  // namespace asterism::service
