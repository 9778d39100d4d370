#include "service/atlas_export.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "analysis/neighbor_graph.hpp"
#include "base/base64.hpp"
#include "base/file.hpp"
#include "base/system_error.hpp"
#include "service/atlas_json.hpp"
#include "service/atlas_page.hpp"
#include "service/atlas_pictures.hpp"
#include "service/atlas_search.hpp"

namespace asterism::service {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPageFile = "index.html";
constexpr std::string_view kManifestFile = "data/manifest.js";
constexpr std::size_t kNameSizeBytesMax = 200;
constexpr std::size_t kSearchBatchCount = 256;
constexpr std::uint32_t kNoNeighbor = std::numeric_limits<std::uint32_t>::max();

Result<void> step(const AnalysisRun& run, std::string_view stage, std::size_t done, std::size_t total) {
  if (run.is_cancelled()) {
    return fail(ErrorCode::kCancelled, "export: stopped; nothing was written");
  }
  if (run.progress) {
    run.progress(stage, done, total);
  }
  return {};
}

bool is_earlier_export(const fs::path& folder) {
  std::error_code failure;
  return fs::is_regular_file(folder / kPageFile, failure) && fs::is_regular_file(folder / kManifestFile, failure);
}

// A folder beside the one that is wanted, gone again unless it is put in its place.
class NewFolder {
 public:
  explicit NewFolder(fs::path wanted)
      : wanted_(std::move(wanted)), path_(fmt::format("{}.tmp-{}", wanted_.string(), getpid())) {}
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  ~NewFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  Result<void> write(std::string_view name, std::string_view text) {
    const fs::path file = path_ / name;
    std::error_code failure;
    fs::create_directories(file.parent_path(), failure);
    if (failure) {
      return system_failure(file.parent_path().string(), failure);
    }
    ++written_.file_count;
    written_.size_bytes += text.size();
    return write_file_atomic(file, text);
  }
  // asterismData("points/umap", "..."); `content` is JSON.
  Result<void> write_data(std::string_view name, std::string_view content) {
    const std::string quoted = Json(name).dump(-1, ' ', true, Json::error_handler_t::replace);
    return write(fmt::format("data/{}.js", name), fmt::format("asterismData({}, {});\n", quoted, content));
  }
  Result<void> write_json(std::string_view name, const Json& json) {
    return write_data(name, json.dump(-1, ' ', true, Json::error_handler_t::replace));
  }
  Result<void> write_bytes(std::string_view name, std::string_view bytes) {
    return write_data(name, fmt::format("\"{}\"", base64(bytes)));
  }

  Result<AtlasExport> put_in_place() {
    const fs::path old = fmt::format("{}.old-{}", wanted_.string(), getpid());
    std::error_code failure;
    const bool replaces = fs::exists(wanted_, failure);
    if (replaces) {
      fs::rename(wanted_, old, failure);
    }
    if (!failure) {
      fs::rename(path_, wanted_, failure);
    }
    if (failure) {
      std::error_code ignored;
      if (replaces && !fs::exists(wanted_, ignored)) {
        fs::rename(old, wanted_, ignored);
      }
      return system_failure(wanted_.string(), failure);
    }
    fs::remove_all(old, failure);
    return written_;
  }

 private:
  fs::path wanted_;
  fs::path path_;
  AtlasExport written_;
};

// What is near every row on one map, and how near that is in truth.
struct NearOnMap {
  std::string map;
  std::vector<std::uint32_t> rows;  // [row_count, kExportNeighborCount], nearest first; kNoNeighbor where there is none
  std::vector<std::uint8_t> ranks;  // of the same: place among the original neighbours, from 1; 0 = false neighbour
};

Result<NearOnMap> near_on_map(const std::string& name, const RowsView& points, const AnalysisRun& run) {
  NearOnMap out{.map = name,
                .rows = std::vector<std::uint32_t>(points.row_count * kExportNeighborCount, kNoNeighbor),
                .ranks = std::vector<std::uint8_t>(points.row_count * kExportNeighborCount, 0)};
  std::vector<std::uint32_t> placed;
  std::vector<float> places;
  for (std::uint32_t row = 0; row < points.row_count; ++row) {
    const auto place = points.row(row);
    if (std::ranges::all_of(place, [](float value) { return std::isfinite(value); })) {
      placed.push_back(row);
      places.insert(places.end(), place.begin(), place.end());
    }
  }
  if (placed.size() < 2) {
    return out;
  }
  const auto graph = neighbor_graph({.values = places, .row_count = placed.size(), .dim = points.dim},
                                    {.neighbor_count = std::min(kExportNeighborCount, placed.size() - 1)}, run);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  for (std::size_t i = 0; i < placed.size(); ++i) {
    for (std::size_t j = 0; j < graph->neighbor_count; ++j) {
      out.rows[placed[i] * kExportNeighborCount + j] = placed[graph->neighbors[i * graph->neighbor_count + j]];
    }
  }
  return out;
}

// `original` are the neighbours of `row` in the vectors, nearest first.
void rank_on_map(NearOnMap& near, std::size_t row, std::span<const ScoredRow> original) {
  for (std::size_t at = row * kExportNeighborCount; at < (row + 1) * kExportNeighborCount; ++at) {
    const auto found = std::ranges::find(original, near.rows[at], &ScoredRow::row);
    near.ranks[at] = found == original.end() ? 0 : static_cast<std::uint8_t>(found - original.begin() + 1);
  }
}
static_assert(kRankCountMax <= std::numeric_limits<std::uint8_t>::max());

class Exporter {
 public:
  // `prefix` stands before the names of all its files.
  Exporter(const ExportedState& state, std::string prefix, NewFolder& folder, const AnalysisRun& run)
      : collection_(*state.collection),
        atlas_(*state.atlas),
        snapshot_(state.atlas->snapshot()),
        prefix_(std::move(prefix)),
        folder_(folder),
        run_(run) {}

  // `version_folders`: of the manifest.
  Result<void> run(const Json& version_folders) {
    for (auto part :
         {&Exporter::maps, &Exporter::columns, &Exporter::items, &Exporter::neighbors, &Exporter::sprites}) {
      if (auto done = (this->*part)(); !done) {
        return done;
      }
    }
    return manifest(version_folders);
  }

 private:
  Result<void> write_bytes(std::string_view name, std::string_view bytes) {
    return folder_.write_bytes(fmt::format("{}{}", prefix_, name), bytes);
  }
  Result<void> write_json(std::string_view name, const Json& json) {
    return folder_.write_json(fmt::format("{}{}", prefix_, name), json);
  }

  Result<void> maps() {
    auto all = atlas_.maps();
    std::erase_if(all, [&](const ProjectionSummary& map) { return is_step(map) && map.version != snapshot_.version; });
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::string& name = all[i].name;
      if (auto going = step(run_, "maps", i, all.size()); !going) {
        return going;
      }
      const auto map = atlas_.map(name);
      const auto distortion = map ? atlas_.distortion(collection_, name, run_) : std::unexpected(map.error());
      const auto labels = distortion ? atlas_.labels(collection_, name, run_) : std::unexpected(distortion.error());
      if (!labels) {
        return std::unexpected(labels.error());
      }
      auto written = write_bytes(fmt::format("points/{}", name), array_bytes((*map)->points));
      written = written ? write_bytes(fmt::format("distortion/{}", name), array_bytes((*distortion)->values)) : written;
      written = written ? write_json(fmt::format("labels/{}", name), **labels) : written;
      if (!written) {
        return written;
      }
      auto near = near_on_map(name, (*map)->view(), run_);
      if (!near) {
        return std::unexpected(std::move(near.error()));
      }
      near_.push_back(*std::move(near));
    }
    return {};
  }

  Result<void> columns() {
    for (const AtlasColumn& column : snapshot_.columns) {
      if (column.type == AtlasColumnType::kText || !is_exportable_name(column.name)) {
        continue;
      }
      const auto bytes = column_bytes(column);
      auto written =
          bytes ? write_bytes(fmt::format("columns/{}", column.name), *bytes) : std::unexpected(bytes.error());
      if (!written) {
        return written;
      }
    }
    return {};
  }

  std::vector<std::uint32_t> rows_from(std::size_t begin, std::size_t count) const {
    std::vector<std::uint32_t> rows(std::min(count, snapshot_.row_count() - begin));
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(begin));
    return rows;
  }

  Result<void> items() {
    for (std::size_t begin = 0; begin < snapshot_.row_count(); begin += kExportItemCount) {
      if (auto going = step(run_, "items", begin, snapshot_.row_count()); !going) {
        return going;
      }
      Json chunk = Json::array();
      const std::vector<std::uint32_t> rows = rows_from(begin, kExportItemCount);
      for (std::size_t from = 0; from < rows.size(); from += kAtlasItemCountMax) {
        auto found = atlas_items(collection_, snapshot_,
                                 std::span(rows).subspan(from, std::min(kAtlasItemCountMax, rows.size() - from)));
        if (!found) {
          return std::unexpected(std::move(found.error()));
        }
        for (Json& item : (*found)["items"]) {
          chunk.push_back(std::move(item));
        }
      }
      if (auto written = write_json(fmt::format("items/{}", begin / kExportItemCount), chunk); !written) {
        return written;
      }
    }
    return {};
  }

  Result<void> neighbors() {
    std::vector<std::uint32_t> rows(snapshot_.row_count() * kExportNeighborCount, kNoNeighbor);
    std::vector<float> scores(rows.size(), std::numeric_limits<float>::quiet_NaN());
    for (std::size_t begin = 0; begin < snapshot_.row_count(); begin += kSearchBatchCount) {
      if (auto going = step(run_, "neighbors", begin, snapshot_.row_count()); !going) {
        return going;
      }
      const std::size_t count = std::min(kSearchBatchCount, snapshot_.row_count() - begin);
      const auto found = neighbors_of(begin, count);
      if (!found) {
        return std::unexpected(found.error());
      }
      for (std::size_t i = 0; i < count; ++i) {
        const std::vector<ScoredRow>& original = (*found)[i];
        for (std::size_t j = 0; j < std::min(original.size(), kExportNeighborCount); ++j) {
          rows[(begin + i) * kExportNeighborCount + j] = original[j].row;
          scores[(begin + i) * kExportNeighborCount + j] = original[j].score;
        }
        for (NearOnMap& near : near_) {
          rank_on_map(near, begin + i, original);
        }
      }
    }
    auto written = write_bytes("neighbors", array_bytes(rows));
    written = written ? write_bytes("neighbor_scores", array_bytes(scores)) : written;
    for (const NearOnMap& near : near_) {
      written = written ? write_bytes(fmt::format("map_neighbors/{}", near.map), array_bytes(near.rows)) : written;
      written = written ? write_bytes(fmt::format("map_ranks/{}", near.map), array_bytes(near.ranks)) : written;
    }
    return written;
  }

  // As many as tell false neighbours on a map from true ones. Of a row that was deleted since there are none.
  Result<std::vector<std::vector<ScoredRow>>> neighbors_of(std::size_t begin, std::size_t count) const {
    std::vector<std::string> ids;
    for (std::size_t row = begin; row < begin + count; ++row) {
      ids.emplace_back(snapshot_.ids.id(row));
    }
    const auto there = collection_.get(ids, {.metadata = false, .content = false, .data = false, .vector = false});
    if (!there) {
      return std::unexpected(there.error());
    }
    std::vector<std::vector<ScoredRow>> out(count);
    std::vector<SearchRequest> requests;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < count; ++i) {
      if ((*there)[i]) {
        requests.push_back({.like = {query_id(ids[i])},
                            .k = kRankCountMax,
                            .parts = {.metadata = false, .content = false, .data = false, .vector = false}});
        places.push_back(i);
      }
    }
    const auto results = collection_.search_batch(requests);
    if (!results) {
      return std::unexpected(results.error());
    }
    for (std::size_t i = 0; i < results->size(); ++i) {
      out[places[i]] = rows_of_hits(snapshot_, (*results)[i], kRankCountMax);
    }
    return out;
  }

  Result<void> sprites() {
    if (snapshot_.kind != ItemKind::kImage) {
      return {};
    }
    for (std::size_t begin = 0; begin < snapshot_.row_count(); begin += kSpriteRowCount) {
      if (auto going = step(run_, "pictures", begin, snapshot_.row_count()); !going) {
        return going;
      }
      const auto sheet = AtlasPictures::sheet(collection_, snapshot_, rows_from(begin, kSpriteRowCount),
                                              kSpriteGridEdge, kExportSpriteEdge);
      auto written = sheet ? folder_.write_data(fmt::format("{}sprites/{}", prefix_, begin / kSpriteRowCount),
                                                fmt::format("\"data:image/jpeg;base64,{}\"", base64(*sheet)))
                           : std::unexpected(sheet.error());
      if (!written) {
        return written;
      }
    }
    return {};
  }

  Result<void> manifest(const Json& version_folders) {
    Json out = atlas_manifest(atlas_, {});
    out["version_folders"] = version_folders;
    for (Json& column : out["columns"]) {
      if (!is_exportable_name(column["name"].get<std::string>())) {
        column = {{"name", column["name"]},
                  {"type", atlas_column_type_name(AtlasColumnType::kText)},
                  {"missing", column["missing"]},
                  {"distinct", column["distinct"]}};
      }
    }
    return write_json("manifest", out);
  }

  const Collection& collection_;
  Atlas& atlas_;
  const AtlasSnapshot& snapshot_;
  const std::string prefix_;
  NewFolder& folder_;
  const AnalysisRun& run_;
  std::vector<NearOnMap> near_;  // of every map
};

}  // namespace

bool is_exportable_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > kNameSizeBytesMax) {
    return false;
  }
  for (std::string_view rest = name;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (segment.empty() || segment == "." || segment == ".." || std::ranges::any_of(segment, [](char c) {
          return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == '\x7F';
        })) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    rest.remove_prefix(slash + 1);
  }
}

Result<void> expect_export_place(const std::filesystem::path& folder) {
  if (!atlas_page({{"mode", "export"}})) {
    return fail(ErrorCode::kUnsupported, "export: this program was built without the page of the atlas",
                "build the page first: tools/setup/web.sh");
  }
  std::error_code failure;
  if (!fs::exists(folder, failure)) {
    return {};
  }
  if (!fs::is_directory(folder, failure)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected a folder, found a file", folder.string()));
  }
  if (fs::is_empty(folder, failure) || is_earlier_export(folder)) {
    return {};
  }
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: expected a folder that is empty or holds an earlier export, found other files", folder.string()),
      "name another folder");
}

Result<AtlasExport> export_atlas(std::span<const ExportedState> states, const std::filesystem::path& folder,
                                 const AnalysisRun& run) {
  if (auto place = expect_export_place(folder); !place) {
    return std::unexpected(std::move(place.error()));
  }
  std::size_t row_count = 0;
  Json version_folders = Json::object();
  std::vector<std::string> prefixes;
  for (const ExportedState& state : states) {
    row_count += state.atlas->snapshot().row_count();
    prefixes.push_back(prefixes.empty() ? std::string() : fmt::format("versions/{}/", prefixes.size()));
    version_folders[state.atlas->snapshot().version] = prefixes.back();
  }
  if (row_count > kExportRowCountMax) {
    return fail(
        ErrorCode::kLimitExceeded,
        fmt::format("export: expected at most {} items in all its versions, found {}", kExportRowCountMax, row_count),
        "serve it: `asterism atlas` without --export");
  }
  fs::path wanted = folder.lexically_normal();
  if (!wanted.has_filename()) {
    wanted = wanted.parent_path();
  }
  NewFolder written(wanted);
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (auto done = Exporter(states[i], prefixes[i], written, run).run(version_folders); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  auto done = written.write(kPageFile, atlas_page({{"mode", "export"}}).value_or(""));
  return done ? written.put_in_place() : std::unexpected(std::move(done.error()));
}

}  // namespace asterism::service
