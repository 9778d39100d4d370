#include "postgres/postgres_schema.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "postgres/postgres_wire.hpp"
#include "store/filter_postgres.hpp"
#include "store/schema.hpp"

namespace asterism {
namespace {

// Any number; all that make the catalogue meet at it.
constexpr const char* kCatalogueLock = "SELECT pg_advisory_xact_lock(4703571931)";
constexpr const char* kCatalogue =
    "CREATE TABLE IF NOT EXISTS asterism_collection (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "name text NOT NULL UNIQUE, format bigint NOT NULL, settings text NOT NULL, version bigint NOT NULL, "
    "item_count bigint NOT NULL)";

struct Version {
  int major = 0;
  int minor = 0;
};

Version parse_version(std::string_view text) {
  Version version;
  const char* last = text.data() + text.size();
  const auto read = std::from_chars(text.data(), last, version.major);
  if (read.ptr != last && *read.ptr == '.') {
    std::from_chars(read.ptr + 1, last, version.minor);
  }
  return version;
}

Result<void> check_postgres_settings(const CollectionSettings& settings) {
  if (auto checked = check_settings(settings); !checked) {
    return checked;
  }
  if (settings.vector_type != VectorType::kF32 && settings.vector_type != VectorType::kF16) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("collection: PostgreSQL keeps vectors as f32 or f16, not as {}",
                            vector_type_name(settings.vector_type)),
                "f16 takes half the room of f32");
  }
  if (settings.dim > kPostgresDimMax) {
    return fail(
        ErrorCode::kLimitExceeded,
        fmt::format("collection: dim: pgvector keeps at most {} components, found {}", kPostgresDimMax, settings.dim));
  }
  return {};
}

std::string_view metric_word(Metric metric) {
  return metric == Metric::kCosine ? "cosine" : metric == Metric::kDot ? "ip" : "l2";
}

std::unexpected<Error> no_collection(const std::string& name) {
  return fail(ErrorCode::kNotFound, fmt::format("collection '{}': there is none of that name in the database", name),
              "`asterism collection create` makes one");
}

}  // namespace

std::string PostgresCollection::vector_type() const {
  return fmt::format("{}({})", settings.vector_type == VectorType::kF16 ? "halfvec" : "vector", settings.dim);
}

std::optional<std::string> PostgresCollection::indexed_type() const {
  if (settings.vector_type == VectorType::kF32 && settings.dim <= kPostgresIndexDimMax) {
    return vector_type();
  }
  return settings.dim <= kPostgresHalfIndexDimMax ? std::optional(fmt::format("halfvec({})", settings.dim))
                                                  : std::nullopt;
}

std::string PostgresCollection::operator_class() const {
  const bool half = indexed_type().value_or("").starts_with("half");
  return fmt::format("{}_{}_ops", half ? "halfvec" : "vector", metric_word(settings.metric));
}

std::string PostgresCollection::distance_operator() const {
  return settings.metric == Metric::kCosine ? "<=>" : settings.metric == Metric::kDot ? "<#>" : "<->";
}

FilterSqlNames postgres_filter_names() {
  return {.id = "id_text", .kind = "kind", .content = "content", .metadata = "document"};
}

Result<void> check_extension(PostgresConnection& connection) {
  auto rows = connection.run(
      "SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector'), "
      "EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector'), current_database()::text");
  if (!rows) {
    return std::unexpected(rows.error());
  }
  if (rows->is_null(0, 0)) {
    const bool available = rows->bytes(0, 1) == std::string_view("\1", 1);
    return fail(ErrorCode::kNotFound,
                fmt::format("database '{}': expected pgvector, found no extension 'vector'", rows->bytes(0, 2)),
                available ? "run CREATE EXTENSION vector; as a superuser or as the database's owner"
                          : "install pgvector 0.8 or newer on the server (package postgresql-NN-pgvector of "
                            "apt.postgresql.org), then run CREATE "
                            "EXTENSION vector; as a superuser or as the database's owner");
  }
  const std::string_view found = rows->bytes(0, 0);
  if (const Version version = parse_version(found); version.major == 0 && version.minor < 8) {
    return fail(ErrorCode::kUnsupported, fmt::format("pgvector: expected version 0.8 or newer, found {}", found),
                "install a newer one on the server and run ALTER EXTENSION vector UPDATE;");
  }
  return {};
}

Result<void> create_collection(PostgresConnection& connection, const std::string& name,
                               const CollectionSettings& settings) {
  if (auto checked = check_postgres_settings(settings); !checked) {
    return checked;
  }
  if (auto checked = check_extension(connection); !checked) {
    return checked;
  }
  if (auto made = connection.run_script(fmt::format("{}; {}", kCatalogueLock, kCatalogue)); !made) {
    return made;
  }
  const std::array<PostgresValue, 3> values{{{name}, {std::to_string(kPostgresFormat)}, {settings_json(settings)}}};
  auto row = connection.run(
      "INSERT INTO asterism_collection (name, format, settings, version, item_count) VALUES ($1, $2::bigint, $3, 0, 0) "
      "ON CONFLICT (name) DO NOTHING RETURNING number",
      values);
  if (!row) {
    return std::unexpected(row.error());
  }
  if (row->size() == 0) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("collection '{}': there is one of that name already", name),
                "add to it, or drop it first");
  }
  const PostgresCollection collection{.number = row->integer(0, 0), .settings = settings};
  std::string script = fmt::format(
      "CREATE TABLE {0} (slot bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id bytea NOT NULL UNIQUE, id_text text, "
      "kind text NOT NULL, content text, content_bytes bytea, data bytea, digest text, metadata text NOT NULL, "
      "document jsonb NOT NULL, embedding {1} NOT NULL); CREATE INDEX ON {0} (digest); CREATE INDEX ON {0} (id_text "
      "COLLATE \"C\");",
      collection.table(), collection.vector_type());
  for (const std::string& column : settings.columns) {
    const auto path = parse_column_path(column);
    if (!path) {
      return std::unexpected(path.error());
    }
    script += fmt::format(" CREATE INDEX ON {} ({});", collection.table(),
                          postgres_column_expression(*path, postgres_filter_names()));
  }
  return connection.run_script(script);
}

Result<PostgresCollection> find_collection(PostgresConnection& connection, const std::string& name, bool for_writing) {
  const std::array<PostgresValue, 1> values{{{name}}};
  auto catalogue = connection.run("SELECT to_regclass('asterism_collection') IS NOT NULL");
  if (!catalogue) {
    return std::unexpected(catalogue.error());
  }
  if (catalogue->bytes(0, 0) != std::string_view("\1", 1)) {
    return no_collection(name);
  }
  auto row = connection.run(fmt::format("SELECT number, format, settings, version, item_count FROM asterism_collection "
                                        "WHERE name = $1{}",
                                        for_writing ? " FOR UPDATE" : ""),
                            values);
  if (!row) {
    return std::unexpected(row.error());
  }
  if (row->size() == 0) {
    return no_collection(name);
  }
  if (const std::int64_t format = row->integer(0, 1); format > kPostgresFormat) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("collection '{}': expected format {} at most, found {}", name, kPostgresFormat, format),
                "a later version of asterism made it: use that one");
  }
  auto settings = parse_settings(row->bytes(0, 2), fmt::format("collection '{}'", name));
  if (!settings) {
    return std::unexpected(settings.error());
  }
  return PostgresCollection{.number = row->integer(0, 0),
                            .settings = std::move(*settings),
                            .version = row->integer(0, 3),
                            .item_count = row->integer(0, 4)};
}

Result<void> drop_collection(PostgresConnection& connection, const std::string& name) {
  auto collection = find_collection(connection, name, true);
  if (!collection) {
    return std::unexpected(collection.error());
  }
  return connection.run_script(fmt::format("DROP TABLE {}; DELETE FROM asterism_collection WHERE number = {}",
                                           collection->table(), collection->number));
}

Result<bool> has_index(PostgresConnection& connection, const PostgresCollection& collection) {
  // An index whose building was cut off is there and not valid.
  auto rows = connection.run(
      fmt::format("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('{}') AND indisvalid", collection.index()));
  if (!rows) {
    return std::unexpected(rows.error());
  }
  return rows->size() > 0;
}

}  // namespace asterism
