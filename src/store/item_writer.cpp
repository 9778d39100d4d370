#include "store/item_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "store/vector_store.hpp"

namespace asterism {
ItemWriter::ItemWriter(sqlite::Connection connection, const CollectionSettings& settings)
    : connection_(std::make_unique<sqlite::Connection>(std::move(connection))), settings_(settings) {}

Result<ItemWriter> ItemWriter::create(sqlite::Connection connection, const CollectionSettings& settings) {
  ItemWriter writer(std::move(connection), settings);
  if (auto prepared = writer.prepare(); !prepared) {
    return std::unexpected(std::move(prepared.error()));
  }
  return writer;
}

Result<void> ItemWriter::prepare() {
  // FULL: a commit that has returned is on the disk, also when the power goes. The log is cut back to this size.
  if (auto set = connection_->execute("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216; "
                                      "PRAGMA wal_autocheckpoint = 1000; PRAGMA cache_size = -65536");
      !set) {
    return set;
  }
  const auto keyword_values = keyword_expressions(settings_);
  const auto columns = keyword_columns(settings_);
  const std::pair<std::optional<sqlite::Statement>*, std::string> statements[] = {
      {&find_,
       "SELECT slot, born, kind, content, data, digest, metadata, value FROM item JOIN vector USING(slot) "
       "WHERE id = ?1 AND died IS NULL"},
      {&insert_item_,
       "INSERT INTO item(slot, id, kind, content, data, digest, metadata, born) "
       "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
      {&insert_vector_, "INSERT INTO vector(slot, value) VALUES(?1, ?2)"},
      {&update_metadata_, "UPDATE item SET metadata = ?2 WHERE slot = ?1"},
      {&mark_died_, "UPDATE item SET died = ?2 WHERE slot = ?1"},
      {&delete_item_, "DELETE FROM item WHERE slot = ?1"},
      {&delete_vector_, "DELETE FROM vector WHERE slot = ?1"},
      {&insert_removed_, "INSERT OR IGNORE INTO removed(version, slot) VALUES(?1, ?2)"},
      {&save_state_, "UPDATE state SET version = ?1, next_slot = ?2, item_count = ?3"},
      {&save_stamp_, "INSERT INTO written VALUES(?1, random())"}};
  for (const auto& [place, sql] : statements) {
    auto statement = connection_->prepare(sql);
    if (!statement) {
      return std::unexpected(statement.error());
    }
    place->emplace(std::move(*statement));
  }
  if (settings_.text_columns.empty()) {
    return {};
  }
  auto remove = connection_->prepare(
      fmt::format("INSERT INTO keyword(keyword, rowid, {}) SELECT 'delete', slot, {} FROM item WHERE slot = ?1",
                  columns, keyword_values));
  auto add = connection_->prepare(
      fmt::format("INSERT INTO keyword(rowid, {}) SELECT slot, {} FROM item WHERE slot = ?1", columns, keyword_values));
  if (!remove || !add) {
    return std::unexpected(remove ? add.error() : remove.error());
  }
  delete_keywords_.emplace(std::move(*remove));
  insert_keywords_.emplace(std::move(*add));
  return {};
}

Result<ItemWriter::Write> ItemWriter::begin() {
  auto transaction = sqlite::Transaction::begin(*connection_, sqlite::Transaction::Kind::kWrite);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  const auto state = read_state(*connection_);
  const auto newest = connection_->integer("SELECT max(version) FROM snapshot");
  if (!state || !newest) {
    return std::unexpected(state ? newest.error() : state.error());
  }
  Write write{.transaction = std::move(*transaction), .state = *state, .newest_snapshot = newest->value_or(-1)};
  ++write.state.version;
  return write;
}

Result<void> ItemWriter::commit(Write& write) {
  if (!write.changed) {
    return {};
  }
  if (auto saved = save_state_->bind(1, write.state.version)
                       .bind(2, write.state.next_slot)
                       .bind(3, write.state.item_count)
                       .run();
      !saved) {
    return saved;
  }
  if (auto saved = save_stamp_->bind(1, write.state.version).run(); !saved) {
    return saved;
  }
  return write.transaction.commit();
}

Result<AddSummary> ItemWriter::add(std::span<const Item> items) {
  std::unordered_map<std::string_view, std::size_t> last;
  last.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    last[items[i].id] = i;
  }
  auto write = begin();
  if (!write) {
    return std::unexpected(write.error());
  }
  AddSummary summary;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (last[items[i].id] != i) {
      continue;
    }
    if (auto added = add_one(*write, items[i], summary); !added) {
      return std::unexpected(std::move(added.error()));
    }
  }
  if (auto committed = commit(*write); !committed) {
    return std::unexpected(std::move(committed.error()));
  }
  return summary;
}

Result<void> ItemWriter::add_one(Write& write, const Item& item, AddSummary& summary) {
  auto metadata = plain_metadata(item);
  if (!metadata) {
    return std::unexpected(std::move(metadata.error()));
  }
  const NewRow row{.item = item,
                   .metadata = std::move(*metadata),
                   .digest = content_digest(item),
                   .vector = vector_blob(item.vector, settings_.vector_type)};
  auto old = compare(row);
  if (!old) {
    return std::unexpected(std::move(old.error()));
  }
  if (!*old) {
    ++summary.added_count;
    ++write.state.item_count;
    return insert(write, row);
  }
  const auto& found = **old;
  if (found.same_content && found.same_vector && found.same_metadata) {
    ++summary.unchanged_count;
    return {};
  }
  ++summary.updated_count;
  if (found.same_content && found.same_vector && found.row.born > write.newest_snapshot) {
    return update_metadata(write, found.row, row.metadata);
  }
  if (auto ended = end(write, found.row); !ended) {
    return ended;
  }
  return insert(write, row);
}

Result<std::optional<ItemWriter::Comparison>> ItemWriter::compare(const NewRow& row) {
  const auto& item = row.item;
  const auto found = find_->bind(1, std::string_view(item.id)).step();
  if (!found) {
    return std::unexpected(found.error());
  }
  if (!*found) {
    return std::optional<Comparison>{};
  }
  const Comparison comparison{.row = {.slot = find_->integer(0), .born = find_->integer(1)},
                              .same_content = find_->text(2) == item_kind_name(item.kind) &&
                                              find_->text(3) == item.content && find_->text(4) == item.data &&
                                              find_->text(5) == row.digest,
                              .same_vector = std::ranges::equal(find_->blob(7), row.vector),
                              .same_metadata = find_->text(6) == row.metadata};
  find_->reset();
  return comparison;
}

Result<void> ItemWriter::insert(Write& write, const NewRow& row) {
  const auto& item = row.item;
  const std::int64_t slot = write.state.next_slot++;
  write.changed = true;
  insert_item_->bind(1, slot)
      .bind(2, std::string_view(item.id))
      .bind(3, item_kind_name(item.kind))
      .bind(4, std::string_view(item.content))
      .bind(7, std::string_view(row.metadata))
      .bind(8, write.state.version);
  item.data.empty() ? insert_item_->bind_null(5) : insert_item_->bind_view(5, std::as_bytes(std::span(item.data)));
  row.digest.empty() ? insert_item_->bind_null(6) : insert_item_->bind(6, std::string_view(row.digest));
  if (auto inserted = insert_item_->run(); !inserted) {
    return inserted;
  }
  if (auto inserted = insert_vector_->bind(1, slot).bind_view(2, row.vector).run(); !inserted) {
    return inserted;
  }
  return add_keywords(slot);
}

Result<void> ItemWriter::update_metadata(Write& write, const OldRow& row, std::string_view metadata) {
  write.changed = true;
  if (auto removed = remove_keywords(row.slot); !removed) {
    return removed;
  }
  if (auto updated = update_metadata_->bind(1, row.slot).bind(2, metadata).run(); !updated) {
    return updated;
  }
  return add_keywords(row.slot);
}

Result<void> ItemWriter::end(Write& write, const OldRow& row) {
  write.changed = true;
  if (row.born <= write.newest_snapshot) {
    return mark_died_->bind(1, row.slot).bind(2, write.state.version).run();
  }
  if (auto removed = remove_keywords(row.slot); !removed) {
    return removed;
  }
  if (auto deleted = delete_item_->bind(1, row.slot).run(); !deleted) {
    return deleted;
  }
  if (auto deleted = delete_vector_->bind(1, row.slot).run(); !deleted) {
    return deleted;
  }
  return insert_removed_->bind(1, write.state.version).bind(2, row.slot).run();
}

Result<void> ItemWriter::remove_keywords(std::int64_t slot) {
  return delete_keywords_ ? delete_keywords_->bind(1, slot).run() : Result<void>{};
}

Result<void> ItemWriter::add_keywords(std::int64_t slot) {
  return insert_keywords_ ? insert_keywords_->bind(1, slot).run() : Result<void>{};
}

Result<std::uint64_t> ItemWriter::erase(std::span<const std::string> ids) {
  auto write = begin();
  if (!write) {
    return std::unexpected(write.error());
  }
  std::uint64_t erased_count = 0;
  for (const auto& id : ids) {
    const auto row = find_->bind(1, std::string_view(id)).step();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      continue;
    }
    const OldRow old{.slot = find_->integer(0), .born = find_->integer(1)};
    find_->reset();
    if (auto ended = end(*write, old); !ended) {
      return std::unexpected(std::move(ended.error()));
    }
    ++erased_count;
  }
  write->state.item_count -= static_cast<std::int64_t>(erased_count);
  if (auto committed = commit(*write); !committed) {
    return std::unexpected(std::move(committed.error()));
  }
  return erased_count;
}

Result<std::uint64_t> ItemWriter::erase_where(const SqlCondition& condition) {
  auto write = begin();
  if (!write) {
    return std::unexpected(write.error());
  }
  const auto ended_count = end_where(*write, condition);
  if (!ended_count) {
    return std::unexpected(ended_count.error());
  }
  write->state.item_count -= static_cast<std::int64_t>(*ended_count);
  if (auto committed = commit(*write); !committed) {
    return std::unexpected(std::move(committed.error()));
  }
  return *ended_count;
}

Result<std::uint64_t> ItemWriter::end_where(Write& write, const SqlCondition& condition) {
  auto select = connection_->prepare(fmt::format("SELECT slot, born FROM item WHERE died IS NULL AND ({})",
                                                 condition.sql.empty() ? "1" : condition.sql));
  if (!select) {
    return std::unexpected(select.error());
  }
  if (condition.bind) {
    condition.bind(*select, 1);
  }
  // Read whole before anything changes: what a statement sees of changes to its own table is not defined.
  std::vector<OldRow> rows;
  auto read = select->for_each([&]() -> Result<void> {
    rows.push_back({.slot = select->integer(0), .born = select->integer(1)});
    return {};
  });
  if (!read) {
    return std::unexpected(std::move(read.error()));
  }
  for (const auto& row : rows) {
    if (auto ended = end(write, row); !ended) {
      return std::unexpected(std::move(ended.error()));
    }
  }
  return rows.size();
}

Result<void> ItemWriter::forget_removed(std::int64_t version) {
  auto transaction = sqlite::Transaction::begin(*connection_, sqlite::Transaction::Kind::kWrite);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  if (auto deleted = connection_->execute(fmt::format("DELETE FROM removed WHERE version <= {0}; "
                                                      "UPDATE state SET removed_horizon = max(removed_horizon, {0})",
                                                      version));
      !deleted) {
    return deleted;
  }
  return transaction->commit();
}

Result<void> ItemWriter::put_setting(std::string_view name, std::string_view value) {
  auto put =
      connection_->prepare("INSERT INTO setting VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = excluded.value");
  if (!put) {
    return std::unexpected(put.error());
  }
  return put->bind(1, name).bind(2, value).run();
}

}  // namespace asterism
