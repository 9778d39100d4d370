#include "store/sqlite.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/system_error.hpp"

namespace asterism::sqlite {
namespace {

// A reader or a checkpoint of another process holds its lock for moments only.
constexpr int kBusyTimeoutMs = 10'000;

// https://www.sqlite.org/uri.html
std::string immutable_uri(const std::filesystem::path& path) {
  std::string uri = "file:";
  for (const char c : path.string()) {
    uri += c == '?' || c == '#' || c == '%' ? fmt::format("%{:02x}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return uri + "?immutable=1";
}

ErrorCode code_of(int sqlite_code, int system_error_number = 0) {
  switch (sqlite_code & 0xFF) {
    case SQLITE_FULL:
      return ErrorCode::kNoSpace;
    case SQLITE_IOERR:
      // Of the memory that readers share SQLite says no more than that it could not be made larger.
      return system_error_code(system_error_number);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_TOOBIG:
      return ErrorCode::kLimitExceeded;
    case SQLITE_INTERRUPT:
      return ErrorCode::kCancelled;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return ErrorCode::kInternal;
    default:
      return ErrorCode::kIo;
  }
}

std::string hint_of(int sqlite_code, ErrorCode error_code) {
  if (error_code == ErrorCode::kNoSpace) {
    return "the disk is full: nothing of the last step was kept, all before it is; make room and run again";
  }
  switch (sqlite_code & 0xFF) {
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "check the permissions of the folder and of what is in it";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process holds the lock: wait for it, or see who uses the folder";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "the file is damaged: `asterism collection verify` says where; restore it from a copy, or export what can "
             "be read";
    default:
      return {};
  }
}

}  // namespace

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

void Connection::Closer::operator()(sqlite3* handle) const noexcept {
  sqlite3_close_v2(handle);
}

void Statement::keep(int code) noexcept {
  if (code != SQLITE_OK && bind_error_ == SQLITE_OK) {
    bind_error_ = code;
  }
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  keep(sqlite3_bind_int64(statement_.get(), parameter, value));
  return *this;
}

Statement& Statement::bind(int parameter, double value) {
  keep(sqlite3_bind_double(statement_.get(), parameter, value));
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL.
  const char* bytes = text.data() == nullptr ? "" : text.data();
  keep(sqlite3_bind_text64(statement_.get(), parameter, bytes, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_blob(int parameter, std::span<const std::byte> bytes) {
  keep(bytes.empty() ? sqlite3_bind_zeroblob(statement_.get(), parameter, 0)
                     : sqlite3_bind_blob64(statement_.get(), parameter, bytes.data(), bytes.size(), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind_view(int parameter, std::span<const std::byte> bytes) {
  keep(bytes.empty() ? sqlite3_bind_zeroblob(statement_.get(), parameter, 0)
                     : sqlite3_bind_blob64(statement_.get(), parameter, bytes.data(), bytes.size(), SQLITE_STATIC));
  return *this;
}

Statement& Statement::bind_null(int parameter) {
  keep(sqlite3_bind_null(statement_.get(), parameter));
  return *this;
}

Result<bool> Statement::step() {
  if (bind_error_ != SQLITE_OK) {
    const int code = std::exchange(bind_error_, SQLITE_OK);
    return fail(code_of(code), fmt::format("{}: {}", connection_->path().string(), sqlite3_errstr(code)));
  }
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  auto error = connection_->error(sqlite3_sql(statement_.get()));
  reset();
  return error;
}

Result<void> Statement::run() {
  return for_each([] { return Result<void>{}; });
}

Result<void> Statement::for_each(const std::function<Result<void>()>& take) {
  while (true) {
    const auto row = step();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      return {};
    }
    if (auto taken = take(); !taken) {
      reset();
      return taken;
    }
  }
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const auto bytes = blob(column);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> Statement::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const auto size_bytes = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return {static_cast<const std::byte*>(bytes), bytes == nullptr ? 0 : size_bytes};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<Connection> Connection::open(const std::filesystem::path& path, OpenMode mode) {
  int flags = SQLITE_OPEN_NOMUTEX;
  switch (mode) {
    case OpenMode::kReadOnly:
      flags |= SQLITE_OPEN_READONLY;
      break;
    case OpenMode::kImmutable:
      flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
      break;
    case OpenMode::kReadWrite:
      flags |= SQLITE_OPEN_READWRITE;
      break;
    case OpenMode::kCreate:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
  }
  Connection connection;
  connection.path_ = path;
  sqlite3* handle = nullptr;
  const auto name = mode == OpenMode::kImmutable ? immutable_uri(path) : path.string();
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
  connection.handle_.reset(handle);
  if (code != SQLITE_OK) {
    return handle != nullptr ? connection.error("open")
                             : fail(ErrorCode::kIo, fmt::format("{}: cannot be opened: out of memory", path.string()));
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // A file is not to change its own schema by stealth. Its schema must stay trusted all the same: SQLite 3.40 allows
  // json_extract() in an index only then. No function that a schema could call does more than compute.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return connection;
}

Result<Statement> Connection::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr) != SQLITE_OK) {
    return error(sql);
  }
  return Statement(statement, this);
}

Result<void> Connection::execute(const std::string& sql) const {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return error(sql);
  }
  return {};
}

Result<std::optional<std::int64_t>> Connection::integer(std::string_view sql) const {
  auto statement = prepare(sql);
  if (!statement) {
    return std::unexpected(statement.error());
  }
  const auto row = statement->step();
  if (!row) {
    return std::unexpected(row.error());
  }
  if (!*row || statement->is_null(0)) {
    return std::optional<std::int64_t>{};
  }
  return statement->integer(0);
}

std::uint64_t Connection::changed_row_count() const noexcept {
  return static_cast<std::uint64_t>(sqlite3_changes64(handle_.get()));
}

std::unexpected<Error> Connection::error(std::string_view what) const {
  const int code = sqlite3_extended_errcode(handle_.get());
  const auto error_code = code_of(code, sqlite3_system_errno(handle_.get()));
  // The statement tells something only where it is at fault.
  const auto statement = error_code == ErrorCode::kInternal ? fmt::format(" (in: {})", what) : std::string{};
  return fail(error_code, fmt::format("{}: {}{}", path_.string(), sqlite3_errmsg(handle_.get()), statement),
              hint_of(code, error_code));
}

Interruptible::Interruptible(const Connection& connection, const CancelFlag* cancel) : connection_(connection) {
  constexpr int kStepsBetweenLooks = 10'000;  // of SQLite's virtual machine: some milliseconds
  if (cancel != nullptr) {
    const auto look = [](void* flag) { return static_cast<const CancelFlag*>(flag)->requested() ? 1 : 0; };
    sqlite3_progress_handler(connection.handle(), kStepsBetweenLooks, look, const_cast<CancelFlag*>(cancel));
  }
}

Interruptible::~Interruptible() {
  sqlite3_progress_handler(connection_.handle(), 0, nullptr, nullptr);
}

Result<Transaction> Transaction::begin(const Connection& connection, Kind kind) {
  if (auto begun = connection.execute(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN"); !begun) {
    return std::unexpected(begun.error());
  }
  return Transaction(&connection);
}

Transaction::~Transaction() {
  if (connection_ != nullptr) {
    sqlite3_exec(connection_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Result<void> Transaction::commit() {
  auto committed = connection_->execute("COMMIT");
  if (committed) {
    connection_ = nullptr;
  }
  return committed;
}

}  // namespace asterism::sqlite
