// The tables of an embedded collection, and its settings in them.
//
// item      one row a state of an item: it was born with one write and died with a later one, or lives. A row that no
//           version covers any more is deleted. `slot` numbers rows; it grows and is never given twice, so that what is
//           derived from a slot (index, files) can be missing or old, but never wrong.
// vector    its vector, apart, so that reading items reads no vectors
// removed   slots that are gone, for those who hold an index from before
// written   a random number a write: whoever holds an index knows by it that this is the history that it was built from
// snapshot  named versions
// state     the number of the last write, the next slot, how many items live
// keyword   full text (FTS5) over the declared text columns; there only if some are declared
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "store/filter_expression.hpp"
#include "store/sqlite.hpp"

namespace asterism {

// Of the tables. A file of a later format is refused, never guessed at.
inline constexpr std::int64_t kSchemaFormat = 1;

// In one transaction. kInvalidArgument for settings that cannot be.
Result<void> create_schema(const sqlite::Connection& connection, const CollectionSettings& settings);

// kCorrupt when the file is no collection; kUnsupported when a later version of the program made it.
Result<CollectionSettings> read_settings(const sqlite::Connection& connection);

// A path into the metadata, as a column is declared: "price", "maker.country".
Result<FilterPath> parse_column_path(std::string_view text);

Result<void> check_settings(const CollectionSettings& settings);

// "c0, c1": the keyword table's columns; and for each, in their order, what SQL gives for it from a row of `item`.
std::string keyword_columns(const CollectionSettings& settings);
std::string keyword_expressions(const CollectionSettings& settings);

struct StoreState {
  std::int64_t version = 0;
  std::int64_t next_slot = 1;
  std::int64_t item_count = 0;
  // Slots that went with this write or before are not in `removed` any more: an index older than it starts anew.
  std::int64_t removed_horizon = 0;
};
Result<StoreState> read_state(const sqlite::Connection& connection);

// JSON of settings, for exports and reports; the reader names `source` in errors.
std::string settings_json(const CollectionSettings& settings);
Result<CollectionSettings> parse_settings(std::string_view json, std::string_view source);

}  // namespace asterism
