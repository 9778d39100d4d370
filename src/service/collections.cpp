#include "service/collections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "asterism/encoder.hpp"
#include "store/embedded_store.hpp"
#include "store/vector_store.hpp"

namespace asterism::service {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kContentColumn = "$content";

CollectionOpenOptions open_options(const CollectionTarget& target, bool read_only) {
  return {.read_only = read_only,
          .wait_for_writer = target.wait,
          .version = target.version,
          .thread_count = target.thread_count,
          .cancel = target.cancel};
}

// Opens it, does something, says what came of it.
template <typename Use>
auto with_writer(const CollectionTarget& target, Use use) -> decltype(use(std::declval<Collection&>())) {
  auto collection = open_for_writing(target);
  if (!collection) {
    return std::unexpected(std::move(collection.error()));
  }
  return use(*collection);
}

Result<void> find_below(const fs::path& folder, std::vector<std::string>& found) {
  if (holds_collection(folder)) {
    found.push_back(folder.string());
    return {};
  }
  std::error_code failure;
  fs::recursive_directory_iterator walk(folder, fs::directory_options::skip_permission_denied, failure);
  if (failure) {
    return fail(failure == std::errc::no_such_file_or_directory ? ErrorCode::kNotFound : ErrorCode::kIo,
                fmt::format("{}: expected a folder: {}", folder.string(), failure.message()));
  }
  for (; walk != fs::recursive_directory_iterator{}; walk.increment(failure)) {
    std::error_code ignored;
    if (walk->is_directory(ignored) && holds_collection(walk->path())) {
      found.push_back(walk->path().string());
      walk.disable_recursion_pending();
    }
  }
  return {};
}

}  // namespace

std::string shown_location(std::string_view location) {
  const auto place = parse_location(location);
  return place ? place->text : std::string(location.substr(0, location.find("://")));
}

Result<Collection> open_for_reading(const CollectionTarget& target) {
  return Collection::open(target.location, open_options(target, true));
}

Result<Collection> open_for_writing(const CollectionTarget& target) {
  return Collection::open(target.location, open_options(target, false));
}

std::string kept_model_id(std::string_view model, PayloadKind kind) {
  std::string id = model_for(model, kind);
  std::error_code failure;
  if (!is_builtin_model(id) && fs::exists(id, failure)) {
    auto path = fs::absolute(id, failure).lexically_normal();
    return (path.has_filename() ? path : path.parent_path()).string();
  }
  return id;
}

CollectionSettings kept_settings(CollectionSettings settings, PayloadKind kind) {
  if (settings.text_columns == std::vector<std::string>{std::string(kNoTextColumns)}) {
    settings.text_columns.clear();
  } else if (settings.text_columns.empty() && !settings.model.id.empty()) {
    settings.text_columns.emplace_back(kContentColumn);
  }
  if (!settings.model.id.empty()) {
    settings.model.id = kept_model_id(settings.model.id, kind);
  }
  return settings;
}

Result<CollectionSettings> new_collection_settings(CollectionSettings settings, PayloadKind kind,
                                                   const ModelFetch& fetch) {
  settings = kept_settings(std::move(settings), kind);
  if (settings.model.id.empty()) {
    return settings;
  }
  if (auto fetched = fetch_model(settings.model.id, fetch); !fetched) {
    return std::unexpected(std::move(fetched.error()));
  }
  return settings;
}

Result<CollectionStatus> create_collection(const CreateCollectionRequest& request) {
  const auto settings = new_collection_settings(request.settings, PayloadKind::kText, request.fetch);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  const auto collection = Collection::create(request.location, *settings);
  return collection ? collection->status() : std::unexpected(collection.error());
}

Result<std::vector<ListedCollection>> list_collections(std::span<const std::string> folders) {
  std::vector<std::string> found;
  for (const std::string& folder : folders) {
    if (auto walked = find_below(folder, found); !walked) {
      return std::unexpected(std::move(walked.error()));
    }
  }
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
  std::vector<ListedCollection> list;
  for (std::string& location : found) {
    auto status = collection_status({.location = location});
    list.push_back({.location = std::move(location), .status = {}, .error = {}});
    if (status) {
      list.back().status = std::move(*status);
    } else {
      list.back().error = std::move(status.error());
    }
  }
  return list;
}

Result<CollectionStatus> collection_status(const CollectionTarget& target) {
  const auto collection = open_for_reading(target);
  return collection ? collection->status() : std::unexpected(collection.error());
}

Result<void> drop_collection(std::string_view location) {
  return Collection::drop(location);
}

Result<CompactResponse> compact_collection(const CollectionTarget& target, const ProgressSink& progress) {
  return with_writer(target, [&](Collection& collection) -> Result<CompactResponse> {
    const auto before = collection.status();
    if (!before) {
      return std::unexpected(before.error());
    }
    if (auto compacted = collection.compact({.progress = progress}); !compacted) {
      return std::unexpected(std::move(compacted.error()));
    }
    const auto after = collection.status();
    if (!after) {
      return std::unexpected(after.error());
    }
    return CompactResponse{.size_before_bytes = before->size_bytes, .size_bytes = after->size_bytes};
  });
}

Result<CollectionStatus> build_collection_index(const CollectionTarget& target, const ProgressSink& progress) {
  return with_writer(target, [&](Collection& collection) -> Result<CollectionStatus> {
    if (auto built = collection.build_index({.progress = progress}); !built) {
      return std::unexpected(std::move(built.error()));
    }
    return collection.status();
  });
}

Result<VerifyReport> verify_collection(const CollectionTarget& target, const ProgressSink& progress) {
  const auto collection = open_for_reading(target);
  return collection ? collection->verify({.progress = progress}) : std::unexpected(collection.error());
}

Result<CollectionTuneResult> tune_collection(const CollectionTarget& target, const CollectionTuneOptions& options) {
  return with_writer(target, [&](Collection& collection) { return collection.tune(options); });
}

Result<CollectionVersion> create_collection_version(const CollectionTarget& target, std::string_view name) {
  return with_writer(target, [&](Collection& collection) { return collection.create_version(name); });
}

Result<void> drop_collection_version(const CollectionTarget& target, std::string_view name) {
  return with_writer(target, [&](Collection& collection) { return collection.drop_version(name); });
}

Result<CollectionStatus> restore_collection_version(const CollectionTarget& target, std::string_view name) {
  return with_writer(target, [&](Collection& collection) -> Result<CollectionStatus> {
    if (auto restored = collection.restore_version(name); !restored) {
      return std::unexpected(std::move(restored.error()));
    }
    return collection.status();
  });
}

}  // namespace asterism::service
