#include "milvus/milvus_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "milvus/milvus_schema.hpp"
#include "store/filter_milvus.hpp"

namespace asterism {
namespace {

using Stub = milvus::MilvusService::Stub;
using std::chrono::milliseconds;

// Loading and indexing take as long as there are rows.
constexpr std::chrono::minutes kPatience{10};
constexpr milliseconds kPollPause{200};

Result<MilvusConnection> connect(const StoreLocation& location, const CancelFlag* cancel) {
  const auto address = parse_milvus_address(location);
  return address ? MilvusConnection::open(*address, cancel) : std::unexpected(address.error());
}

Result<milvus::DescribeCollectionResponse> describe(const MilvusConnection& connection) {
  return connection.call(&Stub::DescribeCollection, {.name = "DescribeCollection"},
                         milvus::DescribeCollectionRequest());
}

Result<void> drop_collection(const MilvusConnection& connection) {
  const auto dropped =
      connection.call(&Stub::DropCollection, {.name = "DropCollection"}, milvus::DropCollectionRequest());
  return dropped ? Result<void>{} : std::unexpected(dropped.error());
}

// Asks `is_done` until it says so.
Result<void> wait_until(const MilvusConnection& connection, std::string_view what,
                        const std::function<Result<bool>()>& is_done) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const auto done = is_done();
    if (!done) {
      return std::unexpected(done.error());
    }
    if (*done) {
      return {};
    }
    if (std::chrono::steady_clock::now() > end) {
      return fail(ErrorCode::kNetwork,
                  fmt::format("{}: expected the collection to be {} within {} min, found it is not yet",
                              connection.address().shown, what, kPatience.count()),
                  "the server goes on with it: open the collection again later");
    }
    if (auto paused = connection.pause(kPollPause); !paused) {
      return paused;
    }
  }
}

}  // namespace

MilvusStore::MilvusStore(MilvusConnection connection, CollectionSettings settings, bool is_read_only)
    : connection_(std::move(connection)), settings_(std::move(settings)), is_read_only_(is_read_only) {}

Result<std::unique_ptr<MilvusStore>> MilvusStore::create(const StoreLocation& location,
                                                         const CollectionSettings& settings) {
  if (auto checked = check_milvus_settings(settings); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  auto connection = connect(location, nullptr);
  if (!connection) {
    return std::unexpected(std::move(connection.error()));
  }
  const auto there = describe(*connection);
  if (there) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: there is a collection of that name", location.text),
                "open it, or drop it first");
  }
  if (there.error().code != ErrorCode::kNotFound) {
    return std::unexpected(there.error());
  }
  const auto created = connection->call(&Stub::CreateCollection, {.name = "CreateCollection", .is_repeatable = false},
                                        milvus_create_request(location.collection, settings));
  if (!created) {
    return std::unexpected(created.error());
  }
  auto store = std::make_unique<MilvusStore>(std::move(*connection), settings, false);
  auto ready = store->make_index();
  if (ready) {
    ready = store->load();
  }
  if (!ready) {
    // Nothing half made stays; the first error is the one to tell.
    (void)drop_collection(store->connection_);
    return std::unexpected(std::move(ready.error()));
  }
  return store;
}

Result<std::unique_ptr<MilvusStore>> MilvusStore::open(const StoreLocation& location,
                                                       const CollectionOpenOptions& options) {
  if (!options.version.empty()) {
    return fail(ErrorCode::kUnsupported, "a milvus collection has no versions", "collections in a folder have them");
  }
  auto connection = connect(location, options.cancel);
  if (!connection) {
    return std::unexpected(std::move(connection.error()));
  }
  const auto description = describe(*connection);
  if (!description) {
    return std::unexpected(description.error());
  }
  auto settings = read_milvus_settings(*description, location.text);
  if (!settings) {
    return std::unexpected(std::move(settings.error()));
  }
  auto store = std::make_unique<MilvusStore>(std::move(*connection), std::move(*settings), options.read_only);
  if (auto loaded = store->load(); !loaded) {
    return std::unexpected(std::move(loaded.error()));
  }
  return store;
}

Result<void> MilvusStore::drop(const StoreLocation& location) {
  const auto connection = connect(location, nullptr);
  if (!connection) {
    return std::unexpected(connection.error());
  }
  const auto description = describe(*connection);
  if (!description) {
    return std::unexpected(description.error());
  }
  // What is not ours is not dropped.
  if (const auto settings = read_milvus_settings(*description, location.text); !settings) {
    return std::unexpected(settings.error());
  }
  return drop_collection(*connection);
}

Result<void> MilvusStore::make_index() {
  auto made =
      connection_.call(&Stub::CreateIndex, {.name = "CreateIndex"}, milvus_index_request(settings_.metric, "HNSW"));
  if (!made && made.error().code != ErrorCode::kCancelled) {
    made = connection_.call(&Stub::CreateIndex, {.name = "CreateIndex"},
                            milvus_index_request(settings_.metric, "AUTOINDEX"));
  }
  return made ? Result<void>{} : std::unexpected(made.error());
}

Result<void> MilvusStore::load() {
  const auto asked = connection_.call(&Stub::LoadCollection, {.name = "LoadCollection", .timeout = kPatience},
                                      milvus::LoadCollectionRequest());
  if (!asked) {
    return std::unexpected(asked.error());
  }
  return wait_until(connection_, "loaded", [&]() -> Result<bool> {
    const auto state = connection_.call(&Stub::GetLoadState, {.name = "GetLoadState"}, milvus::GetLoadStateRequest());
    return state ? Result<bool>(state->state() == milvus_common::LoadStateLoaded) : std::unexpected(state.error());
  });
}

Result<void> MilvusStore::build_index(const LongWork& work) {
  const auto& progress = work.progress;
  milvus::FlushRequest request;
  request.add_collection_names(connection_.address().collection);
  const auto flushed = connection_.call(&Stub::Flush, {.name = "Flush", .timeout = kPatience}, request);
  if (!flushed) {
    return std::unexpected(flushed.error());
  }
  return wait_until(connection_, "indexed", [&]() -> Result<bool> {
    if (work.cancel != nullptr && work.cancel->requested()) {
      return fail(ErrorCode::kCancelled, fmt::format("{}: no longer waited for its index; the server goes on with it",
                                                     connection_.address().shown));
    }
    const auto found =
        connection_.call(&Stub::DescribeIndex, {.name = "DescribeIndex"}, milvus::DescribeIndexRequest());
    if (!found) {
      return std::unexpected(found.error());
    }
    bool done = true;
    for (const auto& index : found->index_descriptions()) {
      if (index.state() == milvus_common::Failed) {
        return fail(ErrorCode::kNetwork,
                    fmt::format("{}: index: {}", connection_.address().shown, index.index_state_fail_reason()));
      }
      done = done && index.state() == milvus_common::Finished && index.indexed_rows() >= index.total_rows();
      if (progress) {
        progress({.done = static_cast<std::uint64_t>(index.indexed_rows()),
                  .total = static_cast<std::uint64_t>(index.total_rows()),
                  .stage = "index"});
      }
    }
    return done;
  });
}

Result<CollectionStatus> MilvusStore::status() const {
  const auto item_count = count(nullptr);
  if (!item_count) {
    return std::unexpected(item_count.error());
  }
  const auto found = connection_.call(&Stub::DescribeIndex, {.name = "DescribeIndex"}, milvus::DescribeIndexRequest());
  if (!found && found.error().code != ErrorCode::kNotFound) {
    return std::unexpected(found.error());
  }
  CollectionStatus status;
  status.backend = backend();
  status.settings = settings_;
  status.item_count = *item_count;
  status.index = "none: the server has none on the vectors";
  if (found && !found->index_descriptions().empty()) {
    const auto& index = found->index_descriptions(0);
    const auto& parameters = index.params();
    const auto type = std::ranges::find(parameters, "index_type", &milvus_common::KeyValuePair::key);
    status.index = fmt::format("{} over {} of {} rows", type == parameters.end() ? "of its own kind" : type->value(),
                               index.indexed_rows(), index.total_rows());
  }
  return status;
}

Result<void> MilvusStore::check_writable() const {
  if (is_read_only_) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: opened for reading alone", connection_.address().shown));
  }
  return {};
}

// Ids are never empty: the condition that all fulfil.
Result<std::string> MilvusStore::expression(const FilterExpression* filter) const {
  return filter == nullptr ? Result<std::string>(fmt::format("{} != \"\"", kMilvusId)) : to_milvus(*filter);
}

}  // namespace asterism
