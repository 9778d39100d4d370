#include "postgres/libpq_library.hpp"

#include <optional>

#include "base/shared_library.hpp"

namespace asterism {
namespace {

constexpr const char* kFileName = "libpq.so.5";
constexpr const char* kHint = "install libpq (Debian: apt install libpq5)";

Result<LibpqLibrary> load() {
  const auto library = SharedLibrary::open(kFileName, kHint);
  if (!library) {
    return std::unexpected(library.error());
  }
  LibpqLibrary libpq;
  std::optional<Error> error;
  const auto take = [&]<typename Function>(Function& function, const char* name) {
    auto found = library->symbol<Function>(name);
    if (found) {
      function = *found;
    } else if (!error) {
      error = found.error();
    }
  };
  take(libpq.connect, "PQconnectdbParams");
  take(libpq.finish, "PQfinish");
  take(libpq.status, "PQstatus");
  take(libpq.error_message, "PQerrorMessage");
  take(libpq.server_version, "PQserverVersion");
  take(libpq.transaction_status, "PQtransactionStatus");
  take(libpq.set_notice_receiver, "PQsetNoticeReceiver");
  take(libpq.exec, "PQexec");
  take(libpq.exec_params, "PQexecParams");
  take(libpq.get_result, "PQgetResult");
  take(libpq.put_copy_data, "PQputCopyData");
  take(libpq.put_copy_end, "PQputCopyEnd");
  take(libpq.result_status, "PQresultStatus");
  take(libpq.result_error_field, "PQresultErrorField");
  take(libpq.row_count, "PQntuples");
  take(libpq.value, "PQgetvalue");
  take(libpq.length, "PQgetlength");
  take(libpq.is_null, "PQgetisnull");
  take(libpq.command_row_count, "PQcmdTuples");
  take(libpq.clear, "PQclear");
  if (error) {
    return std::unexpected(*error);
  }
  return libpq;
}

}  // namespace

const Result<LibpqLibrary>& libpq_library() {
  static const Result<LibpqLibrary> library = load();
  return library;
}

}  // namespace asterism
