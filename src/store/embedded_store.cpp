#include "store/embedded_store.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <system_error>
#include <thread>
#include <utility>

#include "base/json.hpp"
#include "base/system_error.hpp"
#include "store/embedded_lease.hpp"
#include "store/recall_json.hpp"
#include "store/sqlite_condition.hpp"

namespace asterism {
namespace {

constexpr std::string_view kDatabase = "collection.sqlite";
constexpr std::string_view kWriterLock = "writer.lock";
constexpr std::string_view kIndexFolder = "index";
constexpr std::string_view kUnfinishedStart = "collection.sqlite.tmp-";
constexpr std::chrono::seconds kCreationWaitMax{10};
constexpr std::chrono::milliseconds kCreationPollInterval{10};
// What a collection's folder may hold; anything else is somebody's. Projections are kept by
// service/projection_file.hpp.
constexpr std::array<std::string_view, 7> kOwnNames = {kDatabase,
                                                       "collection.sqlite-wal",
                                                       "collection.sqlite-shm",
                                                       kWriterLock,
                                                       kIndexFolder,
                                                       "collection.sqlite-journal",
                                                       "projections"};

bool is_held(const Error& of_lock) {
  return of_lock.message.ends_with("held by another process");
}

Result<FileLock> held_by_another(const std::filesystem::path& folder) {
  return fail(ErrorCode::kIo, fmt::format("{}: another process writes to the collection", folder.string()),
              "wait for it with --wait, or look who holds " + (folder / kWriterLock).string());
}

Result<FileLock> lock_for_writing(const std::filesystem::path& folder, const CollectionOpenOptions& options) {
  const auto path = folder / kWriterLock;
  if (options.wait_for_writer) {
    return FileLock::acquire(path, options.cancel);
  }
  auto lock = FileLock::try_acquire(path);
  return !lock && is_held(lock.error()) ? held_by_another(folder) : std::move(lock);
}

// Of a collection that is being made, or whose making was killed.
bool is_unfinished(std::string_view name) {
  return name.starts_with(kUnfinishedStart);
}

// Something in the folder that is no part of a collection; empty where there is none, or no folder.
std::string foreign_name(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    auto name = entry.path().filename().string();
    if (std::ranges::find(kOwnNames, name) == kOwnNames.end() && !is_unfinished(name)) {
      return name;
    }
  }
  return {};
}

void remove_unfinished(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (is_unfinished(entry.path().filename().string())) {
      found.push_back(entry.path());
    }
  }
  for (const auto& path : found) {
    std::filesystem::remove(path, ignored);
  }
}

// Two that make one collection at once must not both rename: the later would put an empty one over what the first has
// begun to fill. Who holds the lock of a folder without a collection makes one, which takes a moment.
Result<FileLock> lock_for_creating(const std::filesystem::path& folder) {
  const auto end = std::chrono::steady_clock::now() + kCreationWaitMax;
  while (true) {
    auto lock = FileLock::try_acquire(folder / kWriterLock);
    if (holds_collection(folder)) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: there is a collection already", folder.string()),
                  "add to it, or drop it first");
    }
    if (lock || !is_held(lock.error())) {
      return lock;
    }
    if (std::chrono::steady_clock::now() >= end) {
      return held_by_another(folder);
    }
    std::this_thread::sleep_for(kCreationPollInterval);
  }
}

std::unexpected<Error> no_collection(const std::filesystem::path& folder) {
  return fail(ErrorCode::kNotFound, fmt::format("{}: there is no collection", folder.string()),
              "`asterism collection create` makes one, or `asterism add` with -m MODEL");
}

// A medium that cannot be written to has no place for the files that readers share: what is there is read as it is.
Result<sqlite::Connection> open_for_reading(const std::filesystem::path& path) {
  const auto wal = path.string() + "-wal";
  std::error_code failure;
  const bool has_log = std::filesystem::exists(wal, failure) && std::filesystem::file_size(wal, failure) > 0;
  const bool writable = ::access(path.parent_path().c_str(), W_OK) == 0;
  return sqlite::Connection::open(path,
                                  writable || has_log ? sqlite::OpenMode::kReadOnly : sqlite::OpenMode::kImmutable);
}

}  // namespace

bool holds_collection(const std::filesystem::path& folder) {
  std::error_code failure;
  return std::filesystem::is_regular_file(folder / kDatabase, failure);
}

EmbeddedStore::EmbeddedStore(Key /*key*/, std::filesystem::path folder, CollectionSettings settings,
                             const CollectionOpenOptions& options)
    : folder_(std::move(folder)),
      settings_(std::move(settings)),
      cancel_(options.cancel),
      pool_(options.thread_count == 0 ? available_processor_count() : options.thread_count) {}

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::create(const std::filesystem::path& folder,
                                                             const CollectionSettings& settings) {
  std::error_code failure;
  if (holds_collection(folder)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: there is a collection already", folder.string()),
                "add to it, or drop it first");
  }
  if (!foreign_name(folder).empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected an empty or a new folder, found other files", folder.string()),
                "name a folder of its own for the collection");
  }
  std::filesystem::create_directories(folder, failure);
  if (failure) {
    return system_failure(fmt::format("{}: cannot be made", folder.string()), failure);
  }
  auto lock = lock_for_creating(folder);
  if (!lock) {
    return std::unexpected(std::move(lock.error()));
  }
  remove_unfinished(folder);
  // Made under another name, so that a collection is there whole or not at all.
  const auto unfinished = folder / fmt::format("{}.tmp-{}", kDatabase, ::getpid());
  auto created = [&]() -> Result<void> {
    auto connection = sqlite::Connection::open(unfinished, sqlite::OpenMode::kCreate);
    if (!connection) {
      return std::unexpected(connection.error());
    }
    return create_schema(*connection, settings);
  }();
  if (created) {
    std::filesystem::rename(unfinished, folder / kDatabase, failure);
    created = failure ? system_failure(folder.string(), failure) : Result<void>{};
  }
  if (!created) {
    std::filesystem::remove(unfinished, failure);
    lock->remove_file();
    return std::unexpected(std::move(created.error()));
  }
  return open_locked(folder, {}, std::move(*lock));
}

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(const std::filesystem::path& folder,
                                                           const CollectionOpenOptions& options) {
  if (!holds_collection(folder)) {
    return no_collection(folder);
  }
  std::optional<FileLock> lock;
  if (!options.read_only && options.version.empty()) {
    auto acquired = lock_for_writing(folder, options);
    if (!acquired) {
      return std::unexpected(std::move(acquired.error()));
    }
    lock.emplace(std::move(*acquired));
  }
  return open_locked(folder, options, std::move(lock));
}

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open_locked(const std::filesystem::path& folder,
                                                                  const CollectionOpenOptions& options,
                                                                  std::optional<FileLock> lock) {
  auto connection = open_for_reading(folder / kDatabase);
  if (!connection) {
    return std::unexpected(std::move(connection.error()));
  }
  auto settings = read_settings(*connection);
  if (!settings) {
    return std::unexpected(std::move(settings.error()));
  }
  auto store = std::make_unique<EmbeddedStore>(Key{}, folder, std::move(*settings), options);
  store->writer_lock_ = std::move(lock);
  if (auto chosen = store->choose_moment(options.version); !chosen) {
    return std::unexpected(std::move(chosen.error()));
  }
  const auto lease = store->lease();
  if (!lease) {
    return std::unexpected(lease.error());
  }
  store->recall_ = read_recall((*lease)->connection());
  store->served_recall_ = read_served_recall((*lease)->connection());
  return store;
}

Result<void> EmbeddedStore::choose_moment(std::string_view version) {
  if (version.empty()) {
    return {};
  }
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const auto known = versions(**reader);
  if (!known) {
    return std::unexpected(known.error());
  }
  const auto found = std::ranges::find(*known, version, &CollectionVersion::name);
  if (found == known->end()) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: there is no version '{}'", folder_.string(), version),
                "`asterism collection show` lists the versions");
  }
  moment_.version = static_cast<std::int64_t>(found->number);
  reader->drop();
  const std::scoped_lock lock(readers_mutex_);
  readers_.clear();
  return {};
}

Result<void> EmbeddedStore::drop(const std::filesystem::path& folder) {
  if (!holds_collection(folder)) {
    return no_collection(folder);
  }
  const auto lock = lock_for_writing(folder, {});
  if (!lock) {
    return std::unexpected(lock.error());
  }
  if (const std::string name = foreign_name(folder); !name.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: holds '{}', which is not the collection's", folder.string(), name),
                "move it away first: dropping removes the whole folder");
  }
  std::error_code failure;
  std::filesystem::remove_all(folder, failure);
  if (failure) {
    return system_failure(folder.string(), failure);
  }
  return {};
}

std::filesystem::path EmbeddedStore::index_folder() const {
  const auto folder = folder_ / kIndexFolder;
  return moment_.version ? folder / fmt::format("version-{}", *moment_.version) : folder;
}

Result<EmbeddedStore::Lease> EmbeddedStore::lease() const {
  {
    const std::scoped_lock lock(readers_mutex_);
    if (!readers_.empty()) {
      auto reader = std::move(readers_.back());
      readers_.pop_back();
      return Lease(*this, std::move(reader));
    }
  }
  auto connection = open_for_reading(folder_ / kDatabase);
  if (!connection) {
    return std::unexpected(std::move(connection.error()));
  }
  auto reader = ItemReader::create(std::move(*connection), moment_);
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  return Lease(*this, std::make_unique<ItemReader>(std::move(*reader)));
}

Result<ItemWriter*> EmbeddedStore::writer() {
  if (!writer_lock_) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: opened for reading{}", folder_.string(), moment_.version ? " at a version" : ""),
                "open it for writing");
  }
  if (!writer_) {
    auto connection = sqlite::Connection::open(folder_ / kDatabase, sqlite::OpenMode::kReadWrite);
    if (!connection) {
      return std::unexpected(std::move(connection.error()));
    }
    auto writer = ItemWriter::create(std::move(*connection), settings_);
    if (!writer) {
      return std::unexpected(std::move(writer.error()));
    }
    writer_.emplace(std::move(*writer));
  }
  return &*writer_;
}

Result<AddSummary> EmbeddedStore::add(std::span<const Item> items) {
  const std::scoped_lock lock(writer_mutex_);
  auto used = writer();
  return used ? (*used)->add(items) : std::unexpected(std::move(used.error()));
}

Result<std::uint64_t> EmbeddedStore::erase(std::span<const std::string> ids) {
  const std::scoped_lock lock(writer_mutex_);
  auto used = writer();
  return used ? (*used)->erase(ids) : std::unexpected(std::move(used.error()));
}

Result<std::uint64_t> EmbeddedStore::erase_where(const FilterExpression& filter) {
  const std::scoped_lock lock(writer_mutex_);
  auto used = writer();
  return used ? (*used)->erase_where(sqlite_condition(&filter)) : std::unexpected(std::move(used.error()));
}

Result<CollectionVersion> EmbeddedStore::create_version(std::string_view name) {
  if (name.empty()) {
    return fail(ErrorCode::kInvalidArgument, "version: expected a name, found an empty one");
  }
  const std::scoped_lock lock(writer_mutex_);
  auto used = writer();
  return used ? (*used)->create_version(name) : std::unexpected(std::move(used.error()));
}

Result<void> EmbeddedStore::drop_version(std::string_view name) {
  const std::scoped_lock lock(writer_mutex_);
  auto used = writer();
  if (!used) {
    return std::unexpected(std::move(used.error()));
  }
  const auto number = (*used)->drop_version(name);
  if (!number) {
    return std::unexpected(number.error());
  }
  std::error_code failure;
  std::filesystem::remove_all(folder_ / kIndexFolder / fmt::format("version-{}", *number), failure);
  return {};
}

Result<void> EmbeddedStore::restore_version(std::string_view name) {
  const std::scoped_lock lock(writer_mutex_);
  auto used = writer();
  return used ? (*used)->restore_version(name) : std::unexpected(std::move(used.error()));
}

Result<std::vector<std::optional<Item>>> EmbeddedStore::get(std::span<const std::string> ids,
                                                            const ItemParts& parts) const {
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const auto transaction = sqlite::Transaction::begin((*reader)->connection(), sqlite::Transaction::Kind::kRead);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  std::vector<std::optional<Item>> items(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto slot = (*reader)->slot_of(ids[i]);
    if (!slot) {
      return std::unexpected(slot.error());
    }
    if (!*slot) {
      continue;
    }
    auto item = (*reader)->item(**slot, parts, settings_);
    if (!item) {
      return std::unexpected(std::move(item.error()));
    }
    items[i] = std::move(*item);
  }
  return items;
}

Result<void> EmbeddedStore::scan(const FilterExpression* filter, const ItemParts& parts,
                                 const std::function<Result<void>(Item&&)>& take) const {
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const auto transaction = sqlite::Transaction::begin((*reader)->connection(), sqlite::Transaction::Kind::kRead);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  return (*reader)->scan(sqlite_condition(filter), parts, settings_, take);
}

Result<std::uint64_t> EmbeddedStore::count(const FilterExpression* filter) const {
  auto reader = lease();
  return reader ? (*reader)->count_where(sqlite_condition(filter)) : std::unexpected(std::move(reader.error()));
}

Result<bool> EmbeddedStore::any(const FilterExpression& filter) const {
  auto reader = lease();
  return reader ? (*reader)->any_where(sqlite_condition(&filter)) : std::unexpected(std::move(reader.error()));
}

Result<std::vector<CollectionVersion>> EmbeddedStore::versions(ItemReader& reader) const {
  auto select =
      reader.connection().prepare("SELECT name, version, created_at, item_count FROM snapshot ORDER BY version, name");
  if (!select) {
    return std::unexpected(select.error());
  }
  std::vector<CollectionVersion> versions;
  auto read = select->for_each([&]() -> Result<void> {
    versions.push_back({.name = std::string(select->text(0)),
                        .created_at = std::string(select->text(2)),
                        .number = static_cast<std::uint64_t>(select->integer(1)),
                        .item_count = static_cast<std::uint64_t>(select->integer(3))});
    return {};
  });
  return read ? Result<std::vector<CollectionVersion>>(std::move(versions)) : std::unexpected(std::move(read.error()));
}

Result<CollectionStatus> EmbeddedStore::status() const {
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  const auto transaction = sqlite::Transaction::begin((*reader)->connection(), sqlite::Transaction::Kind::kRead);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  const auto state = (*reader)->state();
  const auto count = (*reader)->count_where({});
  auto known_versions = versions(**reader);
  if (!state || !count || !known_versions) {
    return std::unexpected(!state ? state.error() : !count ? count.error() : known_versions.error());
  }
  CollectionStatus status{.backend = std::string(backend()),
                          .settings = settings_,
                          .item_count = *count,
                          .version_number = static_cast<std::uint64_t>(moment_.version.value_or(state->version)),
                          .versions = std::move(*known_versions),
                          .size_bytes = folder_size_bytes(folder_),
                          .index_size_bytes = folder_size_bytes(folder_ / kIndexFolder),
                          .index = {},
                          .recall = {}};
  const auto files = open_index_files(index_folder(), settings_);
  if (!files.vectors) {
    status.index = files.problem.empty() ? "none yet" : "none: " + files.problem;
  } else {
    const auto behind = status.version_number - static_cast<std::uint64_t>(files.version);
    status.index = fmt::format("{} over {} {}{}{}", files.graph ? "graph" : "vectors", files.row_count(),
                               files.row_count() == 1 ? "row" : "rows",
                               behind == 0 ? "" : fmt::format(", {} writes behind", behind),
                               files.problem.empty() ? "" : "; " + files.problem);
  }
  const std::scoped_lock lock(recall_mutex_);
  status.recall = recall_;
  status.served_recall = served_recall_;
  return status;
}

Result<std::vector<std::optional<KnownVector>>> EmbeddedStore::vectors_of_content(
    std::span<const std::string> digests) const {
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  auto select = (*reader)->connection().prepare(fmt::format(
      "SELECT value FROM item JOIN vector USING(slot) WHERE digest = ?1 AND digest IS NOT NULL AND {} LIMIT 1",
      moment_.condition()));
  if (!select) {
    return std::unexpected(select.error());
  }
  std::vector<std::optional<KnownVector>> known(digests.size());
  for (std::size_t i = 0; i < digests.size(); ++i) {
    if (digests[i].empty()) {
      continue;
    }
    const auto row = select->bind(1, std::string_view(digests[i])).step();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      continue;
    }
    auto vector = vector_of_blob(select->blob(0), settings_.dim, settings_.vector_type);
    select->reset();
    if (!vector) {
      return std::unexpected(std::move(vector.error()));
    }
    known[i].emplace(std::move(*vector));
  }
  return known;
}

Result<std::vector<DuplicatePair>> EmbeddedStore::equal_contents() const {
  auto reader = lease();
  if (!reader) {
    return std::unexpected(std::move(reader.error()));
  }
  auto select = (*reader)->connection().prepare(
      fmt::format("SELECT first, id FROM (SELECT slot, id, first_value(id) OVER same AS first, "
                  "row_number() OVER same AS place FROM item WHERE digest IS NOT NULL AND {} "
                  "WINDOW same AS (PARTITION BY digest ORDER BY slot)) WHERE place > 1 ORDER BY slot",
                  moment_.condition()));
  if (!select) {
    return std::unexpected(select.error());
  }
  std::vector<DuplicatePair> pairs;
  auto read = select->for_each([&]() -> Result<void> {
    pairs.push_back({.id = std::string(select->text(0)),
                     .duplicate_id = std::string(select->text(1)),
                     .score = 1.0F,
                     .equal_content = true});
    return {};
  });
  return read ? Result<std::vector<DuplicatePair>>(std::move(pairs)) : std::unexpected(std::move(read.error()));
}

}  // namespace asterism
