#include "hub/hub_cache.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/system_error.hpp"
#include "hub/model_id.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRefSizeBytesMax = 256;

// https://bford.info/cachedir/: backup programs leave such folders out.
constexpr std::string_view kCacheTagName = "CACHEDIR.TAG";
constexpr std::string_view kCacheTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n# Downloaded models: all of this can be fetched again.\n";

Result<void> make_folders(const fs::path& path) {
  std::error_code ec;
  fs::create_directories(path, ec);
  if (ec) {
    return system_failure(fmt::format("{}: cannot create the folder", path.string()), ec,
                          "set HF_HOME to a folder that can be written");
  }
  return {};
}

}  // namespace

HubCache::HubCache(fs::path root, std::string_view repository)
    : root_(std::move(root)),
      folder_(root_ / repository_folder_name(repository)),
      lock_folder_(root_ / ".locks" / repository_folder_name(repository)) {}

fs::path HubCache::partial_path(std::string_view etag) const {
  return folder_ / "blobs" / fmt::format("{}.incomplete", etag);
}

std::optional<std::string> HubCache::commit_of(std::string_view revision) const {
  if (is_commit(revision)) {
    return std::string(revision);
  }
  auto text = read_file(folder_ / "refs" / revision, kRefSizeBytesMax);
  if (!text) {
    return std::nullopt;
  }
  while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) {
    text->pop_back();
  }
  return is_commit(*text) ? std::optional(std::move(*text)) : std::nullopt;
}

Result<void> HubCache::prepare() const {
  for (const fs::path& path : {folder_ / "blobs", folder_ / "refs", folder_ / "snapshots", lock_folder_}) {
    if (auto made = make_folders(path); !made) {
      return made;
    }
  }
  std::error_code ec;
  if (!fs::exists(root_ / kCacheTagName, ec)) {
    return write_file_atomic(root_ / kCacheTagName, kCacheTag);
  }
  return {};
}

Result<FileLock> HubCache::lock(std::string_view etag, const CancelFlag* cancel) const {
  return FileLock::acquire(lock_folder_ / fmt::format("{}.lock", etag), cancel);
}

Result<void> HubCache::link(std::string_view commit, std::string_view file, std::string_view etag) const {
  const fs::path pointer = snapshot_folder(commit) / file;
  if (auto made = make_folders(pointer.parent_path()); !made) {
    return made;
  }
  // Up from the file's folder to snapshots' parent: one for each part of the path below "snapshots".
  std::string target = "../..";
  for (auto slash = std::ranges::count(file, '/'); slash > 0; --slash) {
    target += "/..";
  }
  target += fmt::format("/blobs/{}", etag);
  std::error_code ec;
  if (fs::is_symlink(pointer, ec) && fs::read_symlink(pointer, ec) == target) {
    return {};
  }
  // Made beside and renamed, so that there is no moment without a file.
  fs::path temporary = pointer;
  static std::atomic<unsigned> counter{0};
  temporary += fmt::format(".tmp-{}-{}", ::getpid(), counter.fetch_add(1));
  fs::create_symlink(target, temporary, ec);
  if (!ec) {
    fs::rename(temporary, pointer, ec);
  }
  if (ec) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    return system_failure(fmt::format("{}: cannot create the link", pointer.string()), ec);
  }
  return {};
}

Result<void> HubCache::write_ref(std::string_view revision, std::string_view commit) const {
  if (revision == commit || commit_of(revision) == commit) {
    return {};
  }
  const fs::path path = folder_ / "refs" / revision;
  if (auto made = make_folders(path.parent_path()); !made) {
    return made;
  }
  return write_file_atomic(path, commit);
}

}  // namespace asterism
