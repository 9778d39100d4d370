#include "server/collection_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/system_error.hpp"
#include "server/path_free_error.hpp"
#include "store/embedded_store.hpp"

namespace asterism::server {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kDropTimeMax{10};

bool is_name_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::unexpected<Error> no_collection(std::string_view name) {
  return fail(ErrorCode::kNotFound, fmt::format("there is no collection \"{}\"", name),
              "GET /v1/collections lists them; POST /v1/collections makes one");
}

}  // namespace

struct CollectionHost::Closing {
  std::mutex mutex;
  std::condition_variable changed;
  bool closed = false;
};

Result<void> check_collection_name(std::string_view name) {
  if (!name.empty() && name.size() <= kCollectionNameSizeMax && std::ranges::all_of(name, is_name_letter)) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("collection: expected a name of 1 to {} letters, digits, '_' or '-', found \"{}\"",
                          kCollectionNameSizeMax, name.substr(0, kCollectionNameSizeMax)));
}

CollectionHost::CollectionHost(Key /*key*/, CollectionHostOptions options, std::shared_ptr<CollectionEmbedder> embedder)
    : options_(std::move(options)), embedder_(std::move(embedder)), upkeep_(options_.upkeep) {}

CollectionHost::~CollectionHost() {
  stop();
}

Result<std::unique_ptr<CollectionHost>> CollectionHost::open(CollectionHostOptions options,
                                                             std::shared_ptr<CollectionEmbedder> embedder) {
  std::error_code failure;
  fs::create_directories(options.folder, failure);
  if (failure) {
    return system_failure(fmt::format("{}: expected a folder for collections", options.folder.string()), failure);
  }
  if (!fs::is_directory(options.folder, failure)) {
    return fail(ErrorCode::kIo,
                fmt::format("{}: expected a folder for collections: it is none", options.folder.string()));
  }
  auto host = std::make_unique<CollectionHost>(Key{}, std::move(options), std::move(embedder));
  // So that what is due is built before anybody asks. One that cannot be opened says so when it is asked for.
  const auto names = host->names();
  if (!names) {
    return std::unexpected(names.error());
  }
  for (const std::string& name : *names) {
    (void)host->get(name);
  }
  return host;
}

bool CollectionHost::is_served(std::string_view name) const {
  if (!options_.only || options_.only->name == name) {
    return true;
  }
  const std::scoped_lock lock(mutex_);
  return created_.contains(name);
}

std::string CollectionHost::location(std::string_view name) const {
  if (options_.only && options_.only->name == name) {
    return options_.only->path.string();
  }
  return (options_.folder / name).string();
}

Result<std::vector<std::string>> CollectionHost::names() const {
  std::vector<std::string> out;
  if (options_.only) {
    const std::scoped_lock lock(mutex_);
    out.assign(created_.begin(), created_.end());
    out.push_back(options_.only->name);
    std::ranges::sort(out);
    return out;
  }
  std::error_code failure;
  for (fs::directory_iterator entry(options_.folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    std::string name = entry->path().filename().string();
    if (check_collection_name(name) && holds_collection(entry->path())) {
      out.push_back(std::move(name));
    }
  }
  if (failure) {
    return fail(ErrorCode::kIo, fmt::format("collections: the folder cannot be read: {}", failure.message()));
  }
  std::ranges::sort(out);
  return out;
}

Result<std::shared_ptr<CollectionHost::Entry>> CollectionHost::entry(std::string_view name) {
  if (auto checked = check_collection_name(name); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  const std::scoped_lock lock(mutex_);
  // Names that are asked for and are none leave nothing behind.
  std::erase_if(entries_, [](const auto& known) { return known.second.use_count() == 1 && !known.second->collection; });
  auto& place = entries_[std::string(name)];
  if (!place) {
    place = std::make_shared<Entry>();
  }
  return place;
}

// Holds the entry's lock.
void CollectionHost::keep(std::string_view name, Entry& entry, Collection&& collection, bool writable) {
  entry.closing = std::make_shared<Closing>();
  entry.writable = writable;
  entry.collection = std::shared_ptr<Collection>(std::make_unique<Collection>(std::move(collection)).release(),
                                                 [closing = entry.closing](Collection* last) {
                                                   std::default_delete<Collection>()(last);
                                                   const std::scoped_lock lock(closing->mutex);
                                                   closing->closed = true;
                                                   closing->changed.notify_all();
                                                 });
  if (writable) {
    upkeep_.watch(name, std::shared_ptr<VectorStore>(entry.collection, &entry.collection->store()));
  }
}

// Holds the entry's lock.
Result<std::shared_ptr<Collection>> CollectionHost::open_entry(std::string_view name, Entry& entry, bool writable) {
  if (entry.dropped) {
    return no_collection(name);
  }
  if (entry.collection && (entry.writable || !writable)) {
    return entry.collection;
  }
  const std::string place = location(name);
  if (!is_served(name) || !holds_collection(place)) {
    return no_collection(name);
  }
  CollectionOpenOptions options{.thread_count = options_.thread_count, .embedder = embedder_};
  auto opened = Collection::open(place, options);
  const bool may_write = opened.has_value();
  const ErrorCode code = opened ? ErrorCode{} : opened.error().code;
  // What cannot be written to can be read, as a rule.
  if (code == ErrorCode::kIo || (code == ErrorCode::kNoSpace && !writable)) {
    if (writable) {
      return fail(ErrorCode::kUnavailable, fmt::format("collection \"{}\": another process writes to it", name),
                  "try again when it has ended");
    }
    options.read_only = true;
    opened = Collection::open(place, options);
  }
  if (!opened) {
    return std::unexpected(without_path(std::move(opened.error()), place, name));
  }
  keep(name, entry, std::move(*opened), may_write);
  return entry.collection;
}

Result<std::shared_ptr<Collection>> CollectionHost::get(std::string_view name) {
  const auto found = entry(name);
  if (!found) {
    return std::unexpected(found.error());
  }
  const std::scoped_lock lock((*found)->mutex);
  return open_entry(name, **found, false);
}

Result<std::shared_ptr<Collection>> CollectionHost::get_writable(std::string_view name) {
  const auto found = entry(name);
  if (!found) {
    return std::unexpected(found.error());
  }
  const std::scoped_lock lock((*found)->mutex);
  return open_entry(name, **found, true);
}

Result<std::shared_ptr<Collection>> CollectionHost::get_version(std::string_view name, std::string_view version) {
  if (version.empty()) {
    return get(name);
  }
  if (const auto now = get(name); !now) {
    return now;
  }
  // Names of collections have no '/'.
  const std::string key = fmt::format("{}/{}", name, version);
  {
    const std::scoped_lock lock(mutex_);
    const auto found = std::ranges::find(versions_, key, &OpenVersion::key);
    if (found != versions_.end()) {
      std::rotate(found, std::next(found), versions_.end());
      return versions_.back().collection;
    }
  }
  const std::string place = location(name);
  auto opened = Collection::open(place, {.read_only = true,
                                         .version = std::string(version),
                                         .thread_count = options_.thread_count,
                                         .embedder = embedder_});
  if (!opened) {
    return std::unexpected(without_path(std::move(opened.error()), place, name));
  }
  auto collection = std::make_shared<Collection>(*std::move(opened));
  const std::scoped_lock lock(mutex_);
  if (versions_.size() >= kOpenVersionCountMax) {
    versions_.erase(versions_.begin());
  }
  versions_.push_back({key, collection});
  return collection;
}

void CollectionHost::forget_version(std::string_view name, std::string_view version) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(versions_, [key = fmt::format("{}/{}", name, version)](const OpenVersion& v) { return v.key == key; });
}

void CollectionHost::close_versions(std::string_view prefix) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(versions_, [&](const OpenVersion& version) { return version.key.starts_with(prefix); });
}

Result<std::shared_ptr<Collection>> CollectionHost::create(std::string_view name, const CollectionSettings& settings) {
  const auto found = entry(name);
  if (!found) {
    return std::unexpected(found.error());
  }
  Entry& entry = **found;
  const std::scoped_lock lock(entry.mutex);
  const std::string place = location(name);
  std::error_code ignored;
  if (entry.collection || fs::exists(place, ignored)) {
    return fail(ErrorCode::kMismatch, fmt::format("collection \"{}\": there is one of that name already", name),
                "choose another name, or DELETE it first");
  }
  auto created = Collection::create(place, settings, embedder_);
  if (!created) {
    return std::unexpected(without_path(std::move(created.error()), place, name));
  }
  {
    const std::scoped_lock all(mutex_);
    created_.emplace(name);
  }
  keep(name, entry, std::move(*created), true);
  return entry.collection;
}

Result<void> CollectionHost::drop(std::string_view name) {
  const auto found = entry(name);
  if (!found) {
    return std::unexpected(found.error());
  }
  Entry& entry = **found;
  const std::scoped_lock lock(entry.mutex);
  const std::string place = location(name);
  if (entry.dropped || !is_served(name) || !holds_collection(place)) {
    return no_collection(name);
  }
  upkeep_.forget(name);
  close_versions(fmt::format("{}/", name));
  if (entry.collection) {
    const auto closing = entry.closing;
    const std::weak_ptr<Collection> used = entry.collection;
    entry.collection.reset();
    std::unique_lock waiting(closing->mutex);
    if (!closing->changed.wait_for(waiting, kDropTimeMax, [&] { return closing->closed; })) {
      waiting.unlock();
      entry.collection = used.lock();
      return fail(ErrorCode::kUnavailable, fmt::format("collection \"{}\": it is still in use", name),
                  "try again when requests and jobs on it have ended");
    }
  }
  {
    std::function<void(const std::string&)> listener;
    {
      const std::scoped_lock all(mutex_);
      listener = drop_listener_;
    }
    if (listener) {
      listener(std::string(name));
    }
  }
  if (auto dropped = Collection::drop(place); !dropped) {
    return std::unexpected(without_path(std::move(dropped.error()), place, name));
  }
  // Whoever waits for this entry's lock finds that it is of no use; the next to ask gets a new one.
  entry.dropped = true;
  const std::scoped_lock all(mutex_);
  created_.erase(std::string(name));
  if (const auto place_of = entries_.find(name); place_of != entries_.end()) {
    entries_.erase(place_of);
  }
  return {};
}

void CollectionHost::on_drop(std::function<void(const std::string& name)> listener) {
  const std::scoped_lock lock(mutex_);
  drop_listener_ = std::move(listener);
}

void CollectionHost::note_search(std::string_view name, const SearchResult& result, std::size_t k) {
  upkeep_.note_search(name, result.query, k);
}

std::string CollectionHost::metrics_text() const {
  std::vector<std::string> names;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, entry] : entries_) {
      names.push_back(name);
    }
  }
  std::string recall;
  std::string builds;
  std::string failures;
  for (const std::string& name : names) {
    const auto status = upkeep_.status(name);
    if (!status) {
      continue;
    }
    if (status->recall) {
      fmt::format_to(std::back_inserter(recall), "asterism_collection_recall{{collection=\"{}\"}} {}\n", name,
                     status->recall->recall);
    }
    fmt::format_to(std::back_inserter(builds), "asterism_collection_index_builds_total{{collection=\"{}\"}} {}\n", name,
                   status->build_count);
    fmt::format_to(std::back_inserter(failures),
                   "asterism_collection_index_build_failures_total{{collection=\"{}\"}} {}\n", name,
                   status->failed_build_count);
  }
  return fmt::format(
      "# HELP asterism_collection_recall Share of the true nearest in answers given, mean of the last searches "
      "checked\n"
      "# TYPE asterism_collection_recall gauge\n{}"
      "# HELP asterism_collection_index_builds_total Index builds in the background\n"
      "# TYPE asterism_collection_index_builds_total counter\n{}"
      "# HELP asterism_collection_index_build_failures_total Those that failed\n"
      "# TYPE asterism_collection_index_build_failures_total counter\n{}",
      recall, builds, failures);
}

void CollectionHost::stop() {
  upkeep_.stop();
}

}  // namespace asterism::server
