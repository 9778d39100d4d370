// Use cases around collections as a whole: make, list, show, tend and drop them. What goes into them and what comes out
// has headers of its own (collection_add.hpp, collection_search.hpp, collection_items.hpp, collection_file.hpp).
//
// Thread-safety: any thread; what writes to one collection excludes each other, between processes too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "dataset/row.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

// Which collection, and how it is opened.
struct CollectionTarget {
  std::string location = {};  // a folder or a URL
  std::string version = {};   // a named version to look at; empty = what is there now
  bool wait = false;          // for another writer to end
  std::size_t thread_count = 0;
  const CancelFlag* cancel = nullptr;  // borrowed; may be null
};

// A location as it may be shown: the password of a URL left out.
std::string shown_location(std::string_view location);

Result<Collection> open_for_reading(const CollectionTarget& target);
Result<Collection> open_for_writing(const CollectionTarget& target);

// A model as a collection keeps it: "builtin" for pictures is the one that takes them, and files by their whole path,
// so that the collection finds them from any working directory.
std::string kept_model_id(std::string_view model, PayloadKind kind);

// As the only text column: keywords are sought nowhere, and cost nothing.
inline constexpr std::string_view kNoTextColumns = "none";

// Settings of a new collection as they are kept: its model named as above; where it has one and no text columns are
// named, keywords are sought in the texts themselves (of images in their paths).
CollectionSettings kept_settings(CollectionSettings settings, PayloadKind kind);
// The same, and the model is fetched.
Result<CollectionSettings> new_collection_settings(CollectionSettings settings, PayloadKind kind,
                                                   const ModelFetch& fetch);

struct CreateCollectionRequest {
  std::string location;
  CollectionSettings settings;  // the model as the user names it
  ModelFetch fetch;
};
Result<CollectionStatus> create_collection(const CreateCollectionRequest& request);

struct ListedCollection {
  std::string location;
  std::optional<CollectionStatus> status;  // nothing where it cannot be opened,
  std::optional<Error> error;              // and why
};
// Every collection in or below `folders`, by path; folders that may not be read are passed over.
Result<std::vector<ListedCollection>> list_collections(std::span<const std::string> folders);

Result<CollectionStatus> collection_status(const CollectionTarget& target);
Result<void> drop_collection(std::string_view location);

struct CompactResponse {
  std::uint64_t size_before_bytes = 0;
  std::uint64_t size_bytes = 0;
};
Result<CompactResponse> compact_collection(const CollectionTarget& target, const ProgressSink& progress);
Result<CollectionStatus> build_collection_index(const CollectionTarget& target, const ProgressSink& progress);
Result<VerifyReport> verify_collection(const CollectionTarget& target, const ProgressSink& progress);
Result<CollectionTuneResult> tune_collection(const CollectionTarget& target, const CollectionTuneOptions& options);

Result<CollectionVersion> create_collection_version(const CollectionTarget& target, std::string_view name);
Result<void> drop_collection_version(const CollectionTarget& target, std::string_view name);
Result<CollectionStatus> restore_collection_version(const CollectionTarget& target, std::string_view name);

}  // namespace asterism::service
