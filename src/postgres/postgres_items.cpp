#include "postgres/postgres_items.hpp"

#include <fmt/format.h>

#include "base/utf8.hpp"
#include "store/vector_store.hpp"

namespace asterism {
namespace {

// PostgreSQL's text is UTF-8 without NUL.
bool is_postgres_text(std::string_view bytes) {
  return bytes.find('\0') == std::string_view::npos && is_well_formed_utf8(bytes);
}

void add_or_null(PostgresCopyRows& rows, bool present, std::string_view bytes) {
  present ? rows.add(bytes) : rows.add_null();
}

ItemKind item_kind_of(std::string_view name) {
  for (const auto kind : {ItemKind::kText, ItemKind::kImage}) {
    if (name == item_kind_name(kind)) {
      return kind;
    }
  }
  return ItemKind::kVector;
}

}  // namespace

Result<void> append_item(PostgresCopyRows& rows, const Item& item, const CollectionSettings& settings) {
  auto metadata = plain_metadata(item);
  if (!metadata) {
    return std::unexpected(std::move(metadata.error()));
  }
  auto vector = postgres_vector(item.vector, settings.vector_type);
  if (!vector) {
    return std::unexpected(std::move(vector.error()));
  }
  const std::string digest = content_digest(item);
  const bool is_text = is_postgres_text(item.content);
  rows.begin_row();
  rows.add(item.id);
  add_or_null(rows, is_postgres_text(item.id), item.id);
  rows.add(item_kind_name(item.kind));
  add_or_null(rows, is_text, item.content);
  add_or_null(rows, !is_text, item.content);
  add_or_null(rows, !item.data.empty(), item.data);
  add_or_null(rows, !digest.empty(), digest);
  rows.add(*metadata);
  rows.add_jsonb(*metadata);
  rows.add(*vector);
  return {};
}

std::string postgres_item_select(const ItemParts& parts) {
  return fmt::format("id, kind, {}, {}, {}, {}, {}, {}", parts.content ? "content" : "NULL::text",
                     parts.content ? "content_bytes" : "NULL::bytea", parts.data ? "data" : "NULL::bytea",
                     parts.content ? "digest" : "NULL::text", parts.metadata ? "metadata" : "NULL::text",
                     parts.vector ? "embedding" : "NULL::text");
}

Result<Item> item_of_row(const PostgresRows& rows, std::size_t row, const CollectionSettings& settings) {
  Item item{.id = std::string(rows.bytes(row, 0)), .kind = item_kind_of(rows.bytes(row, 1))};
  item.content = rows.is_null(row, 2) ? rows.bytes(row, 3) : rows.bytes(row, 2);
  item.data = rows.bytes(row, 4);
  item.content_sha256 = rows.bytes(row, 5);
  item.metadata = rows.bytes(row, 6);
  if (!rows.is_null(row, 7)) {
    auto vector = vector_of_postgres(rows.bytes(row, 7), settings.dim, settings.vector_type);
    if (!vector) {
      return std::unexpected(std::move(vector.error()));
    }
    item.vector = std::move(*vector);
  }
  return item;
}

}  // namespace asterism
