// libpq, opened when a collection in PostgreSQL is: with the libraries behind it (Kerberos, LDAP, TLS) it would
// otherwise cost every start of the program some milliseconds. Internal to the module.
//
// The functions have the types that <libpq-fe.h> declares, so a call reads as it does in libpq's manual.
#pragma once

#include <libpq-fe.h>

#include "asterism/error.hpp"

namespace asterism {

struct LibpqLibrary {
  decltype(&::PQconnectdbParams) connect = nullptr;
  decltype(&::PQfinish) finish = nullptr;
  decltype(&::PQstatus) status = nullptr;
  decltype(&::PQerrorMessage) error_message = nullptr;
  decltype(&::PQserverVersion) server_version = nullptr;
  decltype(&::PQtransactionStatus) transaction_status = nullptr;
  decltype(&::PQsetNoticeReceiver) set_notice_receiver = nullptr;
  decltype(&::PQexec) exec = nullptr;
  decltype(&::PQexecParams) exec_params = nullptr;
  decltype(&::PQgetResult) get_result = nullptr;
  decltype(&::PQputCopyData) put_copy_data = nullptr;
  decltype(&::PQputCopyEnd) put_copy_end = nullptr;
  decltype(&::PQresultStatus) result_status = nullptr;
  decltype(&::PQresultErrorField) result_error_field = nullptr;
  decltype(&::PQntuples) row_count = nullptr;
  decltype(&::PQgetvalue) value = nullptr;
  decltype(&::PQgetlength) length = nullptr;
  decltype(&::PQgetisnull) is_null = nullptr;
  decltype(&::PQcmdTuples) command_row_count = nullptr;
  decltype(&::PQclear) clear = nullptr;
};

// The one table of the process; the library is never closed. An error names the package to install. Thread-safe.
const Result<LibpqLibrary>& libpq_library();

}  // namespace asterism
