// The collections of one folder, by name: opened once, kept open, tended while they are.
//
// Each is open for writing, so that its index is built in the background and its recall is measured; while another
// process holds the writer's lock it is open for reading, and what writes says so.
// Ownership: owns collections and upkeep; what get() gives lives as long as somebody holds it. Thread-safety: any
// thread. Cost: opening reads no vectors; get() of an open one is a map lookup. It touches disks: not for a
// connection's thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "server/path_free_error.hpp"
#include "store/collection_embedder.hpp"
#include "store/collection_upkeep.hpp"

namespace asterism::server {

inline constexpr std::size_t kCollectionNameSizeMax = 64;
// Open collections at named versions; the one that was used least recently goes.
inline constexpr std::size_t kOpenVersionCountMax = 8;

// Letters, digits, '_' and '-': never a path. kInvalidArgument names what is expected.
Result<void> check_collection_name(std::string_view name);

// One collection by name, wherever it lies.
struct ServedCollection {
  std::string name;
  std::filesystem::path path;
};

struct CollectionHostOptions {
  std::filesystem::path folder;
  // This one alone, and those that are made while it is served, which go into `folder`.
  std::optional<ServedCollection> only = {};
  UpkeepOptions upkeep = {};
  std::size_t thread_count = 0;  // of searches and index builds; 0 = all processors
};

class CollectionHost {
  // Only open() makes hosts.
  struct Key {};

 public:
  CollectionHost(Key key, CollectionHostOptions options, std::shared_ptr<CollectionEmbedder> embedder);
  // Makes the folder where there is none.
  static Result<std::unique_ptr<CollectionHost>> open(CollectionHostOptions options,
                                                      std::shared_ptr<CollectionEmbedder> embedder);
  CollectionHost(const CollectionHost&) = delete;
  CollectionHost& operator=(const CollectionHost&) = delete;
  ~CollectionHost();

  // Sorted; folders with other names, or that hold no collection, are none.
  Result<std::vector<std::string>> names() const;
  // kNotFound where there is none.
  Result<std::shared_ptr<Collection>> get(std::string_view name);
  // kUnavailable while another process writes to it.
  Result<std::shared_ptr<Collection>> get_writable(std::string_view name);
  // As it was then; kNotFound where there is no such version.
  Result<std::shared_ptr<Collection>> get_version(std::string_view name, std::string_view version);
  // Before a version is dropped, or after another took its name.
  void forget_version(std::string_view name, std::string_view version);
  // kMismatch when there is one of that name.
  Result<std::shared_ptr<Collection>> create(std::string_view name, const CollectionSettings& settings);
  // Waits for those who use it; kUnavailable when that takes too long.
  Result<void> drop(std::string_view name);

  // What clients may see of what a collection answers: its name in place of its path.
  template <typename T>
  Result<T> without_folder(Result<T> result) const {
    return result ? std::move(result) : std::unexpected(without_path(std::move(result.error()), location({}), {}));
  }

  // Of each search without a filter that was answered by vectors.
  void note_search(std::string_view name, const SearchResult& result, std::size_t k);
  // Called with the name of a collection that is dropped, once nobody uses it any more, so that what is known of it
  // goes too. One listener; empty = none.
  void on_drop(std::function<void(const std::string& name)> listener);
  // The folder of a collection, whether it is there or not.
  std::string location(std::string_view name) const;
  std::optional<UpkeepStatus> upkeep_status(std::string_view name) const { return upkeep_.status(name); }
  // Recall and index builds as Prometheus' text.
  std::string metrics_text() const;
  // Breaks off index builds; nothing is tended any more.
  void stop();

 private:
  // Told when the last user of a collection has let go.
  struct Closing;
  struct Entry {
    std::mutex mutex;  // held while it is opened
    std::shared_ptr<Collection> collection;
    std::shared_ptr<Closing> closing;
    bool writable = false;
    bool dropped = false;
  };
  struct OpenVersion {
    std::string key;
    std::shared_ptr<Collection> collection;
  };

  bool is_served(std::string_view name) const;
  Result<std::shared_ptr<Entry>> entry(std::string_view name);
  Result<std::shared_ptr<Collection>> open_entry(std::string_view name, Entry& entry, bool writable);
  void keep(std::string_view name, Entry& entry, Collection&& collection, bool writable);
  void close_versions(std::string_view prefix);

  const CollectionHostOptions options_;
  const std::shared_ptr<CollectionEmbedder> embedder_;
  CollectionUpkeep upkeep_;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<Entry>, std::less<>> entries_;
  std::set<std::string, std::less<>> created_;  // beside the only one
  std::vector<OpenVersion> versions_;           // the most recently used last
  std::function<void(const std::string& name)> drop_listener_;
};

}  // namespace asterism::server
