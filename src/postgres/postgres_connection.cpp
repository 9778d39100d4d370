#include "postgres/postgres_connection.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <vector>

#include "postgres/postgres_wire.hpp"

namespace asterism {
namespace {

constexpr int kBinary = 1;
// PQerrorMessage ends its lines.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    line += c == '\n' ? ' ' : c;
  }
  while (line.ends_with(' ')) {
    line.pop_back();
  }
  return line;
}

struct StateMeaning {
  std::string_view prefix;  // of the SQLSTATE; longer ones first
  ErrorCode code;
  std::string_view hint;
};
constexpr std::array<StateMeaning, 13> kMeanings{{
    {"3D000", ErrorCode::kNotFound, "the database is not there: createdb makes it"},
    {"28", ErrorCode::kIo, "look at user and password in the URL, or in ~/.pgpass"},
    {"42501", ErrorCode::kIo, "the database's owner may GRANT what is missing"},
    {"42P01", ErrorCode::kNotFound, "the collection was dropped meanwhile"},
    {"53100", ErrorCode::kNoSpace, "the server's disk is full"},
    {"53300", ErrorCode::kNetwork, "the server has no connection free"},
    {"53", ErrorCode::kIo, "the server lacks memory or disk"},
    {"54000", ErrorCode::kLimitExceeded,
     "a declared column holds texts of up to about 2,600 bytes: declare fewer columns"},
    {"57014", ErrorCode::kCancelled, "the server ended the statement (statement_timeout)"},
    {"57P", ErrorCode::kNetwork, "the server is going down or coming up"},
    {"08", ErrorCode::kNetwork, "the connection broke"},
    {"25006", ErrorCode::kIo, "the server takes no writes: it is a standby"},
    {"58", ErrorCode::kIo, ""},
}};

const StateMeaning* meaning_of(std::string_view state) noexcept {
  for (const StateMeaning& meaning : kMeanings) {
    if (state.starts_with(meaning.prefix)) {
      return &meaning;
    }
  }
  return nullptr;
}

void drop_notice(void* /*unused*/, const PGresult* /*notice*/) {}

}  // namespace

bool is_passing_sqlstate(std::string_view state) noexcept {
  constexpr std::array<std::string_view, 6> kPassing{"40001", "40P01", "53300", "57P01", "57P02", "57P03"};
  for (const std::string_view passing : kPassing) {
    if (state == passing) {
      return true;
    }
  }
  return state.starts_with("08");
}

ErrorCode error_code_of_sqlstate(std::string_view state) noexcept {
  const StateMeaning* meaning = meaning_of(state);
  return meaning == nullptr ? ErrorCode::kInternal : meaning->code;
}

std::uint64_t PostgresRows::changed_count() const {
  const std::string_view text = libpq_->command_row_count(result_.get());
  std::uint64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

bool PostgresRows::is_null(std::size_t row, int column) const {
  return libpq_->is_null(result_.get(), static_cast<int>(row), column) != 0;
}

std::string_view PostgresRows::bytes(std::size_t row, int column) const {
  return {libpq_->value(result_.get(), static_cast<int>(row), column),
          static_cast<std::size_t>(libpq_->length(result_.get(), static_cast<int>(row), column))};
}

std::int64_t PostgresRows::integer(std::size_t row, int column) const {
  return int64_of_postgres(bytes(row, column));
}

Result<PostgresConnection> PostgresConnection::open(const std::string& url, const std::string& shown) {
  const auto& libpq = libpq_library();
  if (!libpq) {
    return std::unexpected(libpq.error());
  }
  // What stands before the URL is a default, what stands after it is not to be changed.
  constexpr std::array<const char*, 5> kKeywords{"connect_timeout", "fallback_application_name", "dbname",
                                                 "client_encoding", nullptr};
  const std::array<const char*, 5> values{"10", "asterism", url.c_str(), "UTF8", nullptr};
  Handle handle(libpq->connect(kKeywords.data(), values.data(), 1), libpq->finish);
  if (!handle || libpq->status(handle.get()) != CONNECTION_OK) {
    const std::string reason = handle ? one_line(libpq->error_message(handle.get())) : "no memory";
    // A connection that was refused has no SQLSTATE; the server's own words tell apart what can be told.
    const bool no_database =
        reason.find("\" does not exist") != std::string::npos && reason.find("database \"") != std::string::npos;
    const bool no_entry = reason.find("authentication") != std::string::npos ||
                          reason.find("role \"") != std::string::npos || reason.find("pg_hba") != std::string::npos;
    const bool no_url = reason.starts_with("invalid");
    return fail(no_database ? ErrorCode::kNotFound
                : no_entry  ? ErrorCode::kIo
                : no_url    ? ErrorCode::kInvalidArgument
                            : ErrorCode::kNetwork,
                fmt::format("{}: no connection: {}", shown, reason),
                no_database ? "createdb makes it"
                : no_entry  ? "look at user and password in the URL, or in ~/.pgpass"
                : no_url    ? "postgresql://user:password@host:5432/database?collection=NAME"
                            : "look whether the server runs and listens there");
  }
  libpq->set_notice_receiver(handle.get(), drop_notice, nullptr);
  return PostgresConnection(*libpq, std::move(handle), shown);
}

Result<PostgresRows> PostgresConnection::checked(PGresult* result) {
  PostgresRows rows(*libpq_, result);
  const ExecStatusType status = libpq_->result_status(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN) {
    return rows;
  }
  const char* found = result == nullptr ? nullptr : libpq_->result_error_field(result, PG_DIAG_SQLSTATE);
  // Without a server's word it is the connection.
  const std::string_view state = found == nullptr ? "08006" : found;
  const char* primary = result == nullptr ? nullptr : libpq_->result_error_field(result, PG_DIAG_MESSAGE_PRIMARY);
  const char* detail = result == nullptr ? nullptr : libpq_->result_error_field(result, PG_DIAG_MESSAGE_DETAIL);
  may_retry_ = is_passing_sqlstate(state) || !is_alive();
  const StateMeaning* meaning = meaning_of(state);
  return fail(meaning == nullptr ? ErrorCode::kInternal : meaning->code,
              fmt::format("{}: {}{}{} [{}]", shown_,
                          primary == nullptr ? one_line(libpq_->error_message(handle_.get())) : primary,
                          detail == nullptr ? "" : ": ", detail == nullptr ? "" : detail, state),
              meaning == nullptr ? std::string() : std::string(meaning->hint));
}

Result<PostgresRows> PostgresConnection::run(const std::string& sql, std::span<const PostgresValue> values) {
  may_retry_ = false;
  std::vector<const char*> pointers;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const PostgresValue& value : values) {
    pointers.push_back(value.bytes.c_str());
    lengths.push_back(static_cast<int>(value.bytes.size()));
    formats.push_back(value.is_binary ? kBinary : 0);
  }
  return checked(libpq_->exec_params(handle_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                                     pointers.data(), lengths.data(), formats.data(), kBinary));
}

Result<void> PostgresConnection::run_script(const std::string& sql) {
  may_retry_ = false;
  auto rows = checked(libpq_->exec(handle_.get(), sql.c_str()));
  return rows ? Result<void>{} : std::unexpected(rows.error());
}

void PostgresConnection::roll_back() {
  if (is_alive()) {
    libpq_->clear(libpq_->exec(handle_.get(), "ROLLBACK"));
  }
}

Result<void> PostgresConnection::begin_copy(const std::string& sql) {
  return run_script(sql);
}

Result<void> PostgresConnection::send_copy(std::string_view bytes) {
  if (libpq_->put_copy_data(handle_.get(), bytes.data(), static_cast<int>(bytes.size())) != 1) {
    may_retry_ = !is_alive();
    return fail(ErrorCode::kNetwork,
                fmt::format("{}: rows could not be sent: {}", shown_, one_line(libpq_->error_message(handle_.get()))));
  }
  return {};
}

Result<void> PostgresConnection::end_copy() {
  may_retry_ = false;
  if (libpq_->put_copy_end(handle_.get(), nullptr) != 1) {
    may_retry_ = !is_alive();
    return fail(ErrorCode::kNetwork,
                fmt::format("{}: rows could not be sent: {}", shown_, one_line(libpq_->error_message(handle_.get()))));
  }
  Result<void> ended;
  while (PGresult* result = libpq_->get_result(handle_.get())) {
    if (auto rows = checked(result); !rows && ended) {
      ended = std::unexpected(rows.error());
    }
  }
  return ended;
}

bool PostgresConnection::is_alive() const {
  return libpq_->status(handle_.get()) == CONNECTION_OK;
}

bool PostgresConnection::is_in_transaction() const {
  return libpq_->transaction_status(handle_.get()) != PQTRANS_IDLE;
}

}  // namespace asterism
