// Items to rows of COPY, and rows of SELECT to items. Internal to the module.
#pragma once

#include <string>
#include <string_view>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "postgres/postgres_connection.hpp"
#include "postgres/postgres_wire.hpp"

namespace asterism {

// Columns of an item's row, as COPY sends them.
inline constexpr std::string_view kPostgresItemColumns =
    "id, id_text, kind, content, content_bytes, data, digest, metadata, document, embedding";
inline constexpr std::size_t kPostgresItemColumnCount = 10;

// Appends one row. The item was checked.
Result<void> append_item(PostgresCopyRows& rows, const Item& item, const CollectionSettings& settings);

// What an answer carries, in the order that item_of_row() reads it; what `parts` leaves out is NULL.
std::string postgres_item_select(const ItemParts& parts);
inline constexpr int kPostgresItemSelectCount = 8;
Result<Item> item_of_row(const PostgresRows& rows, std::size_t row, const CollectionSettings& settings);

}  // namespace asterism
