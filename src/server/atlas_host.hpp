// The atlases of a server's collections: one a collection (or a named version of it) and state, opened in the
// background, held while they are used.
//
// What takes longer than a moment is begun, and who asks is told how far it is (AtlasWork) and asks again. At most
// kOpenAtlasCountMax are held, the least recently used goes; a client that still has its name is told so (kMismatch).
// Ownership: borrows the collections, owns atlases and its thread. Thread-safety: any thread; a call waits up to
// kAtlasWait for what it asks. The destructor breaks off what runs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/thread_pool.hpp"
#include "server/collection_host.hpp"
#include "server/worker_pool.hpp"
#include "service/atlas.hpp"
#include "service/atlas_json.hpp"
#include "service/atlas_pictures.hpp"
#include "service/atlas_series.hpp"

namespace asterism::server {

inline constexpr std::size_t kOpenAtlasCountMax = 8;
inline constexpr std::size_t kAtlasWorkCountMax = 64;
inline constexpr std::chrono::milliseconds kAtlasWait{400};

// How far something is that was asked for.
struct AtlasWork {
  std::string stage;  // "reading", "neighbors"
  std::size_t done = 0;
  std::size_t total = 0;
};

template <typename T>
using AtlasAnswer = Result<std::variant<std::shared_ptr<T>, AtlasWork>>;

using SeriesSteps = std::vector<service::ProjectionSummary>;

struct AtlasHostOptions {
  std::size_t thread_count = 0;                 // of what is worked out; 0 = all processors
  std::optional<service::MapRequest> map = {};  // of which there shall be one; none = any
};

class AtlasHost {
 public:
  AtlasHost(CollectionHost& collections, AtlasHostOptions options);
  AtlasHost(const AtlasHost&) = delete;
  AtlasHost& operator=(const AtlasHost&) = delete;
  ~AtlasHost();

  // Of the collection as it is now; `version` empty or a named one. kNotFound, or what opening it failed with.
  AtlasAnswer<service::Atlas> current(const std::string& name, const std::string& version);
  // Of the snapshot that a client has. kMismatch when it is not held any more.
  Result<std::shared_ptr<service::Atlas>> held(const std::string& name, std::string_view snapshot);
  AtlasAnswer<const service::MapDistortion> distortion(const std::shared_ptr<service::Atlas>& atlas,
                                                       const std::string& map);
  AtlasAnswer<const Json> labels(const std::shared_ptr<service::Atlas>& atlas, const std::string& map);

  // Lays out the series that is asked for, and lists its steps.
  AtlasAnswer<const SeriesSteps> series(const std::string& name, service::SeriesRequest request);

  CollectionHost& collections() noexcept { return collections_; }
  service::AtlasPictures& pictures() noexcept { return pictures_; }

 private:
  struct Held {
    std::string name;
    std::string version;
    std::shared_ptr<service::Atlas> atlas;
  };
  struct Task {
    AtlasWork progress;
    bool ended = false;
    std::optional<Error> error;
  };
  using Work = std::function<Result<void>(const AnalysisRun& run)>;
  // What an atlas works out of a map when it is first asked.
  template <typename T>
  struct Derived {
    std::string_view what;
    std::shared_ptr<const T> (service::Atlas::*find)(std::string_view map) const;
    Result<std::shared_ptr<const T>> (service::Atlas::*compute)(const Collection& collection, std::string_view map,
                                                                const AnalysisRun& run);
  };

  std::shared_ptr<service::Atlas> find(const std::string& name, const std::string& version,
                                       std::uint64_t version_number);
  void hold(const std::string& name, const std::string& version, std::shared_ptr<service::Atlas> atlas);
  // Begins `work` where no work of that key runs. Nothing when it has ended well; its error once. `anew`: what ended
  // well before this call is begun again, since who asks has looked for what it gave and found none.
  Result<std::optional<AtlasWork>> ensure(const std::string& key, bool anew, Work work);
  void run(const std::shared_ptr<Task>& task, const Work& work);
  template <typename T>
  AtlasAnswer<const T> work_out(const std::shared_ptr<service::Atlas>& atlas, const std::string& map,
                                const Derived<T>& derived);

  CollectionHost& collections_;
  const AtlasHostOptions options_;
  service::AtlasPictures pictures_;
  CancelFlag cancel_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable ended_;
  std::vector<Held> held_;  // the most recently used last
  std::map<std::string, std::shared_ptr<Task>> tasks_;
  std::unique_ptr<ThreadPool> pool_;  // of the one thread below
  std::optional<WorkerPool> worker_;  // last: it uses all of the above
};

}  // namespace asterism::server
