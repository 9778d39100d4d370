// Connections to one server, and transactions on them that are tried again where that may help.
//
// Ownership: owns its connections; a lease gives one back when it ends. Thread-safety: all of it, from any thread. As
// many connections are opened as calls run at once, up to the limit; further calls wait.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "postgres/postgres_connection.hpp"

namespace asterism {

// A transaction is tried so often in all, waiting 50 ms, 100 ms, ... and up to half as much again between.
inline constexpr int kPostgresAttemptCountMax = 5;

class PostgresPool {
 public:
  // `url` for libpq, `shown` for errors; opens nothing yet. `cancel` is borrowed and may be null.
  PostgresPool(std::string url, std::string shown, std::size_t connection_count_max, const CancelFlag* cancel);

  // BEGIN with `settings` ("READ ONLY; SET LOCAL ..." or empty), `body`, COMMIT. On an error all of it is rolled back;
  // where the error is one that passes (PostgresConnection::may_retry) everything runs again, so `body` starts from the
  // beginning each time. A connection that broke at COMMIT leaves open whether it happened: `body` must be one that may
  // run twice.
  Result<void> transaction(const std::string& settings,
                           const std::function<Result<void>(PostgresConnection&)>& body) const;
  // The same for what PostgreSQL refuses inside a transaction (VACUUM).
  Result<void> outside_transaction(const std::function<Result<void>(PostgresConnection&)>& body) const;

 private:
  struct GiveBack;
  using Lease = std::unique_ptr<PostgresConnection, GiveBack>;
  Result<Lease> lease() const;
  Result<void> with_retries(const std::function<Result<void>(PostgresConnection&)>& attempt) const;

  std::string url_;
  std::string shown_;
  std::size_t connection_count_max_;
  const CancelFlag* cancel_;
  mutable std::mutex mutex_;
  mutable std::condition_variable returned_;
  mutable std::vector<std::unique_ptr<PostgresConnection>> idle_;
  mutable std::size_t leased_count_ = 0;
};

}  // namespace asterism
