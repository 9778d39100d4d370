#include "postgres/postgres_store.hpp"

#include <fmt/format.h>

#include <array>
#include <unordered_map>
#include <utility>

#include "base/thread_pool.hpp"
#include "postgres/postgres_items.hpp"
#include "store/filter_postgres.hpp"

namespace asterism {
namespace {

// Connections of one store at most: PostgreSQL starts a process for each.
constexpr std::size_t kConnectionCountMax = 16;
// Pieces in which rows are sent.
constexpr std::size_t kCopySizeBytes = std::size_t{1} << 20;
constexpr std::size_t kScanRowCount = 500;
constexpr const char* kReadOnly = "ISOLATION LEVEL REPEATABLE READ, READ ONLY";

// A condition with its parameters; "true" without a filter.
struct Condition {
  std::string sql = "true";
  std::vector<PostgresValue> values;
};

Condition condition_of(const FilterExpression* filter) {
  Condition condition;
  if (filter != nullptr) {
    FilterPostgres sql = to_postgres(*filter, postgres_filter_names());
    condition.sql = std::move(sql.text);
    for (std::string& parameter : sql.parameters) {
      condition.values.push_back({.bytes = std::move(parameter)});
    }
  }
  return condition;
}

std::size_t connection_count(const CollectionOpenOptions& options) {
  const std::size_t wanted = options.thread_count == 0 ? available_processor_count() : options.thread_count;
  return std::min(wanted, kConnectionCountMax);
}

// Rows that differ from what is there, in anything that is kept.
constexpr const char* kDiffers =
    "(old.kind, old.content, old.content_bytes, old.data, old.digest, old.metadata) IS DISTINCT FROM "
    "(excluded.kind, excluded.content, excluded.content_bytes, excluded.data, excluded.digest, excluded.metadata) "
    "OR old.embedding <> excluded.embedding";
constexpr const char* kReplace =
    "kind = excluded.kind, content = excluded.content, content_bytes = excluded.content_bytes, data = excluded.data, "
    "digest = excluded.digest, metadata = excluded.metadata, document = excluded.document, embedding = "
    "excluded.embedding";

// Rows by their first column, whose bytes they keep: valid while `rows` is.
std::unordered_map<std::string_view, std::size_t> rows_by_key(const PostgresRows& rows) {
  std::unordered_map<std::string_view, std::size_t> row_of;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    row_of[rows.bytes(row, 0)] = row;
  }
  return row_of;
}

}  // namespace

PostgresStore::PostgresStore(Key /*key*/, const StoreLocation& location, const CollectionOpenOptions& options)
    : name_(location.collection),
      is_read_only_(options.read_only),
      cancel_(options.cancel),
      pool_(location.address, location.text, connection_count(options), options.cancel) {}

Result<std::unique_ptr<PostgresStore>> PostgresStore::create(const StoreLocation& location,
                                                             const CollectionSettings& settings) {
  const PostgresPool pool(location.address, location.text, 1, nullptr);
  auto created = pool.transaction(
      "", [&](PostgresConnection& connection) { return create_collection(connection, location.collection, settings); });
  if (!created) {
    return std::unexpected(std::move(created.error()));
  }
  return open(location, {});
}

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(const StoreLocation& location,
                                                           const CollectionOpenOptions& options) {
  auto store = std::make_unique<PostgresStore>(Key{}, location, options);
  if (!options.version.empty()) {
    return store->unsupported("versions");
  }
  auto opened = store->pool_.transaction(kReadOnly, [&](PostgresConnection& connection) -> Result<void> {
    auto found = find_collection(connection, store->name_, false);
    if (!found) {
      return std::unexpected(std::move(found.error()));
    }
    store->collection_ = std::move(*found);
    return {};
  });
  if (!opened) {
    return std::unexpected(std::move(opened.error()));
  }
  return store;
}

Result<void> PostgresStore::drop(const StoreLocation& location) {
  const PostgresPool pool(location.address, location.text, 1, nullptr);
  return pool.transaction(
      "", [&](PostgresConnection& connection) { return drop_collection(connection, location.collection); });
}

Result<CollectionStatus> PostgresStore::status() const {
  CollectionStatus status;
  status.backend = backend();
  status.settings = collection_.settings;
  auto asked = pool_.transaction(kReadOnly, [&](PostgresConnection& connection) -> Result<void> {
    auto found = find_collection(connection, name_, false);
    if (!found) {
      return std::unexpected(std::move(found.error()));
    }
    auto sizes = connection.run(
        fmt::format("SELECT pg_total_relation_size('{}'), coalesce(pg_relation_size(to_regclass('{}')), 0), "
                    "(SELECT extversion FROM pg_extension WHERE extname = 'vector')",
                    found->table(), found->index()));
    if (!sizes) {
      return std::unexpected(std::move(sizes.error()));
    }
    const auto indexed = has_index(connection, *found);
    if (!indexed) {
      return std::unexpected(indexed.error());
    }
    status.item_count = static_cast<std::uint64_t>(found->item_count);
    status.version_number = static_cast<std::uint64_t>(found->version);
    status.size_bytes = static_cast<std::uint64_t>(sizes->integer(0, 0));
    status.index_size_bytes = static_cast<std::uint64_t>(sizes->integer(0, 1));
    const auto type = found->indexed_type();
    status.index =
        *indexed ? fmt::format("HNSW over {} rows as {} (pgvector {})", found->item_count, *type, sizes->bytes(0, 2))
        : type   ? "none: not built yet"
                 : fmt::format("none: pgvector's reach to {} components, these have {}", kPostgresHalfIndexDimMax,
                               found->settings.dim);
    return {};
  });
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  return status;
}

Result<void> PostgresStore::write(const std::function<Result<std::int64_t>(PostgresConnection&)>& body) {
  if (is_read_only_) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("collection '{}': opened for reading only", name_));
  }
  return pool_.transaction("", [&](PostgresConnection& connection) -> Result<void> {
    auto found = find_collection(connection, name_, true);
    if (!found) {
      return std::unexpected(std::move(found.error()));
    }
    if (found->number != collection_.number) {
      return fail(ErrorCode::kNotFound, fmt::format("collection '{}': it was dropped and made anew", name_),
                  "open it again");
    }
    const auto grown = body(connection);
    if (!grown) {
      return std::unexpected(grown.error());
    }
    return connection.run_script(
        fmt::format("UPDATE asterism_collection SET version = version + 1, item_count = item_count + ({}) "
                    "WHERE number = {}",
                    *grown, collection_.number));
  });
}

Result<AddSummary> PostgresStore::add_rows(PostgresConnection& connection, std::span<const Item> items) const {
  if (auto made = connection.run_script(
          fmt::format("CREATE TEMPORARY TABLE asterism_arriving ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA",
                      kPostgresItemColumns, collection_.table()));
      !made) {
    return std::unexpected(std::move(made.error()));
  }
  if (auto begun = connection.begin_copy(
          fmt::format("COPY asterism_arriving ({}) FROM STDIN (FORMAT binary)", kPostgresItemColumns));
      !begun) {
    return std::unexpected(std::move(begun.error()));
  }
  std::unordered_map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < items.size(); ++i) {
    last[items[i].id] = i;
  }
  PostgresCopyRows rows(kPostgresItemColumnCount);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (last[items[i].id] != i) {
      continue;
    }
    auto appended = append_item(rows, items[i], collection_.settings);
    if (appended && rows.size_bytes() >= kCopySizeBytes) {
      appended = connection.send_copy(rows.take());
    }
    if (!appended) {
      // The server waits for rows: it is told that none come, and the transaction ends with the error.
      const auto ended = connection.end_copy();
      static_cast<void>(ended);
      return std::unexpected(std::move(appended.error()));
    }
  }
  rows.finish();
  if (auto sent = connection.send_copy(rows.take()); !sent) {
    return std::unexpected(std::move(sent.error()));
  }
  if (auto ended = connection.end_copy(); !ended) {
    return std::unexpected(std::move(ended.error()));
  }
  // A row that an INSERT made has no xmax yet; one that it replaced has.
  auto counts = connection.run(
      fmt::format("WITH changed AS (INSERT INTO {0} AS old ({1}) SELECT {1} FROM asterism_arriving "
                  "ON CONFLICT (id) DO UPDATE SET {2} WHERE {3} RETURNING xmax = 0 AS is_new) "
                  "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM changed",
                  collection_.table(), kPostgresItemColumns, kReplace, kDiffers));
  if (!counts) {
    return std::unexpected(std::move(counts.error()));
  }
  AddSummary summary{.added_count = static_cast<std::uint64_t>(counts->integer(0, 0)),
                     .updated_count = static_cast<std::uint64_t>(counts->integer(0, 1))};
  summary.unchanged_count = last.size() - summary.added_count - summary.updated_count;
  return summary;
}

Result<AddSummary> PostgresStore::add(std::span<const Item> items) {
  AddSummary summary;
  if (items.empty()) {
    return summary;
  }
  auto written = write([&](PostgresConnection& connection) -> Result<std::int64_t> {
    auto added = add_rows(connection, items);
    if (!added) {
      return std::unexpected(std::move(added.error()));
    }
    summary = *added;
    return static_cast<std::int64_t>(added->added_count);
  });
  if (!written) {
    return std::unexpected(std::move(written.error()));
  }
  return summary;
}

Result<std::uint64_t> PostgresStore::erase(std::span<const std::string> ids) {
  std::uint64_t erased_count = 0;
  const std::array<PostgresValue, 1> values{{{postgres_bytes_array(ids)}}};
  auto written = write([&](PostgresConnection& connection) -> Result<std::int64_t> {
    auto erased =
        connection.run(fmt::format("DELETE FROM {} WHERE id = ANY ($1::bytea[])", collection_.table()), values);
    if (!erased) {
      return std::unexpected(std::move(erased.error()));
    }
    erased_count = erased->changed_count();
    return -static_cast<std::int64_t>(erased_count);
  });
  if (!written) {
    return std::unexpected(std::move(written.error()));
  }
  return erased_count;
}

Result<std::uint64_t> PostgresStore::erase_where(const FilterExpression& filter) {
  std::uint64_t erased_count = 0;
  const Condition condition = condition_of(&filter);
  auto written = write([&](PostgresConnection& connection) -> Result<std::int64_t> {
    auto erased =
        connection.run(fmt::format("DELETE FROM {} WHERE {}", collection_.table(), condition.sql), condition.values);
    if (!erased) {
      return std::unexpected(std::move(erased.error()));
    }
    erased_count = erased->changed_count();
    return -static_cast<std::int64_t>(erased_count);
  });
  if (!written) {
    return std::unexpected(std::move(written.error()));
  }
  return erased_count;
}

Result<std::vector<std::optional<Item>>> PostgresStore::get(std::span<const std::string> ids,
                                                            const ItemParts& parts) const {
  std::vector<std::optional<Item>> items(ids.size());
  const std::array<PostgresValue, 1> values{{{postgres_bytes_array(ids)}}};
  auto asked = pool_.transaction(kReadOnly, [&](PostgresConnection& connection) -> Result<void> {
    auto rows = connection.run(
        fmt::format("SELECT {} FROM {} WHERE id = ANY ($1::bytea[])", postgres_item_select(parts), collection_.table()),
        values);
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    const auto row_of = rows_by_key(*rows);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto found = row_of.find(ids[i]);
      if (found == row_of.end()) {
        items[i].reset();
        continue;
      }
      auto item = item_of_row(*rows, found->second, collection_.settings);
      if (!item) {
        return std::unexpected(std::move(item.error()));
      }
      items[i] = std::move(*item);
    }
    return {};
  });
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  return items;
}

Result<void> PostgresStore::scan(const FilterExpression* filter, const ItemParts& parts,
                                 const std::function<Result<void>(Item&&)>& take) const {
  const Condition condition = condition_of(filter);
  bool has_taken = false;
  Result<void> scanned;
  // What was taken is not taken again: an error after the first row ends the scan.
  auto ended = pool_.transaction(kReadOnly, [&](PostgresConnection& connection) -> Result<void> {
    if (has_taken) {
      return {};
    }
    auto declared = connection.run(
        fmt::format("DECLARE asterism_scan NO SCROLL CURSOR FOR SELECT {} FROM {} WHERE {} ORDER BY slot",
                    postgres_item_select(parts), collection_.table(), condition.sql),
        condition.values);
    if (!declared) {
      return std::unexpected(std::move(declared.error()));
    }
    while (true) {
      auto rows = connection.run(fmt::format("FETCH {} FROM asterism_scan", kScanRowCount));
      if (!rows) {
        scanned = has_taken ? Result<void>(std::unexpected(rows.error())) : Result<void>{};
        return std::unexpected(std::move(rows.error()));
      }
      for (std::size_t row = 0; row < rows->size(); ++row) {
        has_taken = true;
        auto item = item_of_row(*rows, row, collection_.settings);
        scanned = item ? take(std::move(*item)) : Result<void>(std::unexpected(std::move(item.error())));
        if (scanned && cancel_ != nullptr && cancel_->requested()) {
          scanned = fail(ErrorCode::kCancelled, fmt::format("collection '{}': stopped by the user", name_));
        }
        if (!scanned) {
          return scanned;
        }
      }
      if (rows->size() < kScanRowCount) {
        return {};
      }
    }
  });
  return scanned ? ended : scanned;
}

Result<std::uint64_t> PostgresStore::count(const FilterExpression* filter) const {
  const Condition condition = condition_of(filter);
  std::uint64_t counted = 0;
  auto asked = pool_.transaction(kReadOnly, [&](PostgresConnection& connection) -> Result<void> {
    auto rows = connection.run(fmt::format("SELECT count(*) FROM {} WHERE {}", collection_.table(), condition.sql),
                               condition.values);
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    counted = static_cast<std::uint64_t>(rows->integer(0, 0));
    return {};
  });
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  return counted;
}

Result<std::vector<std::optional<KnownVector>>> PostgresStore::vectors_of_content(
    std::span<const std::string> digests) const {
  std::vector<std::optional<KnownVector>> known(digests.size());
  const std::array<PostgresValue, 1> values{{{postgres_text_array(digests)}}};
  auto asked = pool_.transaction(kReadOnly, [&](PostgresConnection& connection) -> Result<void> {
    auto rows = connection.run(fmt::format("SELECT DISTINCT ON (digest) digest, embedding FROM {} "
                                           "WHERE digest = ANY ($1::text[]) ORDER BY digest, slot",
                                           collection_.table()),
                               values);
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    const auto row_of = rows_by_key(*rows);
    for (std::size_t i = 0; i < digests.size(); ++i) {
      const auto found = row_of.find(digests[i]);
      if (found == row_of.end()) {
        known[i].reset();
        continue;
      }
      auto vector =
          vector_of_postgres(rows->bytes(found->second, 1), collection_.settings.dim, collection_.settings.vector_type);
      if (!vector) {
        return std::unexpected(std::move(vector.error()));
      }
      known[i] = KnownVector{.vector = std::move(*vector)};
    }
    return {};
  });
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  return known;
}

Result<std::vector<DuplicatePair>> PostgresStore::equal_contents() const {
  std::vector<DuplicatePair> pairs;
  auto asked = pool_.transaction(kReadOnly, [&](PostgresConnection& connection) -> Result<void> {
    pairs.clear();
    auto rows = connection.run(fmt::format(
        "SELECT original, id FROM (SELECT id, slot, first_value(id) OVER same AS original, "
        "row_number() OVER same AS place FROM {} WHERE digest IS NOT NULL WINDOW same AS (PARTITION BY digest "
        "ORDER BY slot)) AS numbered WHERE place > 1 ORDER BY slot",
        collection_.table()));
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    for (std::size_t row = 0; row < rows->size(); ++row) {
      pairs.push_back({.id = std::string(rows->bytes(row, 0)),
                       .duplicate_id = std::string(rows->bytes(row, 1)),
                       .score = 1.0F,
                       .equal_content = true});
    }
    return {};
  });
  if (!asked) {
    return std::unexpected(std::move(asked.error()));
  }
  return pairs;
}

}  // namespace asterism
