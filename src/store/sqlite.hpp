// SQLite behind RAII and Result: connections, statements, transactions.
//
// Ownership: a Connection owns its handle and every Statement prepared on it must be gone before it is; moved-from
// objects are empty. Text that is bound or read may hold NUL bytes. Thread-safety: a Connection and its Statements
// belong to one thread at a time. Errors name the file and what SQLite says: a full disk is kNoSpace, a
// read-only folder and a lock that another process holds are kIo, a damaged file is kCorrupt.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"

namespace asterism::sqlite {

class Connection;

class Statement {
 public:
  // Parameters from 1. What is bound is copied, except by bind_view(), which must outlive the step.
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, double value);
  Statement& bind(int parameter, std::string_view text);
  Statement& bind_blob(int parameter, std::span<const std::byte> bytes);
  Statement& bind_view(int parameter, std::span<const std::byte> bytes);
  Statement& bind_null(int parameter);

  // True when there is a row; false at the end, after which the statement is reset and may be bound again.
  Result<bool> step();
  // Steps to the end.
  Result<void> run();
  // Calls `take` at every row, which may end it with an error.
  Result<void> for_each(const std::function<Result<void>()>& take);
  void reset() noexcept;

  // Columns from 0, of the present row. Views end with the next step.
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;
  std::span<const std::byte> blob(int column) const;
  bool is_null(int column) const;

 private:
  friend class Connection;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  Statement(sqlite3_stmt* statement, const Connection* connection) : statement_(statement), connection_(connection) {}
  void keep(int code) noexcept;

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  const Connection* connection_;
  int bind_error_ = 0;
};

// kImmutable: for reading on a medium that nobody can change; SQLite takes no locks and writes no files beside it.
enum class OpenMode : std::uint8_t { kReadOnly, kImmutable, kReadWrite, kCreate };

class Connection {
 public:
  static Result<Connection> open(const std::filesystem::path& path, OpenMode mode);

  Result<Statement> prepare(std::string_view sql) const;
  // Any number of statements without parameters or results.
  Result<void> execute(const std::string& sql) const;
  // The first column of the first row of a statement without parameters; nothing where there is no row or NULL.
  Result<std::optional<std::int64_t>> integer(std::string_view sql) const;
  // Rows that the last statement changed.
  std::uint64_t changed_row_count() const noexcept;

  std::unexpected<Error> error(std::string_view what) const;
  const std::filesystem::path& path() const noexcept { return path_; }
  sqlite3* handle() const noexcept { return handle_.get(); }

 private:
  struct Closer {
    void operator()(sqlite3* handle) const noexcept;
  };
  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Closer> handle_;
};

// While it lives, statements of the connection end with kCancelled soon after `cancel` is requested; what they changed
// is rolled back. Null: nothing ends them.
class Interruptible {
 public:
  Interruptible(const Connection& connection, const CancelFlag* cancel);
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  const Connection& connection_;
};

// Rolled back unless committed. kWrite takes the write lock at once, so that nothing read in it can be out of date.
class Transaction {
 public:
  enum class Kind : std::uint8_t { kRead, kWrite };
  static Result<Transaction> begin(const Connection& connection, Kind kind);
  Transaction(Transaction&& other) noexcept : connection_(other.connection_) { other.connection_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  // Durable when it returns.
  Result<void> commit();

 private:
  explicit Transaction(const Connection* connection) : connection_(connection) {}
  const Connection* connection_;
};

}  // namespace asterism::sqlite
