// Items as columns of Milvus, and back. Internal to the module. Thread-safety: pure.
#pragma once

#include <milvus_proto/milvus.pb.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "milvus/milvus_connection.hpp"

namespace asterism {

using MilvusColumns = google::protobuf::RepeatedPtrField<milvus_schema::FieldData>;

// A row, as far as columns for it came.
struct MilvusRow {
  std::int64_t slot = 0;
  Item item;
};

// UTF-8: what Milvus takes for a VarChar, and so for an id.
bool is_milvus_text(std::string_view text);

// Whether Milvus can keep an item that check_item() let through: kUnsupported for an id or a content that is no text,
// or for a file; kLimitExceeded for what is too long.
Result<void> check_milvus_item(const Item& item);

// The columns that hold these parts; the vector's last. `id` and `slot` are always among them.
std::vector<std::string> milvus_columns(const ItemParts& parts);

// All columns of checked items, which get slots from `first_slot` on.
Result<void> write_milvus_rows(std::span<const Item* const> items, std::int64_t first_slot, std::size_t dim,
                               MilvusColumns& columns);

// Rows of the columns that are there; kCorrupt (naming `shown`) where their lengths do not agree. `ids`: of hits, which
// bring them apart; null where they are a column.
Result<std::vector<MilvusRow>> read_milvus_rows(const MilvusColumns& columns, const milvus_schema::IDs* ids,
                                                std::size_t dim, std::string_view shown);

// `field in ["a", "b"]`, of texts.
std::string milvus_in(std::string_view field, std::span<const std::string> values);
std::string milvus_literal(std::string_view text);

}  // namespace asterism
