// One connection to PostgreSQL: statements, COPY, errors in our terms.
//
// Ownership: owns the connection. Thread-safety: one thread at a time. Cost: a round trip a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "postgres/libpq_library.hpp"

namespace asterism {

// A parameter of a statement: text, or a value in PostgreSQL's binary form (postgres_wire.hpp).
struct PostgresValue {
  std::string bytes;
  bool is_binary = false;
};

// Rows of an answer, all values in binary form. Views into it are valid while it is.
class PostgresRows {
 public:
  PostgresRows(const LibpqLibrary& libpq, PGresult* result) : libpq_(&libpq), result_(result, libpq.clear) {}

  std::size_t size() const { return static_cast<std::size_t>(libpq_->row_count(result_.get())); }
  // Rows that an INSERT, UPDATE or DELETE changed.
  std::uint64_t changed_count() const;
  bool is_null(std::size_t row, int column) const;
  std::string_view bytes(std::size_t row, int column) const;
  std::int64_t integer(std::size_t row, int column) const;

 private:
  const LibpqLibrary* libpq_;
  std::unique_ptr<PGresult, decltype(&::PQclear)> result_;
};

class PostgresConnection {
 public:
  // `url`: as libpq takes it. `shown` names it in errors, without its password. Waits 10 s at most unless the URL says
  // connect_timeout. kNetwork when no server answers, kIo when it refuses, kNotFound without such a database.
  static Result<PostgresConnection> open(const std::string& url, const std::string& shown);

  // One statement with parameters $1, $2, ...
  Result<PostgresRows> run(const std::string& sql, std::span<const PostgresValue> values = {});
  // Several statements without parameters, in one round trip; answers are dropped.
  Result<void> run_script(const std::string& sql);

  // Leaves the error that led here as the one that may_retry() tells of.
  void roll_back();

  // COPY table(...) FROM STDIN (FORMAT binary): begin, any number of pieces, end.
  Result<void> begin_copy(const std::string& sql);
  Result<void> send_copy(std::string_view bytes);
  Result<void> end_copy();

  bool is_alive() const;
  bool is_in_transaction() const;
  // Whether doing the same again may succeed: the last error was of a kind that passes (a conflict of transactions, a
  // server that is starting or full, a connection that broke).
  bool may_retry() const noexcept { return may_retry_; }

 private:
  using Handle = std::unique_ptr<PGconn, decltype(&::PQfinish)>;
  PostgresConnection(const LibpqLibrary& libpq, Handle handle, std::string shown)
      : libpq_(&libpq), handle_(std::move(handle)), shown_(std::move(shown)) {}
  // Errors of a result that is not one of success; takes it.
  Result<PostgresRows> checked(PGresult* result);

  const LibpqLibrary* libpq_;
  Handle handle_;
  std::string shown_;
  bool may_retry_ = false;
};

// Whether a SQLSTATE is one of an error that passes: 40001, 40P01, 53300, 57P01, 57P02, 57P03 and class 08.
bool is_passing_sqlstate(std::string_view state) noexcept;
// What a SQLSTATE is in our terms.
ErrorCode error_code_of_sqlstate(std::string_view state) noexcept;

}  // namespace asterism
