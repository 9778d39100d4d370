#include "postgres/postgres_pool.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

namespace asterism {
namespace {

constexpr std::chrono::milliseconds kWaitFirst{50};

// Callers that met each other's locks come back at different times.
std::chrono::milliseconds wait_before(int attempt) {
  const auto wait = kWaitFirst * (1 << attempt);
  std::minstd_rand random(static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count()));
  return wait + std::chrono::milliseconds(random() % (static_cast<unsigned long>(wait.count()) / 2));
}

}  // namespace

struct PostgresPool::GiveBack {
  const PostgresPool* pool;

  void operator()(PostgresConnection* connection) const {
    std::unique_ptr<PostgresConnection> owned(connection);
    // What broke, or is somewhere in a transaction, is not used again.
    if (!owned->is_alive() || owned->is_in_transaction()) {
      owned.reset();
    }
    {
      const std::scoped_lock lock(pool->mutex_);
      --pool->leased_count_;
      if (owned) {
        pool->idle_.push_back(std::move(owned));
      }
    }
    pool->returned_.notify_one();
  }
};

PostgresPool::PostgresPool(std::string url, std::string shown, std::size_t connection_count_max,
                           const CancelFlag* cancel)
    : url_(std::move(url)),
      shown_(std::move(shown)),
      connection_count_max_(std::max<std::size_t>(connection_count_max, 1)),
      cancel_(cancel) {}

Result<PostgresPool::Lease> PostgresPool::lease() const {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return leased_count_ < connection_count_max_; });
    ++leased_count_;
    if (!idle_.empty()) {
      Lease lease(idle_.back().release(), GiveBack{this});
      idle_.pop_back();
      return lease;
    }
  }
  auto connection = PostgresConnection::open(url_, shown_);
  if (!connection) {
    {
      const std::scoped_lock lock(mutex_);
      --leased_count_;
    }
    returned_.notify_one();
    return std::unexpected(std::move(connection.error()));
  }
  return Lease(std::make_unique<PostgresConnection>(std::move(*connection)).release(), GiveBack{this});
}

Result<void> PostgresPool::with_retries(const std::function<Result<void>(PostgresConnection&)>& attempt) const {
  for (int i = 0;; ++i) {
    const bool last = i + 1 == kPostgresAttemptCountMax;
    auto connection = lease();
    // Who cannot connect is told at once: a wrong address does not mend itself.
    if (!connection) {
      return std::unexpected(std::move(connection.error()));
    }
    auto done = attempt(**connection);
    const bool may_retry = (*connection)->may_retry();
    connection = Lease(nullptr, GiveBack{this});
    if (done || !may_retry || last) {
      return done;
    }
    if (cancel_ != nullptr && cancel_->requested()) {
      return done;
    }
    std::this_thread::sleep_for(wait_before(i));
  }
}

Result<void> PostgresPool::transaction(const std::string& settings,
                                       const std::function<Result<void>(PostgresConnection&)>& body) const {
  return with_retries([&](PostgresConnection& connection) -> Result<void> {
    if (auto begun = connection.run_script("BEGIN " + settings); !begun) {
      return begun;
    }
    if (auto done = body(connection); !done) {
      connection.roll_back();
      return done;
    }
    return connection.run_script("COMMIT");
  });
}

Result<void> PostgresPool::outside_transaction(const std::function<Result<void>(PostgresConnection&)>& body) const {
  return with_retries(body);
}

}  // namespace asterism
