// Long work that clients ask for and come back to: queued, watched, cancelled, resumed, and gone on with after the
// server was killed.
//
// Each job is a folder: job.json says what was asked and how it stands, the rest is the job's own. A job that was
// waiting or running when the server ended waits again when the board is opened, and its function finds what it left.
// Ownership: owns its threads and the folder. Thread-safety: any thread. Cost: a small file a change of state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "server/body_stream.hpp"

namespace asterism::server {

enum class JobState : std::uint8_t { kWaiting, kRunning, kDone, kFailed, kCancelled };

struct JobStatus {
  std::string id;
  std::string kind;
  JobState state = JobState::kWaiting;
  Json parameters = Json::object();
  std::string created_at;  // ISO 8601, UTC
  std::string started_at = {};
  std::string ended_at = {};
  std::uint64_t done = 0;
  std::uint64_t total = 0;  // 0 = unknown
  std::string stage = {};
  double per_second = 0.0;                  // of this run
  std::optional<double> seconds_left = {};  // unknown until something is done
  std::optional<Error> error = {};          // kFailed
  std::optional<Json> result = {};          // kDone
};
// As clients see it.
Json job_json(const JobStatus& status);

// What a job's function is given.
struct JobRun {
  const std::filesystem::path& folder;
  const Json& parameters;
  const CancelFlag& cancel;
  // `done_before`: of that, what an earlier run had done: no measure of speed.
  std::function<void(std::uint64_t done, std::uint64_t total, std::string_view stage, std::uint64_t done_before)>
      progress;
};
// The result's JSON. kCancelled when asked to stop; called again later with the same folder and parameters then.
using JobFunction = std::function<Result<Json>(const JobRun&)>;

struct JobBoardOptions {
  std::filesystem::path folder;
  std::size_t job_count_max = 1000;     // kept, ended ones too; one past it is kOverloaded
  std::size_t waiting_count_max = 100;  // one past it is kOverloaded
  std::size_t thread_count = 2;         // jobs that run at once
};

class JobBoard {
  // Only open() makes boards.
  struct Key {};

 public:
  JobBoard(Key key, JobBoardOptions options, std::map<std::string, JobFunction, std::less<>> kinds);
  // Makes the folder where there is none; what was waiting or running waits again.
  static Result<std::unique_ptr<JobBoard>> open(JobBoardOptions options,
                                                std::map<std::string, JobFunction, std::less<>> kinds);
  ~JobBoard();

  // `prepare` writes what the job needs into its folder, and may add to the parameters. Durable when it returns.
  Result<JobStatus> submit(
      std::string_view kind, Json parameters,
      const std::function<Result<void>(const std::filesystem::path& folder, Json& parameters)>& prepare = {});
  // The newest first.
  std::vector<JobStatus> list() const;
  // kNotFound.
  Result<JobStatus> status(std::string_view id) const;
  // Of one that waits or runs: what it has done stays. One that has ended is removed with its files.
  Result<JobStatus> cancel_or_remove(std::string_view id);
  // Of one that was cancelled or has failed: kInvalidArgument for others.
  Result<JobStatus> resume(std::string_view id);
  // A line of job_json() now, at each progress, and at the end. While lines wait for the client newer ones are left
  // out.
  Result<std::shared_ptr<BodyStream>> events(std::string_view id);
  // Of a job that is done: kInvalidArgument for others.
  Result<std::filesystem::path> result_folder(std::string_view id) const;

  std::size_t running_count() const;
  // Breaks off what runs, to be gone on with by the next board, and ends all events; the destructor waits for it.
  void begin_stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism::server
