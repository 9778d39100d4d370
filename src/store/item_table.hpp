// The rows of items: what one connection can ask and change.
//
// Ownership: owns its connection and the statements prepared on it. Thread-safety: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "store/schema.hpp"
#include "store/sqlite.hpp"

namespace asterism {

// Which state of the collection is looked at: the present one, or that of a version.
struct StoreMoment {
  std::optional<std::int64_t> version = {};  // nothing = the present

  // "died IS NULL": of rows of `item`.
  std::string condition() const;
};

struct SlotVector {
  std::int64_t slot = 0;
  std::span<const std::byte> value;  // as kept
};

// Rows of slots and vectors, one after the other. Valid while its reader is, and within one transaction.
class VectorCursor {
 public:
  explicit VectorCursor(sqlite::Statement statement) : statement_(std::move(statement)) {}
  // Nothing at the end. The value is valid until the next call.
  Result<std::optional<SlotVector>> next();

 private:
  sqlite::Statement statement_;
};

// What a filter is in SQL; empty = all.
struct SqlCondition {
  std::string sql;
  std::function<void(sqlite::Statement& statement, int parameter_first)> bind;  // may be empty
};

class ItemReader {
 public:
  static Result<ItemReader> create(sqlite::Connection connection, StoreMoment moment);

  const sqlite::Connection& connection() const noexcept { return *connection_; }
  const StoreMoment& moment() const noexcept { return moment_; }
  Result<StoreState> state();
  // The random number of that write; nothing where there was none or it is forgotten.
  Result<std::optional<std::int64_t>> stamp(std::int64_t version);

  // Nothing where there is no such item.
  Result<std::optional<std::int64_t>> slot_of(std::string_view id);
  // The item at a slot that lives at the moment; nothing otherwise. `vector` comes as floats.
  Result<std::optional<Item>> item(std::int64_t slot, const ItemParts& parts, const CollectionSettings& settings);
  Result<std::optional<std::vector<float>>> vector(std::int64_t slot, const CollectionSettings& settings);

  // Items that live and pass, by slot; `take` may end it with an error.
  Result<void> scan(const SqlCondition& condition, const ItemParts& parts, const CollectionSettings& settings,
                    const std::function<Result<void>(Item&&)>& take);

  // Vectors of all that lives, by slot.
  Result<VectorCursor> vectors();
  // Of what lives and was born with writes after `version`, by slot.
  Result<VectorCursor> vectors_born_after(std::int64_t version);
  // Slots that lived at `version` and do not now.
  Result<void> scan_gone_after(std::int64_t version, const std::function<void(std::int64_t slot)>& take);

  // Slots that pass, in any order.
  Result<std::vector<std::int64_t>> slots_where(const SqlCondition& condition);
  // Rows whose text columns match, best first, with a score that is larger for the better (BM25).
  Result<std::vector<std::pair<std::int64_t, double>>> keyword_slots(std::string_view query,
                                                                     const SqlCondition& condition, std::size_t k);
  Result<std::uint64_t> count_where(const SqlCondition& condition);
  Result<bool> any_where(const SqlCondition& condition);

 private:
  ItemReader(sqlite::Connection connection, StoreMoment moment);

  Result<sqlite::Statement> prepare_where(std::string_view select, const SqlCondition& condition,
                                          std::string_view after) const;

  std::unique_ptr<sqlite::Connection> connection_;  // statements point at it
  StoreMoment moment_;
  std::optional<sqlite::Statement> state_;
  std::optional<sqlite::Statement> slot_of_;
  std::optional<sqlite::Statement> item_;
  std::optional<sqlite::Statement> vector_;
};

// A vector as it is kept, and back.
std::vector<std::byte> vector_blob(std::span<const float> vector, VectorType type);
// kCorrupt when the size is not that of `dim` components.
Result<std::vector<float>> vector_of_blob(std::span<const std::byte> blob, std::size_t dim, VectorType type);

}  // namespace asterism
