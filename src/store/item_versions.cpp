// Versions: naming the present state, forgetting a name, going back.
#include <fmt/format.h>

#include "store/item_writer.hpp"
#include "store/utc_time.hpp"

namespace asterism {
namespace {

// Dead rows that no version covers.
constexpr std::string_view kUncovered =
    "died IS NOT NULL AND NOT EXISTS (SELECT 1 FROM snapshot WHERE snapshot.version >= born AND snapshot.version < "
    "died)";

}  // namespace

Result<std::optional<CollectionVersion>> ItemWriter::find_version(std::string_view name) {
  auto select = connection_->prepare("SELECT version, created_at, item_count FROM snapshot WHERE name = ?1");
  if (!select) {
    return std::unexpected(select.error());
  }
  const auto row = select->bind(1, name).step();
  if (!row) {
    return std::unexpected(row.error());
  }
  if (!*row) {
    return std::optional<CollectionVersion>{};
  }
  return CollectionVersion{.name = std::string(name),
                           .created_at = std::string(select->text(1)),
                           .number = static_cast<std::uint64_t>(select->integer(0)),
                           .item_count = static_cast<std::uint64_t>(select->integer(2))};
}

Result<CollectionVersion> ItemWriter::known_version(std::string_view name) {
  auto version = find_version(name);
  if (!version) {
    return std::unexpected(std::move(version.error()));
  }
  if (!*version) {
    return fail(ErrorCode::kNotFound, fmt::format("version '{}': there is none of this name", name),
                "`asterism collection show` lists the versions");
  }
  return std::move(**version);
}

Result<CollectionVersion> ItemWriter::create_version(std::string_view name) {
  auto write = begin();
  if (!write) {
    return std::unexpected(write.error());
  }
  const auto before = find_version(name);
  if (!before) {
    return std::unexpected(before.error());
  }
  if (*before) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("version '{}': there is one of this name, of {}", name, (*before)->created_at),
                "choose another name, or drop that version");
  }
  // The state as the last write left it; this one changes no item.
  const CollectionVersion version{.name = std::string(name),
                                  .created_at = now_utc(),
                                  .number = static_cast<std::uint64_t>(write->state.version - 1),
                                  .item_count = static_cast<std::uint64_t>(write->state.item_count)};
  auto insert = connection_->prepare("INSERT INTO snapshot VALUES(?1, ?2, ?3, ?4)");
  if (!insert) {
    return std::unexpected(insert.error());
  }
  if (auto inserted = insert->bind(1, name)
                          .bind(2, static_cast<std::int64_t>(version.number))
                          .bind(3, std::string_view(version.created_at))
                          .bind(4, static_cast<std::int64_t>(version.item_count))
                          .run();
      !inserted) {
    return std::unexpected(std::move(inserted.error()));
  }
  write->changed = true;
  if (auto committed = commit(*write); !committed) {
    return std::unexpected(std::move(committed.error()));
  }
  return version;
}

Result<std::int64_t> ItemWriter::drop_version(std::string_view name) {
  auto write = begin();
  if (!write) {
    return std::unexpected(write.error());
  }
  const auto version = known_version(name);
  if (!version) {
    return std::unexpected(version.error());
  }
  auto remove = connection_->prepare("DELETE FROM snapshot WHERE name = ?1");
  if (!remove) {
    return std::unexpected(remove.error());
  }
  if (auto removed = remove->bind(1, name).run(); !removed) {
    return std::unexpected(std::move(removed.error()));
  }
  std::string sql = fmt::format("INSERT OR IGNORE INTO removed SELECT {}, slot FROM item WHERE {};",
                                write->state.version, kUncovered);
  if (!settings_.text_columns.empty()) {
    sql += fmt::format("INSERT INTO keyword(keyword, rowid, {}) SELECT 'delete', slot, {} FROM item WHERE {};",
                       keyword_columns(settings_), keyword_expressions(settings_), kUncovered);
  }
  sql += fmt::format("DELETE FROM vector WHERE slot IN (SELECT slot FROM item WHERE {0}); DELETE FROM item WHERE {0};",
                     kUncovered);
  if (auto deleted = connection_->execute(sql); !deleted) {
    return std::unexpected(std::move(deleted.error()));
  }
  write->changed = true;
  if (auto committed = commit(*write); !committed) {
    return std::unexpected(std::move(committed.error()));
  }
  return static_cast<std::int64_t>(version->number);
}

Result<void> ItemWriter::restore_version(std::string_view name) {
  auto write = begin();
  if (!write) {
    return std::unexpected(write.error());
  }
  const auto version = known_version(name);
  if (!version) {
    return std::unexpected(version.error());
  }
  const auto number = static_cast<std::int64_t>(version->number);
  // What lives now and did not then ends; what lived then and does not now is born again, as a row of its own.
  const auto ended = end_where(*write, {.sql = fmt::format("born > {}", number), .bind = {}});
  if (!ended) {
    return std::unexpected(ended.error());
  }
  if (auto born = revive(*write, number); !born) {
    return born;
  }
  write->state.item_count = static_cast<std::int64_t>(version->item_count);
  write->changed = true;
  return commit(*write);
}

Result<void> ItemWriter::revive(Write& write, std::int64_t version) {
  // The new slots follow the order of the old.
  auto sql = fmt::format(
      "CREATE TEMP TABLE IF NOT EXISTS revived(old INTEGER, new INTEGER PRIMARY KEY); DELETE FROM revived;"
      "INSERT INTO revived SELECT slot, {0} + row_number() OVER (ORDER BY slot) FROM item "
      "WHERE born <= {1} AND died > {1};"
      "INSERT INTO item(slot, id, kind, content, data, digest, metadata, born) "
      "SELECT new, id, kind, content, data, digest, metadata, {2} FROM revived JOIN item ON slot = old;"
      "INSERT INTO vector SELECT new, value FROM revived JOIN vector ON slot = old;",
      write.state.next_slot - 1, version, write.state.version);
  if (!settings_.text_columns.empty()) {
    sql += fmt::format("INSERT INTO keyword(rowid, {}) SELECT slot, {} FROM revived JOIN item ON slot = new;",
                       keyword_columns(settings_), keyword_expressions(settings_));
  }
  if (auto revived = connection_->execute(sql); !revived) {
    return revived;
  }
  const auto count = connection_->integer("SELECT count(*) FROM revived");
  if (!count) {
    return std::unexpected(count.error());
  }
  write.state.next_slot += count->value_or(0);
  return {};
}

}  // namespace asterism
