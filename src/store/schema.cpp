#include "store/schema.hpp"

#include <fmt/format.h>

#include <array>

#include "base/json.hpp"
#include "store/filter_parser.hpp"
#include "store/filter_sqlite.hpp"

namespace asterism {
namespace {

constexpr std::string_view kContentColumn = "$content";

constexpr std::string_view kTables = R"(
CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE state(one INTEGER PRIMARY KEY CHECK(one = 1), version INTEGER NOT NULL, next_slot INTEGER NOT NULL,
  item_count INTEGER NOT NULL, removed_horizon INTEGER NOT NULL);
INSERT INTO state VALUES(1, 0, 1, 0, 0);
CREATE TABLE item(slot INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL, data BLOB,
  digest TEXT, metadata TEXT NOT NULL, born INTEGER NOT NULL, died INTEGER);
CREATE UNIQUE INDEX item_id ON item(id) WHERE died IS NULL;
CREATE INDEX item_born ON item(born);
CREATE INDEX item_died ON item(died) WHERE died IS NOT NULL;
CREATE INDEX item_digest ON item(digest) WHERE digest IS NOT NULL;
CREATE TABLE vector(slot INTEGER PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE removed(version INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY(version, slot)) WITHOUT ROWID;
CREATE TABLE written(version INTEGER PRIMARY KEY, stamp INTEGER NOT NULL);
CREATE TABLE snapshot(name TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at TEXT NOT NULL,
  item_count INTEGER NOT NULL) WITHOUT ROWID;
)";

std::string index_and_keyword_tables(const CollectionSettings& settings) {
  std::string sql;
  for (std::size_t i = 0; i < settings.columns.size(); ++i) {
    const auto path = parse_column_path(settings.columns[i]);
    sql += fmt::format("CREATE INDEX item_column_{} ON item({}) WHERE died IS NULL;\n", i, column_expression(*path));
  }
  if (!settings.text_columns.empty()) {
    // Without content of its own: the words are in `item` already.
    sql += fmt::format(
        "CREATE VIRTUAL TABLE keyword USING fts5({}, content='', tokenize='unicode61 remove_diacritics 2');\n",
        keyword_columns(settings));
  }
  return sql;
}

template <typename Enum, std::size_t N>
Result<Enum> enum_of(std::string_view name, const std::array<Enum, N>& values, std::string_view (*name_of)(Enum),
                     std::string_view source) {
  for (const Enum value : values) {
    if (name_of(value) == name) {
      return value;
    }
  }
  return fail(ErrorCode::kCorrupt, fmt::format("{}: '{}' is none of the values known", source, name));
}

Result<std::vector<std::string>> string_list(const Json& object, std::string_view key, std::string_view source) {
  std::vector<std::string> list;
  const auto found = object.find(key);
  if (found == object.end()) {
    return list;
  }
  if (!found->is_array()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: {}: expected a list of strings", source, key));
  }
  for (const auto& entry : *found) {
    if (!entry.is_string()) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: {}: expected a list of strings", source, key));
    }
    list.push_back(entry.get<std::string>());
  }
  return list;
}

Json model_json(const CollectionModel& model) {
  return {{"id", model.id},
          {"revision", model.revision},
          {"sha256", model.sha256},
          {"prompt_name", model.prompt_name},
          {"query_prompt_name", model.query_prompt_name}};
}

Result<CollectionModel> parse_model(const Json& object, std::string_view source) {
  CollectionModel model;
  for (const auto& [key, value] :
       {std::pair{"id", &model.id}, std::pair{"revision", &model.revision}, std::pair{"sha256", &model.sha256},
        std::pair{"prompt_name", &model.prompt_name}, std::pair{"query_prompt_name", &model.query_prompt_name}}) {
    auto found = json_find<std::string>(object, key, source);
    if (!found) {
      return std::unexpected(found.error());
    }
    *value = found->value_or("");
  }
  return model;
}

Result<void> check_path(std::string_view path) {
  const auto parsed = parse_column_path(path);
  return parsed ? Result<void>{} : std::unexpected(parsed.error());
}

}  // namespace

Result<FilterPath> parse_column_path(std::string_view text) {
  const auto parsed = parse_filter(fmt::format("{} is null", text));
  if (parsed) {
    const auto& node = parsed->node();
    if (node.op == FilterOp::kNull && !node.negated && !node.operand.is_length &&
        node.operand.path.source == FilterSource::kMetadata) {
      return node.operand.path;
    }
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("column '{}': expected a path into the metadata, such as price or maker.country", text));
}

Result<void> check_settings(const CollectionSettings& settings) {
  if (settings.dim == 0 || settings.dim > kCollectionDimMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("collection: dim: expected 1 to {}, found {}", kCollectionDimMax, settings.dim),
                "name a model, or give --dim for vectors of your own");
  }
  for (const auto& column : settings.columns) {
    if (auto checked = check_path(column); !checked) {
      return checked;
    }
  }
  for (const auto& column : settings.text_columns) {
    if (column == kContentColumn) {
      continue;
    }
    if (auto checked = check_path(column); !checked) {
      return checked;
    }
  }
  return {};
}

std::string keyword_columns(const CollectionSettings& settings) {
  std::string columns;
  for (std::size_t i = 0; i < settings.text_columns.size(); ++i) {
    columns += fmt::format("{}c{}", i == 0 ? "" : ", ", i);
  }
  return columns;
}

std::string keyword_expressions(const CollectionSettings& settings) {
  std::string expressions;
  for (const auto& column : settings.text_columns) {
    expressions += expressions.empty() ? "" : ", ";
    expressions += column == kContentColumn ? "CASE kind WHEN 'text' THEN content END"
                                            : column_expression(*parse_column_path(column));
  }
  return expressions;
}

Result<void> create_schema(const sqlite::Connection& connection, const CollectionSettings& settings) {
  if (auto checked = check_settings(settings); !checked) {
    return checked;
  }
  // Vectors of some hundred floats fill such pages well; of smaller ones they would leave a third empty.
  if (auto set = connection.execute("PRAGMA page_size = 16384; PRAGMA journal_mode = WAL"); !set) {
    return set;
  }
  auto transaction = sqlite::Transaction::begin(connection, sqlite::Transaction::Kind::kWrite);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  const auto sql =
      fmt::format("{}{}PRAGMA user_version = {};", kTables, index_and_keyword_tables(settings), kSchemaFormat);
  if (auto created = connection.execute(sql); !created) {
    return created;
  }
  auto insert = connection.prepare("INSERT INTO setting VALUES('collection', ?1)");
  if (!insert) {
    return std::unexpected(insert.error());
  }
  if (auto inserted = insert->bind(1, settings_json(settings)).run(); !inserted) {
    return inserted;
  }
  return transaction->commit();
}

Result<CollectionSettings> read_settings(const sqlite::Connection& connection) {
  const auto format = connection.integer("PRAGMA user_version");
  if (!format) {
    return std::unexpected(format.error());
  }
  if (format->value_or(0) > kSchemaFormat) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a collection of format {} at most, found {}", connection.path().string(),
                            kSchemaFormat, **format),
                "a later version of asterism made it: use that one");
  }
  if (format->value_or(0) < 1) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a collection, found another database", connection.path().string()));
  }
  auto select = connection.prepare("SELECT value FROM setting WHERE name = 'collection'");
  if (!select) {
    return std::unexpected(select.error());
  }
  const auto row = select->step();
  if (!row) {
    return std::unexpected(row.error());
  }
  if (!*row) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: the collection's settings are not there", connection.path().string()));
  }
  return parse_settings(select->text(0), connection.path().string() + ": settings");
}

Result<StoreState> read_state(const sqlite::Connection& connection) {
  auto select = connection.prepare("SELECT version, next_slot, item_count, removed_horizon FROM state");
  if (!select) {
    return std::unexpected(select.error());
  }
  const auto row = select->step();
  if (!row) {
    return std::unexpected(row.error());
  }
  if (!*row) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: the collection's state is not there", connection.path().string()));
  }
  return StoreState{.version = select->integer(0),
                    .next_slot = select->integer(1),
                    .item_count = select->integer(2),
                    .removed_horizon = select->integer(3)};
}

std::string settings_json(const CollectionSettings& settings) {
  Json object = {{"dim", settings.dim},
                 {"metric", metric_name(settings.metric)},
                 {"vector_type", vector_type_name(settings.vector_type)}};
  if (!settings.model.id.empty()) {
    object["model"] = model_json(settings.model);
  }
  object["columns"] = settings.columns;
  object["text_columns"] = settings.text_columns;
  return object.dump();
}

Result<CollectionSettings> parse_settings(std::string_view json, std::string_view source) {
  const auto object = parse_json(json, source);
  if (!object) {
    return std::unexpected(object.error());
  }
  CollectionSettings settings;
  const auto dim = json_get<std::size_t>(*object, "dim", source);
  const auto metric = json_get<std::string>(*object, "metric", source);
  const auto type = json_get<std::string>(*object, "vector_type", source);
  auto columns = string_list(*object, "columns", source);
  auto text_columns = string_list(*object, "text_columns", source);
  for (const Error* error : std::initializer_list<const Error*>{
           dim ? nullptr : &dim.error(), metric ? nullptr : &metric.error(), type ? nullptr : &type.error(),
           columns ? nullptr : &columns.error(), text_columns ? nullptr : &text_columns.error()}) {
    if (error != nullptr) {
      return std::unexpected(*error);
    }
  }
  const auto known_metric =
      enum_of(*metric, std::array{Metric::kCosine, Metric::kDot, Metric::kEuclidean}, metric_name, source);
  const auto known_type =
      enum_of(*type, std::array{VectorType::kF32, VectorType::kF16, VectorType::kBF16, VectorType::kI8},
              vector_type_name, source);
  if (!known_metric || !known_type) {
    return std::unexpected(known_metric ? known_type.error() : known_metric.error());
  }
  if (const auto found = object->find("model"); found != object->end()) {
    auto model = parse_model(*found, source);
    if (!model) {
      return std::unexpected(model.error());
    }
    settings.model = std::move(*model);
  }
  settings.dim = *dim;
  settings.metric = *known_metric;
  settings.vector_type = *known_type;
  settings.columns = std::move(*columns);
  settings.text_columns = std::move(*text_columns);
  return settings;
}

}  // namespace asterism
