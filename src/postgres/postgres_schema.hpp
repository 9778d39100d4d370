// The tables of collections in PostgreSQL.
//
// asterism_collection    one row a collection: name, format, settings (JSON), number of the last write, how many items
// asterism_items_N       the items of the collection whose number is N; names of collections are data, never SQL
//
//   slot        order of insertion
//   id          bytes; id_text the same as text, nothing where the bytes are no text
//   kind, content, content_bytes (content that is no text), data, digest
//   metadata    the JSON text as it was given; document the same as jsonb, for filters
//   embedding   vector(dim) or halfvec(dim)
//
// Declared columns have an index on the jsonb value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "postgres/postgres_connection.hpp"
#include "store/filter_sql.hpp"

namespace asterism {

inline constexpr std::int64_t kPostgresFormat = 1;
// pgvector's limits.
inline constexpr std::size_t kPostgresDimMax = 16'000;
inline constexpr std::size_t kPostgresIndexDimMax = 2'000;      // of vector
inline constexpr std::size_t kPostgresHalfIndexDimMax = 4'000;  // of halfvec

struct PostgresCollection {
  std::int64_t number = 0;
  CollectionSettings settings;
  std::int64_t version = 0;
  std::int64_t item_count = 0;

  std::string table() const { return "asterism_items_" + std::to_string(number); }
  std::string index() const { return "asterism_nearest_" + std::to_string(number); }
  // "vector(384)"
  std::string vector_type() const;
  // What the index is over, and questions are compared with: the column, or its half-precision form where only that can
  // have an index. Nothing where no index can be.
  std::optional<std::string> indexed_type() const;
  std::string operator_class() const;
  std::string distance_operator() const;
};

// The item's parts for to_postgres().
FilterSqlNames postgres_filter_names();

// kNotFound without the extension, kUnsupported for a version before 0.8, with what to do.
Result<void> check_extension(PostgresConnection& connection);
// kInvalidArgument for a collection that is there; kUnsupported for settings that PostgreSQL does not keep. In a
// transaction.
Result<void> create_collection(PostgresConnection& connection, const std::string& name,
                               const CollectionSettings& settings);
// kNotFound. With `for_writing` other writers wait until the transaction ends.
Result<PostgresCollection> find_collection(PostgresConnection& connection, const std::string& name, bool for_writing);
Result<void> drop_collection(PostgresConnection& connection, const std::string& name);
Result<bool> has_index(PostgresConnection& connection, const PostgresCollection& collection);

}  // namespace asterism
