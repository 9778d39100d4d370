// The cache of the Hugging Face hub on this machine, laid out as huggingface_hub lays it out, so that both share it.
//
//   <cache>/models--org--name/refs/<revision>            text: the commit
//   <cache>/models--org--name/blobs/<etag>               contents; `<etag>.incomplete` while on its way
//   <cache>/models--org--name/snapshots/<commit>/<file>  relative symbolic link to the blob
//   <cache>/.locks/models--org--name/<etag>.lock         held (flock) while a blob is written
//
// Layout: huggingface_hub's guide "Understand caching". Thread-safety: values; locks guard against other processes.
// Internal to the module.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/file.hpp"

namespace asterism {

class HubCache {
 public:
  HubCache(std::filesystem::path root, std::string_view repository);

  std::filesystem::path blob_path(std::string_view etag) const { return folder_ / "blobs" / etag; }
  std::filesystem::path partial_path(std::string_view etag) const;
  std::filesystem::path snapshot_folder(std::string_view commit) const { return folder_ / "snapshots" / commit; }

  // The commit itself, or what refs/<revision> says; nothing when it says nothing usable.
  std::optional<std::string> commit_of(std::string_view revision) const;

  // Creates the folders that a download of this repository needs.
  Result<void> prepare() const;
  // Waits for another process that is writing the same blob.
  Result<FileLock> lock(std::string_view etag, const CancelFlag* cancel) const;
  // Puts snapshots/<commit>/<file> in place, replacing what is there.
  Result<void> link(std::string_view commit, std::string_view file, std::string_view etag) const;
  Result<void> write_ref(std::string_view revision, std::string_view commit) const;

 private:
  std::filesystem::path root_;
  std::filesystem::path folder_;
  std::filesystem::path lock_folder_;
};

}  // namespace asterism
