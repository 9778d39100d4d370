// Any text as a filter: an error that says something, or a tree whose own text is the same tree, whose SQL SQLite
// takes, and of which memory and SQLite think the same on some items.
#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "store/filter_matcher.hpp"
#include "store/filter_milvus.hpp"
#include "store/filter_parser.hpp"
#include "store/filter_postgres.hpp"
#include "store/filter_sqlite.hpp"

namespace {

struct Close {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Close>;

constexpr std::array kItems{
    R"({"a":1,"b":"text","c":true,"price":12.5,"tags":["a","b",1],"deep":{"x":{"y":null}}})",
    R"({"a":"1","b":null,"c":[],"price":-3,"tags":"a","deep":[{"x":1}]})",
};

sqlite3* database() {
  static const std::unique_ptr<sqlite3, Close> opened = [] {
    sqlite3* handle = nullptr;
    sqlite3_open(":memory:", &handle);
    sqlite3_exec(handle, "CREATE TABLE item (id TEXT, kind TEXT, content TEXT, metadata TEXT)", nullptr, nullptr,
                 nullptr);
    return std::unique_ptr<sqlite3, Close>(handle);
  }();
  return opened.get();
}

Statement prepared(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    std::abort();
  }
  return Statement(statement);
}

void bind(sqlite3_stmt* statement, int at, const asterism::FilterLiteral& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    sqlite3_bind_int64(statement, at, *integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(statement, at, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    sqlite3_bind_text64(statement, at, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
  } else {
    std::abort();
  }
}

bool sqlite_takes(const asterism::FilterExpression& filter, const char* metadata) {
  const asterism::FilterSqlite sql = asterism::to_sqlite(filter);
  const Statement statement = prepared(
      "WITH item(id, kind, content, metadata) AS (SELECT '7', 'text', 'some text', ?) SELECT 1 FROM item WHERE " +
      sql.text);
  sqlite3_bind_text(statement.get(), 1, metadata, -1, SQLITE_STATIC);
  for (std::size_t i = 0; i < sql.values.size(); ++i) {
    bind(statement.get(), static_cast<int>(i + 2), sql.values[i]);
  }
  const int code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    std::abort();
  }
  return code == SQLITE_ROW;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto filter = asterism::parse_filter({reinterpret_cast<const char*>(data), size});
  if (!filter) {
    if (filter.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  const auto again = asterism::parse_filter(filter->to_text());
  if (!again || *again != *filter) {
    std::abort();
  }
  asterism::FilterMatcher matcher(*filter);
  for (const char* metadata : kItems) {
    const auto taken = matcher.matches({.id = "7", .kind = "text", .content = "some text", .metadata = metadata});
    if (!taken || *taken != sqlite_takes(*filter, metadata)) {
      std::abort();
    }
  }
  const auto postgres = asterism::to_postgres(*filter);
  const auto milvus = asterism::to_milvus(*filter);
  if (postgres.text.empty() || (!milvus && milvus.error().message.empty())) {
    std::abort();
  }
  return 0;
}
