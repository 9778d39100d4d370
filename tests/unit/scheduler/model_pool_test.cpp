#include "scheduler/model_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>

#include "scratch_folder.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

std::string golden(std::string_view name) {
  return std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/sentence_transformers/" + std::string(name);
}

ModelPoolOptions options(std::size_t size_bytes_max = 0) {
  ModelPoolOptions out;
  out.encoder.precision = Precision::kF32;
  out.encoder.thread_count = 1;
  out.size_bytes_max = size_bytes_max;
  return out;
}

ModelState state_of(const ModelPool& pool, const std::string& name) {
  for (const ModelStatus& status : pool.status()) {
    if (status.name == name) {
      return status.state;
    }
  }
  ADD_FAILURE() << name;
  return ModelState::kFailed;
}

TEST(ModelPool, models_are_loaded_once_and_shared_by_whoever_asks_meanwhile) {
  ModelPool pool({golden("old_mean_normalize")}, options());
  EXPECT_EQ(state_of(pool, pool.names()[0]), ModelState::kNotLoaded);
  std::vector<std::promise<ModelPool::Loaded>> promises(8);
  std::vector<std::thread> threads;
  for (auto& promise : promises) {
    threads.emplace_back([&] {
      pool.get({.name = pool.names()[0]}, [&](ModelPool::Loaded model) { promise.set_value(std::move(model)); });
    });
  }
  std::vector<std::shared_ptr<const LoadedModel>> models;
  for (auto& promise : promises) {
    auto model = promise.get_future().get();
    ASSERT_TRUE(model) << model.error().to_string();
    models.push_back(*model);
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(models, testing::Each(models.front()));
  // Vectors are not scaled here, and one knows what the model itself would do.
  EXPECT_TRUE(models.front()->normalized);
  EXPECT_FALSE(models.front()->encoder.info().normalized);
  EXPECT_EQ(state_of(pool, pool.names()[0]), ModelState::kLoaded);
}

TEST(ModelPool, the_one_used_least_recently_makes_room) {
  const std::string first = golden("old_mean_normalize");
  const std::string second = golden("new_mean");
  ModelPool pool({first, second}, options(1));  // room for one at a time
  std::weak_ptr<const LoadedModel> of_first;
  {
    const auto held = pool.get(first);
    ASSERT_TRUE(held);
    of_first = *held;
    ASSERT_TRUE(pool.get(second));
    EXPECT_FALSE(of_first.expired());  // in use
    EXPECT_TRUE((*held)->encoder.encode(std::vector<std::string>{"still here"}));
  }
  EXPECT_TRUE(of_first.expired());
  EXPECT_EQ(state_of(pool, first), ModelState::kNotLoaded);
  EXPECT_EQ(state_of(pool, second), ModelState::kLoaded);
  ASSERT_TRUE(pool.get(first));
  EXPECT_EQ(state_of(pool, second), ModelState::kNotLoaded);
}

// A collection's model that the server was not started with.
TEST(ModelPool, one_that_is_not_listed_shares_the_memory_of_the_others) {
  const std::string listed = golden("old_mean_normalize");
  const std::string other = golden("new_mean");
  ModelPool pool({listed}, options(1));  // room for one at a time
  ASSERT_TRUE(pool.get(listed));
  EXPECT_GT(pool.status().front().size_bytes, 0U);
  ASSERT_TRUE(pool.get(ModelVariant{.name = other, .listed = false}));
  auto status = pool.status();
  ASSERT_EQ(status.size(), 2U);
  EXPECT_EQ(status[0].state, ModelState::kNotLoaded);
  EXPECT_EQ(status[0].size_bytes, 0U);
  EXPECT_EQ(status[1].name, other);
  EXPECT_FALSE(status[1].listed);
  EXPECT_EQ(status[1].state, ModelState::kLoaded);
  EXPECT_EQ(pool.names(), std::vector<std::string>{listed});
  // Clients name listed ones alone.
  const auto refused = pool.get(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(pool.get(listed));
  EXPECT_EQ(pool.status()[1].state, ModelState::kNotLoaded);
}

TEST(ModelPool, variants_are_models_of_their_own) {
  ModelPool pool({golden("prompt_excluded")}, options());
  const auto get = [&](const ModelVariant& variant) {
    std::promise<ModelPool::Loaded> promise;
    pool.get(variant, [&](ModelPool::Loaded model) { promise.set_value(std::move(model)); });
    return promise.get_future().get();
  };
  const auto plain = get({.name = pool.names()[0]});
  const auto tokens = get({.name = pool.names()[0], .pooled = false});
  const auto prompted = get({.name = pool.names()[0], .prompt_name = "query"});
  ASSERT_TRUE(plain && tokens && prompted);
  EXPECT_NE((*plain)->identity, (*tokens)->identity);
  EXPECT_NE((*plain)->identity, (*prompted)->identity);
  EXPECT_FALSE((*tokens)->pooled);
  EXPECT_FALSE((*plain)->encoder.info().prompt_is_pooled);
  EXPECT_EQ(get({.name = pool.names()[0]}).value(), *plain);
}

TEST(ModelPool, errors_are_kept_for_a_while_and_then_tried_again) {
  const ScratchFolder folder("pool");
  const std::string missing = (folder.path() / "m").string();
  auto set = options();
  set.retry_after = 2s;
  ModelPool pool({missing}, set);
  const auto begin = std::chrono::steady_clock::now();
  const auto first = pool.get(missing);
  ASSERT_FALSE(first);
  EXPECT_EQ(state_of(pool, missing), ModelState::kFailed);
  std::filesystem::copy(golden("old_mean_normalize"), missing, std::filesystem::copy_options::recursive);
  auto again = pool.get(missing);
  if (!again) {
    EXPECT_EQ(again.error().message, first.error().message);
  }
  while (!again && std::chrono::steady_clock::now() < begin + 120s) {
    std::this_thread::sleep_for(20ms);
    again = pool.get(missing);
  }
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, set.retry_after) << "the error was not kept";
  EXPECT_EQ(pool.get("other").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(pool.get("other").error().message, HasSubstr(missing));
}

TEST(ModelPool, after_its_end_nobody_waits) {
  ModelPool pool({golden("old_mean_normalize")}, options());
  pool.stop();
  EXPECT_EQ(pool.get(pool.names()[0]).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace asterism
