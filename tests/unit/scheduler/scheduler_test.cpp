#include "scheduler/scheduler.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <new>
#include <string>
#include <thread>

namespace asterism {
namespace {

using namespace std::chrono_literals;

// Fails the batch it is in.
constexpr std::string_view kUnfit = "unfit";

// A row's vector is its length. Holds every batch until it is let go, and writes down what it was given.
class SlowEncoder final : public RowEncoder {
 public:
  explicit SlowEncoder(std::string name, bool held = false) : identity_(std::move(name)), held_(held) {}

  Result<std::vector<RowVector>> encode(std::span<const std::string_view> rows) const override {
    std::unique_lock lock(mutex_);
    batches_.emplace_back(rows.begin(), rows.end());
    begun_.notify_all();
    begun_.wait(lock, [&] { return !held_; });
    if (rows.size() > memory_rows_) {
      throw std::bad_alloc();
    }
    std::vector<RowVector> out;
    for (const std::string_view row : rows) {
      if (row == kUnfit) {
        return fail(ErrorCode::kInvalidArgument, "unfit");
      }
      out.push_back({.values = {static_cast<float>(row.size())}, .report = {}});
    }
    return out;
  }
  const std::string& identity() const override { return identity_; }
  std::size_t cost(std::string_view) const override { return 1; }
  std::size_t batch_cost_max() const override { return batch_rows_; }
  bool immediate() const override { return false; }

  void hold() {
    const std::scoped_lock lock(mutex_);
    held_ = true;
  }
  void let_go() {
    const std::scoped_lock lock(mutex_);
    held_ = false;
    begun_.notify_all();
  }
  void wait_for_batch(std::size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(begun_.wait_for(lock, 120s, [&] { return batches_.size() >= count; }));
  }
  std::vector<std::vector<std::string>> batches() const {
    const std::scoped_lock lock(mutex_);
    return batches_;
  }

  std::size_t batch_rows_ = 8;
  std::size_t memory_rows_ = 1000;

 private:
  std::string identity_;
  mutable std::mutex mutex_;
  mutable std::condition_variable begun_;
  mutable std::vector<std::vector<std::string>> batches_;
  bool held_;
};

struct Answer {
  std::promise<Result<WorkResult>> promise;
  std::future<Result<WorkResult>> future = promise.get_future();
  WorkHandle handle;
};

std::unique_ptr<Answer> ask(Scheduler& scheduler, Work work) {
  auto answer = std::make_unique<Answer>();
  auto handle = scheduler.submit(
      std::move(work), [raw = answer.get()](Result<WorkResult> result) { raw->promise.set_value(std::move(result)); });
  if (handle) {
    answer->handle = *handle;
  } else {
    answer->promise.set_value(std::unexpected(handle.error()));
  }
  return answer;
}

std::vector<std::string> numbered(std::string_view prefix, std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(fmt::format("{}{}", prefix, std::string(i, '.')));
  }
  return out;
}

TEST(Scheduler, gives_rows_in_the_order_of_the_request_whatever_the_batches) {
  Scheduler scheduler({});
  const auto encoder = std::make_shared<SlowEncoder>("a");
  auto result = ask(scheduler, {.encoder = encoder, .rows = numbered("x", 50)})->future.get();
  ASSERT_TRUE(result);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(result->rows[i].values[0], static_cast<float>(i + 1));
  }
  EXPECT_GE(encoder->batches().size(), 7U);
}

TEST(Scheduler, computes_equal_rows_once_in_flight_and_from_the_cache) {
  Scheduler scheduler({});
  const auto encoder = std::make_shared<SlowEncoder>("a", true);
  auto first = ask(scheduler, {.encoder = encoder, .rows = {"same", "same"}});
  encoder->wait_for_batch(1);
  auto second = ask(scheduler, {.encoder = encoder, .rows = {"same"}});
  encoder->let_go();
  ASSERT_TRUE(first->future.get());
  ASSERT_TRUE(second->future.get());
  auto third = ask(scheduler, {.encoder = encoder, .rows = {"same"}})->future.get();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->cached_row_count, 1U);
  EXPECT_EQ(third->rows[0].values[0], 4.0F);
  EXPECT_EQ(encoder->batches().size(), 1U);
  EXPECT_EQ(encoder->batches()[0].size(), 1U);
  // Another model's vectors are others.
  const auto other = std::make_shared<SlowEncoder>("b");
  EXPECT_EQ(ask(scheduler, {.encoder = other, .rows = {"same"}})->future.get()->cached_row_count, 0U);
}

TEST(Scheduler, refuses_at_once_when_the_queue_is_full_and_keeps_what_it_took) {
  Scheduler scheduler({.queue_row_count_max = 4});
  const auto encoder = std::make_shared<SlowEncoder>("a", true);
  auto running = ask(scheduler, {.encoder = encoder, .rows = {"running"}});
  encoder->wait_for_batch(1);
  auto kept = ask(scheduler, {.encoder = encoder, .rows = numbered("k", 4)});
  auto refused = ask(scheduler, {.encoder = encoder, .rows = {"one more"}})->future.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(scheduler.status().interactive_row_count, 4U);
  encoder->let_go();
  EXPECT_TRUE(kept->future.get());
  EXPECT_TRUE(running->future.get());
  EXPECT_TRUE(ask(scheduler, {.encoder = encoder, .rows = {"later"}})->future.get());
}

TEST(Scheduler, refuses_at_once_what_would_wait_too_long) {
  Scheduler scheduler({.queue_time_max = 500ms});
  const auto encoder = std::make_shared<SlowEncoder>("a", true);
  // Nothing is known of a model that has not run: whatever waits, nobody is refused.
  auto first = ask(scheduler, {.encoder = encoder, .rows = {"first"}});
  encoder->wait_for_batch(1);
  EXPECT_EQ(scheduler.status().interactive_wait_seconds, 0.0);
  std::this_thread::sleep_for(100ms);
  encoder->let_go();
  ASSERT_TRUE(first->future.get());
  encoder->hold();
  auto running = ask(scheduler, {.encoder = encoder, .rows = {"running"}});
  encoder->wait_for_batch(2);
  auto queued = ask(scheduler, {.encoder = encoder, .rows = numbered("q", 40), .waits_any_time = true});
  // 32 of these rows come before the first of the next request, 0.1 seconds each.
  EXPECT_GT(scheduler.status().interactive_wait_seconds, 3.0);
  const auto refused = ask(scheduler, {.encoder = encoder, .rows = {"refused"}})->future.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
  EXPECT_GE(scheduler.retry_after(Priority::kInteractive), 3s);
  EXPECT_EQ(scheduler.status().late_count, 1U);
  EXPECT_EQ(scheduler.status().overload_count, 0U);
  // A row that is there already waits for nobody.
  EXPECT_TRUE(ask(scheduler, {.encoder = encoder, .rows = {"first"}})->future.get());
  auto patient = ask(scheduler, {.encoder = encoder, .rows = {"patient"}, .waits_any_time = true});
  encoder->let_go();
  EXPECT_TRUE(running->future.get());
  EXPECT_TRUE(queued->future.get());
  EXPECT_TRUE(patient->future.get());
  EXPECT_EQ(scheduler.retry_after(Priority::kInteractive), 1s);
}

TEST(Scheduler, refuses_what_has_waited_too_long_and_finishes_what_has_begun) {
  Scheduler scheduler({.queue_time_max = 50ms});
  const auto encoder = std::make_shared<SlowEncoder>("a", true);
  // Eight of its rows are in the batch that runs: it has begun, however long it takes.
  auto begun = ask(scheduler, {.encoder = encoder, .rows = numbered("b", 20)});
  encoder->wait_for_batch(1);
  auto late = ask(scheduler, {.encoder = encoder, .rows = {"late"}});
  auto patient = ask(scheduler, {.encoder = encoder, .rows = {"patient"}, .waits_any_time = true});
  std::this_thread::sleep_for(100ms);
  encoder->let_go();
  const auto refused = late->future.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
  EXPECT_TRUE(begun->future.get());
  EXPECT_TRUE(patient->future.get());
  EXPECT_EQ(scheduler.status().late_count, 1U);
}

TEST(Scheduler, bulk_work_is_done_while_interactive_work_floods_in) {
  Scheduler scheduler({.bulk_batch_every = 4});
  const auto encoder = std::make_shared<SlowEncoder>("a");
  std::atomic<bool> stop = false;
  std::thread flood([&] {
    for (std::size_t i = 0; !stop; ++i) {
      auto answer = ask(scheduler, {.encoder = encoder, .rows = numbered(fmt::format("flood{}", i), 40)});
      (void)ask(scheduler, {.encoder = encoder, .rows = numbered(fmt::format("more{}", i), 40)})->future.get();
      (void)answer->future.get();
    }
  });
  auto bulk = ask(scheduler, {.encoder = encoder, .rows = numbered("bulk", 200), .priority = Priority::kBulk});
  EXPECT_EQ(bulk->future.wait_for(120s), std::future_status::ready);
  stop = true;
  flood.join();
}

TEST(Scheduler, interactive_work_goes_before_bulk_that_came_earlier) {
  Scheduler scheduler({.bulk_batch_every = 100});
  const auto encoder = std::make_shared<SlowEncoder>("a", true);
  auto running = ask(scheduler, {.encoder = encoder, .rows = {"running"}});
  encoder->wait_for_batch(1);
  auto bulk = ask(scheduler, {.encoder = encoder, .rows = numbered("b", 8), .priority = Priority::kBulk});
  auto quick = ask(scheduler, {.encoder = encoder, .rows = {"quick"}});
  encoder->let_go();
  EXPECT_TRUE(quick->future.get());
  EXPECT_TRUE(bulk->future.get());
  EXPECT_EQ(encoder->batches()[1], std::vector<std::string>{"quick"});
}

TEST(Scheduler, a_large_request_does_not_keep_a_small_one_waiting_to_its_end) {
  Scheduler scheduler({.turn_row_count = 4});
  const auto encoder = std::make_shared<SlowEncoder>("a", true);
  auto running = ask(scheduler, {.encoder = encoder, .rows = {"running"}});
  encoder->wait_for_batch(1);
  auto large = ask(scheduler, {.encoder = encoder, .rows = numbered("large", 100)});
  auto small = ask(scheduler, {.encoder = encoder, .rows = {"small"}});
  encoder->let_go();
  ASSERT_TRUE(large->future.get());
  ASSERT_TRUE(small->future.get());
  const auto second = encoder->batches()[1];
  EXPECT_NE(std::ranges::find(second, "small"), second.end());
}

TEST(Scheduler, work_past_its_time_is_not_run) {
  Scheduler scheduler({});
  const auto encoder = std::make_shared<SlowEncoder>("a", true);
  auto running = ask(scheduler, {.encoder = encoder, .rows = {"running"}});
  encoder->wait_for_batch(1);
  auto late =
      ask(scheduler, {.encoder = encoder, .rows = {"late"}, .deadline = std::chrono::steady_clock::now() - 1ms});
  encoder->let_go();
  const auto result = late->future.get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTimeout);
  EXPECT_EQ(encoder->batches().size(), 1U);
}

TEST(Scheduler, a_cancelled_request_gives_its_place_up_but_not_what_another_waits_for) {
  Scheduler scheduler({});
  const auto encoder = std::make_shared<SlowEncoder>("a", true);
  auto running = ask(scheduler, {.encoder = encoder, .rows = {"running"}});
  encoder->wait_for_batch(1);
  auto gone = ask(scheduler, {.encoder = encoder, .rows = {"shared", "alone"}});
  auto stays = ask(scheduler, {.encoder = encoder, .rows = {"shared"}});
  gone->handle.cancel();
  EXPECT_EQ(gone->future.get().error().code, ErrorCode::kCancelled);
  encoder->let_go();
  ASSERT_TRUE(stays->future.get());
  EXPECT_EQ(encoder->batches()[1], std::vector<std::string>{"shared"});
  EXPECT_EQ(scheduler.status().interactive_row_count, 0U);
}

TEST(Scheduler, a_batch_without_memory_is_run_in_halves_and_the_worker_goes_on) {
  Scheduler scheduler({});
  const auto encoder = std::make_shared<SlowEncoder>("a");
  encoder->memory_rows_ = 2;
  ASSERT_TRUE(ask(scheduler, {.encoder = encoder, .rows = numbered("x", 8)})->future.get());
  const auto none = std::make_shared<SlowEncoder>("none");
  none->memory_rows_ = 0;
  EXPECT_EQ(ask(scheduler, {.encoder = none, .rows = {"x"}})->future.get()->rows[0].report.error->code,
            ErrorCode::kInternal);
  EXPECT_TRUE(ask(scheduler, {.encoder = encoder, .rows = {"after"}})->future.get());
}

TEST(Scheduler, a_row_that_fails_its_batch_costs_only_itself) {
  Scheduler scheduler({});
  const auto encoder = std::make_shared<SlowEncoder>("a", true);
  auto running = ask(scheduler, {.encoder = encoder, .rows = {"running"}});
  encoder->wait_for_batch(1);
  auto good = ask(scheduler, {.encoder = encoder, .rows = {"good"}});
  auto mixed = ask(scheduler, {.encoder = encoder, .rows = {"fine", std::string(kUnfit), "too"}});
  encoder->let_go();
  EXPECT_TRUE(running->future.get());
  EXPECT_EQ(good->future.get()->rows[0].values[0], 4.0F);
  const auto result = mixed->future.get();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->rows[0].values[0], 4.0F);
  EXPECT_EQ(result->rows[1].report.error->message, "unfit");
  EXPECT_EQ(result->rows[2].values[0], 3.0F);
  // An error is not kept.
  const auto again = ask(scheduler, {.encoder = encoder, .rows = {std::string(kUnfit)}})->future.get();
  EXPECT_EQ(again->cached_row_count, 0U);
}

TEST(Scheduler, drain_finishes_what_waits_and_takes_nothing_more) {
  Scheduler scheduler({});
  const auto encoder = std::make_shared<SlowEncoder>("a");
  auto waiting = ask(scheduler, {.encoder = encoder, .rows = numbered("x", 100)});
  scheduler.drain();
  EXPECT_EQ(waiting->future.wait_for(0s), std::future_status::ready);
  const auto refused = ask(scheduler, {.encoder = encoder, .rows = {"x"}})->future.get();
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace asterism
