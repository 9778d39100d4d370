#include "server/job_board.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <future>
#include <thread>

#include "scratch_folder.hpp"

namespace asterism::server {
namespace {

using Kinds = std::map<std::string, JobFunction, std::less<>>;

// Until `wanted` holds; false after two minutes.
template <typename Wanted>
bool wait_until(Wanted wanted) {
  for (int i = 0; i < 24000; ++i) {
    if (wanted()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

bool wait_for_state(const JobBoard& board, const std::string& id, JobState state) {
  return wait_until([&] { return board.status(id).value().state == state; });
}

Result<Json> until_cancelled(const JobRun& run) {
  while (!run.cancel.requested()) {
    run.progress(3, 10, "waiting", 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return fail(ErrorCode::kCancelled, "stopped");
}

class JobBoardTest : public testing::Test {
 protected:
  std::unique_ptr<JobBoard> open(Kinds kinds, std::size_t job_count_max = 100, std::size_t waiting_count_max = 100) {
    auto board = JobBoard::open({.folder = folder_.path(),
                                 .job_count_max = job_count_max,
                                 .waiting_count_max = waiting_count_max,
                                 .thread_count = 1},
                                std::move(kinds));
    EXPECT_TRUE(board);
    return *std::move(board);
  }

  ScratchFolder folder_{"jobs"};
};

TEST_F(JobBoardTest, runs_what_is_submitted_and_keeps_its_result_for_the_next_server) {
  const Kinds kinds{{"count", [](const JobRun& run) -> Result<Json> {
                       std::ifstream file(run.folder / "input");
                       std::string text;
                       file >> text;
                       run.progress(text.size(), text.size(), "counting", 0);
                       return Json{{"size", text.size()}, {"as", run.parameters["as"]}};
                     }}};
  std::string id;
  {
    const auto board = open(kinds);
    const auto submitted = board->submit("count", {{"as", "x"}}, [](const auto& folder, Json&) -> Result<void> {
      std::ofstream(folder / "input") << "four";
      return {};
    });
    ASSERT_TRUE(submitted);
    id = submitted->id;
    ASSERT_TRUE(wait_for_state(*board, id, JobState::kDone));
    EXPECT_EQ(board->status(id)->result, (Json{{"size", 4}, {"as", "x"}}));
    EXPECT_EQ(board->status(id)->done, 4U);
  }
  const auto board = open(kinds);
  ASSERT_TRUE(board->status(id));
  EXPECT_EQ(board->status(id)->state, JobState::kDone);
  EXPECT_EQ(board->status(id)->result, (Json{{"size", 4}, {"as", "x"}}));
  EXPECT_TRUE(board->result_folder(id));
  ASSERT_TRUE(board->cancel_or_remove(id));
  EXPECT_EQ(board->status(id).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / id));
}

TEST_F(JobBoardTest, one_that_runs_when_the_server_ends_is_gone_on_with) {
  std::string id;
  {
    const auto board = open({{"long", until_cancelled}});
    id = board->submit("long", Json::object())->id;
    ASSERT_TRUE(wait_for_state(*board, id, JobState::kRunning));
  }
  const auto board = open({{"long", [](const JobRun&) -> Result<Json> { return Json("gone on"); }}});
  ASSERT_TRUE(wait_for_state(*board, id, JobState::kDone));
  EXPECT_EQ(board->status(id)->result, Json("gone on"));
}

TEST_F(JobBoardTest, a_cancelled_one_stays_cancelled_until_it_is_resumed) {
  std::string id;
  {
    const auto board = open({{"long", until_cancelled}});
    id = board->submit("long", Json::object())->id;
    const std::string waiting = board->submit("long", Json::object())->id;
    ASSERT_TRUE(wait_for_state(*board, id, JobState::kRunning));
    EXPECT_EQ(board->resume(id).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(board->result_folder(id).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(board->cancel_or_remove(waiting)->state, JobState::kCancelled);
    ASSERT_TRUE(board->cancel_or_remove(id));
    ASSERT_TRUE(wait_for_state(*board, id, JobState::kCancelled));
  }
  const auto board = open({{"long", [](const JobRun&) -> Result<Json> { return Json(1); }}});
  EXPECT_EQ(board->status(id)->state, JobState::kCancelled);
  ASSERT_TRUE(board->resume(id));
  EXPECT_TRUE(wait_for_state(*board, id, JobState::kDone));
}

TEST_F(JobBoardTest, errors_and_limits_are_said_without_paths) {
  const auto board = open({{"fails",
                            [](const JobRun& run) -> Result<Json> {
                              return fail(ErrorCode::kIo, (run.folder / "input").string() + ": broken", "hint");
                            }},
                           {"long", until_cancelled}},
                          3, 1);
  const std::string id = board->submit("fails", Json::object())->id;
  ASSERT_TRUE(wait_for_state(*board, id, JobState::kFailed));
  EXPECT_EQ(board->status(id)->error->message, "input: broken");
  const std::string running = board->submit("long", Json::object())->id;
  ASSERT_TRUE(wait_for_state(*board, running, JobState::kRunning));
  ASSERT_TRUE(board->submit("long", Json::object()));
  EXPECT_EQ(board->submit("long", Json::object()).error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(board->resume(id).error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(board->status("../../etc").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(board->list().size(), 3U);
}

TEST_F(JobBoardTest, what_prepare_refuses_leaves_nothing) {
  const auto board = open({{"long", until_cancelled}});
  const auto refused = board->submit("long", Json::object(), [](const auto& folder, Json&) -> Result<void> {
    std::ofstream(folder / "input") << "x";
    return fail(ErrorCode::kIo, (folder / "input").string() + ": full");
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "input: full");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  EXPECT_TRUE(board->list().empty());
}

TEST_F(JobBoardTest, events_begin_with_the_present_and_end_with_the_end) {
  std::promise<void> go_on;
  const auto may_go_on = go_on.get_future().share();
  const auto board = open({{"short", [&](const JobRun&) -> Result<Json> {
                              may_go_on.wait();
                              return Json(7);
                            }}});
  const std::string id = board->submit("short", Json::object())->id;
  ASSERT_TRUE(wait_for_state(*board, id, JobState::kRunning));
  const auto stream = *board->events(id);
  const auto first = stream->take({});
  EXPECT_FALSE(first.ended);
  EXPECT_EQ(Json::parse(first.data)["state"], "running");
  go_on.set_value();
  ASSERT_TRUE(wait_for_state(*board, id, JobState::kDone));
  const auto last = stream->take({});
  EXPECT_TRUE(last.ended);
  EXPECT_EQ(Json::parse(last.data)["result"], 7);
  const auto late = (*board->events(id))->take({});
  EXPECT_TRUE(late.ended);
  EXPECT_EQ(Json::parse(late.data)["state"], "done");
}

TEST_F(JobBoardTest, folders_that_are_no_jobs_hurt_nobody) {
  namespace fs = std::filesystem;
  const std::string unfinished(16, 'a');
  const std::string damaged(16, 'b');
  fs::create_directory(folder_.path() / unfinished);
  fs::create_directory(folder_.path() / damaged);
  fs::create_directory(folder_.path() / "notes");
  std::ofstream(folder_.path() / damaged / "job.json") << "{\"id\": 3";
  const auto board = open({});
  EXPECT_FALSE(fs::exists(folder_.path() / unfinished));
  EXPECT_TRUE(fs::exists(folder_.path() / "notes"));
  EXPECT_EQ(board->status(damaged)->state, JobState::kFailed);
  EXPECT_TRUE(board->cancel_or_remove(damaged));
}

}  // namespace
}  // namespace asterism::server
