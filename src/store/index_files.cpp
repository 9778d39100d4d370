#include "store/index_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <system_error>

#include "base/file.hpp"
#include "base/json.hpp"

namespace asterism {
namespace {

constexpr std::string_view kNamesFile = "current.json";
constexpr std::size_t kNamesSizeBytesMax = 4096;

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos && !name.starts_with('.');
}

void use_vectors(IndexFiles& files, const std::filesystem::path& path, const CollectionSettings& settings) {
  auto vectors = VectorFile::open(path);
  if (!vectors) {
    files.problem = vectors.error().message;
    return;
  }
  const auto& found = vectors->settings();
  if (found.type != settings.vector_type || found.dim != settings.dim ||
      found.data_version != static_cast<std::uint64_t>(files.version)) {
    files.problem = fmt::format("{}: holds other vectors than current.json says", path.string());
    return;
  }
  files.vectors.emplace(std::move(*vectors));
  files.positions = std::make_unique<SlotPositions>(files.vectors->keys());
}

void use_graph(IndexFiles& files, const std::filesystem::path& path, const CollectionSettings& settings) {
  auto graph = GraphIndex::open(path, IndexIdentity{.settings = graph_settings(settings),
                                                    .data_version = static_cast<std::uint64_t>(files.version)});
  if (!graph) {
    files.problem = graph.error().message;
    return;
  }
  files.graph.emplace(std::move(*graph));
}

}  // namespace

SlotPositions::SlotPositions(std::span<const std::uint64_t> keys) : keys_(keys), count_(keys.size()) {
  if (std::ranges::is_sorted(keys) && (keys.empty() || keys.front() != 0)) {
    return;
  }
  order_.resize(keys.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::erase_if(order_, [&](std::uint32_t position) { return keys[position] == 0; });
  std::ranges::sort(order_, {}, [&](std::uint32_t position) { return keys[position]; });
  count_ = order_.size();
}

std::optional<std::uint32_t> SlotPositions::find(std::int64_t slot) const noexcept {
  const auto key = static_cast<std::uint64_t>(slot);
  const bool ascending = order_.empty();
  std::size_t first = 0;
  for (std::size_t count = ascending ? keys_.size() : count_; count > 0;) {
    const std::size_t half = count / 2;
    const std::size_t middle = first + half;
    if (keys_[ascending ? middle : order_[middle]] < key) {
      first = middle + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  if (first >= (ascending ? keys_.size() : count_)) {
    return std::nullopt;
  }
  const auto position = ascending ? static_cast<std::uint32_t>(first) : order_[first];
  return keys_[position] == key && key != 0 ? std::optional(position) : std::nullopt;
}

GraphSettings graph_settings(const CollectionSettings& settings) {
  GraphSettings graph;
  graph.metric = settings.metric;
  graph.dim = settings.dim;
  return graph;
}

std::filesystem::path index_lock_path(const std::filesystem::path& folder) {
  return folder / "index.lock";
}

Result<std::optional<IndexNames>> read_index_names(const std::filesystem::path& folder) {
  const auto path = folder / kNamesFile;
  std::error_code failure;
  if (!std::filesystem::exists(path, failure)) {
    return std::optional<IndexNames>{};
  }
  const auto text = read_file(path, kNamesSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  const auto object = parse_json(*text, path.string());
  if (!object) {
    return std::unexpected(object.error());
  }
  const auto version = json_get<std::int64_t>(*object, "version", path.string());
  const auto stamp = json_get<std::int64_t>(*object, "stamp", path.string());
  const auto vectors = json_get<std::string>(*object, "vectors", path.string());
  const auto graph = json_find<std::string>(*object, "graph", path.string());
  if (!version || !stamp || !vectors || !graph) {
    return std::unexpected(!version   ? version.error()
                           : !stamp   ? stamp.error()
                           : !vectors ? vectors.error()
                                      : graph.error());
  }
  IndexNames names{.version = *version, .stamp = *stamp, .vectors = *vectors, .graph = graph->value_or("")};
  if (!is_plain_name(names.vectors) || (!names.graph.empty() && !is_plain_name(names.graph))) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected names of files beside it", path.string()));
  }
  return names;
}

Result<void> write_index_names(const std::filesystem::path& folder, const IndexNames& names) {
  Json object = {{"version", names.version}, {"stamp", names.stamp}, {"vectors", names.vectors}};
  if (!names.graph.empty()) {
    object["graph"] = names.graph;
  }
  return write_file_atomic(folder / kNamesFile, object.dump() + "\n");
}

IndexFiles open_index_files(const std::filesystem::path& folder, const CollectionSettings& settings) {
  // Between reading the list and opening what it names, another process may have built anew and removed the old.
  constexpr int kAttemptCountMax = 3;
  IndexFiles files;
  for (int attempt = 0; attempt < kAttemptCountMax; ++attempt) {
    files = {};
    const auto names = read_index_names(folder);
    if (!names) {
      files.problem = names.error().message;
      return files;
    }
    if (!*names) {
      return files;
    }
    files.version = (*names)->version;
    files.stamp = (*names)->stamp;
    use_vectors(files, folder / (*names)->vectors, settings);
    if (files.vectors && !(*names)->graph.empty()) {
      use_graph(files, folder / (*names)->graph, settings);
    }
    const auto again = read_index_names(folder);
    if (files.problem.empty() || (again && *again && (*again)->version == files.version)) {
      break;
    }
  }
  if (!files.vectors) {
    files.graph.reset();
    files.version = 0;
  }
  return files;
}

void remove_old_index_files(const std::filesystem::path& folder, const IndexNames& kept) {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
    const auto name = entry.path().filename().string();
    const bool ours =
        name.starts_with("vectors-") || name.starts_with("graph-") || name.starts_with("current.json.tmp-");
    if (ours && name != kept.vectors && name != kept.graph) {
      std::filesystem::remove(entry.path(), failure);
    }
  }
}

std::uint64_t folder_size_bytes(const std::filesystem::path& folder) {
  std::uint64_t size_bytes = 0;
  std::error_code failure;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, failure)) {
    std::error_code gone;
    const auto size = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
    size_bytes += gone ? 0 : size;
  }
  return size_bytes;
}

}  // namespace asterism
