#include "server/atlas_host.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace asterism::server {
namespace {

constexpr std::string_view kOpenStage = "reading";

}  // namespace

AtlasHost::AtlasHost(CollectionHost& collections, AtlasHostOptions options)
    : collections_(collections), options_(std::move(options)) {
  worker_.emplace("maps of collections", 1, kAtlasWorkCountMax);
  collections_.on_drop([this](const std::string& name) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(held_, [&](const Held& held) { return held.name == name; });
  });
}

AtlasHost::~AtlasHost() {
  collections_.on_drop({});
  cancel_.request();
  worker_.reset();
}

std::shared_ptr<service::Atlas> AtlasHost::find(const std::string& name, const std::string& version,
                                                std::uint64_t version_number) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find_if(held_, [&](const Held& held) {
    return held.name == name && held.version == version && held.atlas->snapshot().version_number == version_number;
  });
  if (found == held_.end()) {
    return nullptr;
  }
  std::rotate(found, std::next(found), held_.end());
  return held_.back().atlas;
}

void AtlasHost::hold(const std::string& name, const std::string& version, std::shared_ptr<service::Atlas> atlas) {
  const std::scoped_lock lock(mutex_);
  if (held_.size() >= kOpenAtlasCountMax) {
    held_.erase(held_.begin());
  }
  held_.push_back({.name = name, .version = version, .atlas = std::move(atlas)});
}

Result<std::shared_ptr<service::Atlas>> AtlasHost::held(const std::string& name, std::string_view snapshot) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find_if(
      held_, [&](const Held& held) { return held.name == name && held.atlas->snapshot().name == snapshot; });
  if (found == held_.end()) {
    return fail(ErrorCode::kMismatch,
                fmt::format("collection \"{}\": the snapshot \"{}\" is not held any more", name, snapshot),
                "open the atlas anew");
  }
  std::rotate(found, std::next(found), held_.end());
  return held_.back().atlas;
}

void AtlasHost::run(const std::shared_ptr<Task>& task, const Work& work) {
  if (!pool_) {
    pool_ =
        std::make_unique<ThreadPool>(options_.thread_count == 0 ? available_processor_count() : options_.thread_count);
  }
  const AnalysisRun run{
      .pool = *pool_, .cancel = &cancel_, .progress = [&](std::string_view stage, std::size_t done, std::size_t total) {
        const std::scoped_lock lock(mutex_);
        task->progress = {.stage = std::string(stage), .done = done, .total = total};
      }};
  auto done = cancel_.requested() ? fail(ErrorCode::kUnavailable, "the server is stopping") : work(run);
  const std::scoped_lock lock(mutex_);
  task->ended = true;
  if (!done) {
    task->error = std::move(done.error());
  }
  ended_.notify_all();
}

Result<std::optional<AtlasWork>> AtlasHost::ensure(const std::string& key, bool anew, Work work) {
  std::unique_lock lock(mutex_);
  auto& place = tasks_[key];
  if (anew && place && place->ended && !place->error) {
    place.reset();
  }
  if (!place) {
    place = std::make_shared<Task>();
    place->progress.stage = kOpenStage;
    auto posted = worker_->post([this, task = place, work = std::move(work)] { run(task, work); });
    if (!posted) {
      tasks_.erase(key);
      return std::unexpected(std::move(posted.error()));
    }
  }
  const std::shared_ptr<Task> task = place;
  if (!ended_.wait_for(lock, kAtlasWait, [&] { return task->ended; })) {
    return task->progress;
  }
  // Whoever comes first takes the key away, so that what failed is tried anew by the next.
  if (const auto found = tasks_.find(key); found != tasks_.end() && found->second == task) {
    tasks_.erase(found);
  }
  if (task->error) {
    return std::unexpected(*task->error);
  }
  return std::optional<AtlasWork>{};
}

AtlasAnswer<service::Atlas> AtlasHost::current(const std::string& name, const std::string& version) {
  const auto collection = collections_.get_version(name, version);
  const auto status = collection ? (*collection)->status() : std::unexpected(collection.error());
  if (!status) {
    return std::unexpected(status.error());
  }
  if (auto atlas = find(name, version, status->version_number)) {
    return atlas;
  }
  const auto open = [this, name, version, collection = *collection](const AnalysisRun& run) -> Result<void> {
    auto atlas = service::Atlas::open(
        *collection, {.name = name, .location = collections_.location(name), .version = version}, options_.map, run);
    if (!atlas) {
      return std::unexpected(std::move(atlas.error()));
    }
    hold(name, version, *std::move(atlas));
    return {};
  };
  const auto working = ensure(fmt::format("open {} {}", name, version), true, open);
  if (!working) {
    return std::unexpected(working.error());
  }
  if (*working) {
    return **working;
  }
  // It may have been written to meanwhile: what was read is what there is to show.
  const std::scoped_lock lock(mutex_);
  for (auto held = held_.rbegin(); held != held_.rend(); ++held) {
    if (held->name == name && held->version == version) {
      return held->atlas;
    }
  }
  return fail(ErrorCode::kOverloaded, fmt::format("collection \"{}\": too many atlases are opened at once", name));
}

template <typename T>
AtlasAnswer<const T> AtlasHost::work_out(const std::shared_ptr<service::Atlas>& atlas, const std::string& map,
                                         const Derived<T>& derived) {
  // What is no map is said at once.
  if (const auto known = atlas->map(map); !known) {
    return std::unexpected(known.error());
  }
  if (auto found = (atlas.get()->*derived.find)(map)) {
    return found;
  }
  const auto& snapshot = atlas->snapshot();
  const auto compute = [this, atlas, map, derived](const AnalysisRun& run) -> Result<void> {
    const auto collection = collections_.get_version(atlas->snapshot().collection, atlas->snapshot().version);
    const auto done =
        collection ? (atlas.get()->*derived.compute)(**collection, map, run) : std::unexpected(collection.error());
    return done ? Result<void>{} : std::unexpected(done.error());
  };
  const auto working =
      ensure(fmt::format("{} {} {} {}", derived.what, snapshot.collection, snapshot.name, map), true, compute);
  if (!working) {
    return std::unexpected(working.error());
  }
  if (auto found = (atlas.get()->*derived.find)(map)) {
    return found;
  }
  return working->value_or(AtlasWork{.stage = std::string(kOpenStage)});
}

AtlasAnswer<const service::MapDistortion> AtlasHost::distortion(const std::shared_ptr<service::Atlas>& atlas,
                                                                const std::string& map) {
  return work_out<service::MapDistortion>(
      atlas, map,
      {.what = "distortion", .find = &service::Atlas::find_distortion, .compute = &service::Atlas::distortion});
}

AtlasAnswer<const Json> AtlasHost::labels(const std::shared_ptr<service::Atlas>& atlas, const std::string& map) {
  return work_out<Json>(atlas, map,
                        {.what = "labels", .find = &service::Atlas::find_labels, .compute = &service::Atlas::labels});
}

AtlasAnswer<const SeriesSteps> AtlasHost::series(const std::string& name, service::SeriesRequest request) {
  if (const auto collection = collections_.get(name); !collection) {
    return std::unexpected(collection.error());
  }
  request.location = collections_.location(name);
  const std::string key = fmt::format("series {} {} {} {} {}", name, request.map.method, request.map.dim,
                                      request.map.seed, fmt::join(request.versions, "\n"));
  const auto compute = [request](const AnalysisRun& run) -> Result<void> {
    const auto steps = service::map_series(request, run);
    return steps ? Result<void>{} : std::unexpected(steps.error());
  };
  const auto working = ensure(key, false, compute);
  if (!working) {
    return std::unexpected(working.error());
  }
  if (*working) {
    return **working;
  }
  return std::make_shared<const SeriesSteps>(service::list_series(request.location, request.name));
}

}  // namespace asterism::server
