// What a server says of itself: its health follows its worker and its models.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/json.hpp"
#include "server/embed_api.hpp"
#include "server/routes.hpp"

namespace asterism::server {
namespace {

using namespace std::chrono_literals;

// Runs until it is let go.
class HangingEncoder final : public RowEncoder {
 public:
  Result<std::vector<RowVector>> encode(std::span<const std::string_view> rows) const override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return free_; });
    return std::vector<RowVector>(rows.size(), {.values = {1.0F}, .report = {}});
  }
  const std::string& identity() const override { return identity_; }
  std::size_t cost(std::string_view /*row*/) const override { return 1; }
  std::size_t batch_cost_max() const override { return 8; }
  bool immediate() const override { return false; }
  void let_go() {
    const std::scoped_lock lock(mutex_);
    free_ = true;
    changed_.notify_all();
  }

 private:
  std::string identity_ = "hanging";
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool free_ = false;
};

struct Server {
  explicit Server(std::string model) : pool({std::move(model)}, {}) {}

  HttpResponse ask(std::string_view path, EmbedApiLimits limits = {}) {
    const auto routes = status_routes();
    const auto route = std::ranges::find(routes, path, &Route::path);
    const auto exchange = std::make_shared<Exchange>(HttpRequest{});
    HttpResponse answer;
    exchange->on_response([&](HttpResponse response) { answer = std::move(response); });
    route->handle({.pool = pool,
                   .scheduler = scheduler,
                   .tasks = tasks,
                   .api = api,
                   .metrics = metrics,
                   .limits = limits,
                   .open_api = open_api},
                  *route, exchange);
    return answer;
  }

  ModelPool pool;
  Metrics metrics;
  Scheduler scheduler{{}};
  WorkerPool tasks{"tasks", 1, 1};
  PictureFetcher fetcher{PictureFetcherOptions{}};
  TraceExporter traces{{}};
  EmbedApi api{
      {.pool = pool, .scheduler = scheduler, .tasks = tasks, .metrics = metrics, .fetcher = fetcher, .traces = traces},
      {}};
  std::string open_api;
};

TEST(StatusRoutes, health_is_red_while_a_batch_hangs_and_green_again_after_it) {
  Server server{std::string(kBuiltinModel)};
  const auto encoder = std::make_shared<HangingEncoder>();
  EXPECT_EQ(server.ask("/health").status, 200);
  ASSERT_TRUE(server.scheduler.submit({.encoder = encoder, .rows = {"x"}}, [](const Result<WorkResult>&) {}));
  const EmbedApiLimits patient{.batch_time_max = 1h};
  const EmbedApiLimits hasty{.batch_time_max = 1ms};
  while (!server.scheduler.status().running_seconds) {
    std::this_thread::sleep_for(1ms);
  }
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(server.ask("/health", patient).status, 200);
  const HttpResponse stuck = server.ask("/health", hasty);
  EXPECT_EQ(stuck.status, 503);
  EXPECT_NE(stuck.body.find("at one batch"), std::string::npos);
  EXPECT_NE(server.ask("/metrics", hasty).body.find("asterism_worker_state{state=\"stuck\"} 1"), std::string::npos);
  encoder->let_go();
  server.scheduler.drain();
  EXPECT_EQ(server.ask("/health", hasty).status, 200);
}

TEST(StatusRoutes, health_is_red_when_a_model_cannot_be_loaded) {
  Server server("/nowhere/at/all");
  EXPECT_EQ(server.ask("/health").status, 200);  // nobody has asked for it yet
  EXPECT_FALSE(server.pool.get("/nowhere/at/all"));
  EXPECT_EQ(server.ask("/health").status, 503);
  EXPECT_GE(server.ask("/info").status, 400);
}

}  // namespace
}  // namespace asterism::server
