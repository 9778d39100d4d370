// SQLite as the judge of filters: items in a table, and which of them a condition takes.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "store/filter_sqlite.hpp"

namespace asterism {

class SqliteJudge {
 public:
  SqliteJudge() {
    sqlite3* handle = nullptr;
    sqlite3_open(":memory:", &handle);
    database_.reset(handle);
    run("CREATE TABLE item (id TEXT, kind TEXT, content TEXT, metadata TEXT)");
  }

  void run(const std::string& sql) { step_all(*prepare(sql)); }

  void insert(std::string_view id, std::string_view kind, const char* content, std::string_view metadata) {
    const auto statement = prepare("INSERT INTO item VALUES (?, ?, ?, ?)");
    bind_text(*statement, 1, id);
    bind_text(*statement, 2, kind);
    content == nullptr ? sqlite3_bind_null(statement.get(), 3) : bind_text(*statement, 3, content);
    metadata.empty() ? sqlite3_bind_null(statement.get(), 4) : bind_text(*statement, 4, metadata);
    step_all(*statement);
  }

  // Ids of what the filter takes, in the order of insertion.
  std::vector<std::string> ids(const FilterExpression& filter) {
    return first_column("SELECT id FROM item WHERE ", filter, 0);
  }
  // How SQLite would look for it.
  std::vector<std::string> plan(const FilterExpression& filter) {
    return first_column("EXPLAIN QUERY PLAN SELECT id FROM item WHERE ", filter, 3);
  }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Close>;

  static int bind_text(sqlite3_stmt& statement, int at, std::string_view text) {
    return sqlite3_bind_text64(&statement, at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }

  Statement prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
      throw std::runtime_error(sqlite3_errmsg(database_.get()) + (": " + sql.substr(0, 2000)));
    }
    return Statement(statement);
  }

  void step_all(sqlite3_stmt& statement) {
    if (sqlite3_step(&statement) != SQLITE_DONE) {
      throw std::runtime_error(sqlite3_errmsg(database_.get()));
    }
  }

  std::vector<std::string> first_column(const std::string& select, const FilterExpression& filter, int column) {
    const FilterSqlite sql = to_sqlite(filter);
    const auto statement = prepare(select + sql.text);
    for (std::size_t i = 0; i < sql.values.size(); ++i) {
      const int at = static_cast<int>(i + 1);
      if (const auto* integer = std::get_if<std::int64_t>(&sql.values[i])) {
        sqlite3_bind_int64(statement.get(), at, *integer);
      } else if (const auto* real = std::get_if<double>(&sql.values[i])) {
        sqlite3_bind_double(statement.get(), at, *real);
      } else {
        bind_text(*statement, at, std::get<std::string>(sql.values[i]));
      }
    }
    std::vector<std::string> found;
    int code = sqlite3_step(statement.get());
    for (; code == SQLITE_ROW; code = sqlite3_step(statement.get())) {
      found.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), column)));
    }
    if (code != SQLITE_DONE) {
      throw std::runtime_error(sqlite3_errmsg(database_.get()));
    }
    return found;
  }

  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace asterism
