#include <fmt/format.h>

#include <memory>
#include <utility>

#include "store/item_table.hpp"

namespace asterism {
namespace {

ItemKind item_kind_of(std::string_view name) {
  for (const auto kind : {ItemKind::kText, ItemKind::kImage}) {
    if (name == item_kind_name(kind)) {
      return kind;
    }
  }
  return ItemKind::kVector;
}

}  // namespace

std::string StoreMoment::condition() const {
  return version ? fmt::format("(born <= {0} AND (died IS NULL OR died > {0}))", *version) : "died IS NULL";
}

ItemReader::ItemReader(sqlite::Connection connection, StoreMoment moment)
    : connection_(std::make_unique<sqlite::Connection>(std::move(connection))), moment_(moment) {}

Result<ItemReader> ItemReader::create(sqlite::Connection connection, StoreMoment moment) {
  ItemReader reader(std::move(connection), moment);
  const auto alive = moment.condition();
  const std::pair<std::optional<sqlite::Statement>*, std::string> statements[] = {
      {&reader.state_, "SELECT version, next_slot, item_count, removed_horizon FROM state"},
      {&reader.slot_of_, fmt::format("SELECT slot FROM item WHERE id = ?1 AND {}", alive)},
      {&reader.item_,
       fmt::format("SELECT id, kind, content, data, digest, metadata FROM item WHERE slot = ?1 AND {}", alive)},
      {&reader.vector_, "SELECT value FROM vector WHERE slot = ?1"}};
  for (const auto& [place, sql] : statements) {
    auto statement = reader.connection_->prepare(sql);
    if (!statement) {
      return std::unexpected(statement.error());
    }
    place->emplace(std::move(*statement));
  }
  return reader;
}

Result<StoreState> ItemReader::state() {
  const auto row = state_->step();
  if (!row) {
    return std::unexpected(row.error());
  }
  if (!*row) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: the collection's state is not there", connection_->path().string()));
  }
  const StoreState state{.version = state_->integer(0),
                         .next_slot = state_->integer(1),
                         .item_count = state_->integer(2),
                         .removed_horizon = state_->integer(3)};
  state_->reset();
  return state;
}

Result<std::optional<std::int64_t>> ItemReader::stamp(std::int64_t version) {
  return connection_->integer(fmt::format("SELECT stamp FROM written WHERE version = {}", version));
}

Result<std::optional<std::int64_t>> ItemReader::slot_of(std::string_view id) {
  const auto row = slot_of_->bind(1, id).step();
  if (!row) {
    return std::unexpected(row.error());
  }
  if (!*row) {
    return std::optional<std::int64_t>{};
  }
  const auto slot = slot_of_->integer(0);
  slot_of_->reset();
  return slot;
}

Result<std::optional<Item>> ItemReader::item(std::int64_t slot, const ItemParts& parts,
                                             const CollectionSettings& settings) {
  const auto row = item_->bind(1, slot).step();
  if (!row) {
    return std::unexpected(row.error());
  }
  if (!*row) {
    return std::optional<Item>{};
  }
  Item item{.id = std::string(item_->text(0)), .kind = item_kind_of(item_->text(1))};
  if (parts.content) {
    item.content = item_->text(2);
    item.content_sha256 = item_->text(4);
  }
  if (parts.data) {
    item.data = item_->text(3);
  }
  item.metadata = parts.metadata ? std::string(item_->text(5)) : std::string{};
  item_->reset();
  if (parts.vector) {
    auto values = vector(slot, settings);
    if (!values) {
      return std::unexpected(std::move(values.error()));
    }
    if (!*values) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: the vector of slot {} is not there", connection_->path().string(), slot));
    }
    item.vector = std::move(**values);
  }
  return item;
}

Result<std::optional<std::vector<float>>> ItemReader::vector(std::int64_t slot, const CollectionSettings& settings) {
  const auto row = vector_->bind(1, slot).step();
  if (!row) {
    return std::unexpected(row.error());
  }
  if (!*row) {
    return std::optional<std::vector<float>>{};
  }
  auto values = vector_of_blob(vector_->blob(0), settings.dim, settings.vector_type);
  vector_->reset();
  if (!values) {
    return std::unexpected(std::move(values.error()));
  }
  return std::optional(std::move(*values));
}

Result<std::optional<SlotVector>> VectorCursor::next() {
  const auto row = statement_.step();
  if (!row) {
    return std::unexpected(row.error());
  }
  if (!*row) {
    return std::optional<SlotVector>{};
  }
  return SlotVector{.slot = statement_.integer(0), .value = statement_.blob(1)};
}

Result<VectorCursor> ItemReader::vectors() {
  auto statement = connection_->prepare(
      fmt::format("SELECT slot, value FROM item JOIN vector USING(slot) WHERE {} ORDER BY slot", moment_.condition()));
  if (!statement) {
    return std::unexpected(statement.error());
  }
  return VectorCursor(std::move(*statement));
}

Result<VectorCursor> ItemReader::vectors_born_after(std::int64_t version) {
  // Slots grow with births: the order of the index is that of slots.
  auto statement =
      connection_->prepare(fmt::format("SELECT slot, value FROM item INDEXED BY item_born JOIN vector USING(slot) "
                                       "WHERE born > {} AND {} ORDER BY born, slot",
                                       version, moment_.condition()));
  if (!statement) {
    return std::unexpected(statement.error());
  }
  return VectorCursor(std::move(*statement));
}

Result<void> ItemReader::scan_gone_after(std::int64_t version, const std::function<void(std::int64_t slot)>& take) {
  auto statement = connection_->prepare(fmt::format(
      "SELECT slot FROM removed WHERE version > {0} UNION SELECT slot FROM item WHERE died > {0}", version));
  if (!statement) {
    return std::unexpected(statement.error());
  }
  return statement->for_each([&]() -> Result<void> {
    take(statement->integer(0));
    return {};
  });
}

Result<void> ItemReader::scan(const SqlCondition& condition, const ItemParts& parts, const CollectionSettings& settings,
                              const std::function<Result<void>(Item&&)>& take) {
  auto slots = prepare_where("SELECT slot FROM item", condition, "ORDER BY slot");
  if (!slots) {
    return std::unexpected(slots.error());
  }
  return slots->for_each([&]() -> Result<void> {
    auto found = item(slots->integer(0), parts, settings);
    if (!found) {
      return std::unexpected(std::move(found.error()));
    }
    return *found ? take(std::move(**found)) : Result<void>{};
  });
}

Result<sqlite::Statement> ItemReader::prepare_where(std::string_view select, const SqlCondition& condition,
                                                    std::string_view after) const {
  auto statement = connection_->prepare(fmt::format("{} WHERE {}{}{}{} {}", select, moment_.condition(),
                                                    condition.sql.empty() ? "" : " AND (", condition.sql,
                                                    condition.sql.empty() ? "" : ")", after));
  if (statement && condition.bind) {
    condition.bind(*statement, 1);
  }
  return statement;
}

Result<std::vector<std::pair<std::int64_t, double>>> ItemReader::keyword_slots(std::string_view query,
                                                                               const SqlCondition& condition,
                                                                               std::size_t k) {
  auto statement = connection_->prepare(fmt::format(
      "SELECT slot, -rank FROM keyword JOIN item ON slot = keyword.rowid WHERE keyword MATCH ?1 AND {}{}{}{} "
      "ORDER BY rank, slot LIMIT {}",
      moment_.condition(), condition.sql.empty() ? "" : " AND (", condition.sql, condition.sql.empty() ? "" : ")", k));
  if (!statement) {
    return std::unexpected(statement.error());
  }
  statement->bind(1, query);
  if (condition.bind) {
    condition.bind(*statement, 2);
  }
  std::vector<std::pair<std::int64_t, double>> rows;
  auto read = statement->for_each([&]() -> Result<void> {
    rows.emplace_back(statement->integer(0), statement->real(1));
    return {};
  });
  if (!read) {
    return std::unexpected(std::move(read.error()));
  }
  return rows;
}

Result<std::vector<std::int64_t>> ItemReader::slots_where(const SqlCondition& condition) {
  auto statement = prepare_where("SELECT slot FROM item", condition, "");
  if (!statement) {
    return std::unexpected(statement.error());
  }
  std::vector<std::int64_t> slots;
  auto read = statement->for_each([&]() -> Result<void> {
    slots.push_back(statement->integer(0));
    return {};
  });
  if (!read) {
    return std::unexpected(std::move(read.error()));
  }
  return slots;
}

Result<std::uint64_t> ItemReader::count_where(const SqlCondition& condition) {
  auto statement = prepare_where("SELECT count(*) FROM item", condition, "");
  if (!statement) {
    return std::unexpected(statement.error());
  }
  const auto row = statement->step();
  if (!row) {
    return std::unexpected(row.error());
  }
  return static_cast<std::uint64_t>(statement->integer(0));
}

Result<bool> ItemReader::any_where(const SqlCondition& condition) {
  auto statement = prepare_where("SELECT 1 FROM item", condition, "LIMIT 1");
  return statement ? statement->step() : std::unexpected(statement.error());
}

}  // namespace asterism
