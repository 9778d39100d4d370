// Changes to the rows of items, each in a transaction of its own.
//
// Ownership: owns its connection. Thread-safety: one thread at a time; the store's lock makes it the only writer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "store/item_table.hpp"
#include "store/sqlite.hpp"

namespace asterism {

class ItemWriter {
 public:
  static Result<ItemWriter> create(sqlite::Connection connection, const CollectionSettings& settings);

  const sqlite::Connection& connection() const noexcept { return *connection_; }

  // All or none; checked items. Of equal ids the last counts. Cost: one durable commit.
  Result<AddSummary> add(std::span<const Item> items);
  Result<std::uint64_t> erase(std::span<const std::string> ids);
  Result<std::uint64_t> erase_where(const SqlCondition& condition);

  Result<CollectionVersion> create_version(std::string_view name);
  // Returns its number.
  Result<std::int64_t> drop_version(std::string_view name);
  Result<void> restore_version(std::string_view name);

  // Forgets slots that went with writes up to `version`: no index is older.
  Result<void> forget_removed(std::int64_t version);
  Result<void> put_setting(std::string_view name, std::string_view value);

 private:
  // A write in progress: its number, and what the state will be.
  struct Write {
    sqlite::Transaction transaction;
    StoreState state;
    std::int64_t newest_snapshot = -1;  // its number; what was born after it is in no version
    bool changed = false;
  };
  struct OldRow {
    std::int64_t slot = 0;
    std::int64_t born = 0;
  };

  // An item as it will be kept.
  struct NewRow {
    const Item& item;
    std::string metadata;
    std::string digest;
    std::vector<std::byte> vector;
  };

  ItemWriter(sqlite::Connection connection, const CollectionSettings& settings);
  Result<void> prepare();
  Result<Write> begin();
  Result<void> commit(Write& write);
  Result<void> add_one(Write& write, const Item& item, AddSummary& summary);
  // What of the living row of that id equals the new one; nothing where there is none.
  struct Comparison {
    OldRow row;
    bool same_content = false;
    bool same_vector = false;
    bool same_metadata = false;
  };
  Result<std::optional<Comparison>> compare(const NewRow& row);
  Result<void> insert(Write& write, const NewRow& row);
  Result<void> update_metadata(Write& write, const OldRow& row, std::string_view metadata);
  // Ends the life of a row: kept for the versions that cover it, deleted otherwise.
  Result<void> end(Write& write, const OldRow& row);
  // All that live and pass; returns how many.
  Result<std::uint64_t> end_where(Write& write, const SqlCondition& condition);
  // What lived at `version` and has died since lives again, in rows of its own.
  Result<void> revive(Write& write, std::int64_t version);
  Result<void> remove_keywords(std::int64_t slot);
  Result<void> add_keywords(std::int64_t slot);
  Result<std::optional<CollectionVersion>> find_version(std::string_view name);
  // kNotFound where there is none.
  Result<CollectionVersion> known_version(std::string_view name);

  std::unique_ptr<sqlite::Connection> connection_;  // statements point at it
  CollectionSettings settings_;
  std::optional<sqlite::Statement> find_;
  std::optional<sqlite::Statement> insert_item_;
  std::optional<sqlite::Statement> insert_vector_;
  std::optional<sqlite::Statement> update_metadata_;
  std::optional<sqlite::Statement> mark_died_;
  std::optional<sqlite::Statement> delete_item_;
  std::optional<sqlite::Statement> delete_vector_;
  std::optional<sqlite::Statement> insert_removed_;
  std::optional<sqlite::Statement> save_state_;
  std::optional<sqlite::Statement> save_stamp_;
  std::optional<sqlite::Statement> delete_keywords_;
  std::optional<sqlite::Statement> insert_keywords_;
};

}  // namespace asterism
