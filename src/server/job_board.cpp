#include "server/job_board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "base/system_error.hpp"
#include "server/path_free_error.hpp"
#include "store/utc_time.hpp"

namespace asterism::server {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kJobFile = "job.json";
constexpr std::size_t kIdSize = 16;
constexpr std::chrono::milliseconds kProgressInterval{100};

constexpr std::array<std::pair<std::string_view, JobState>, 5> kStates{{{"waiting", JobState::kWaiting},
                                                                        {"running", JobState::kRunning},
                                                                        {"done", JobState::kDone},
                                                                        {"failed", JobState::kFailed},
                                                                        {"cancelled", JobState::kCancelled}}};

std::string_view state_name(JobState state) noexcept {
  return std::ranges::find(kStates, state, &std::pair<std::string_view, JobState>::second)->first;
}

bool ended(JobState state) noexcept {
  return state != JobState::kWaiting && state != JobState::kRunning;
}

bool is_id(std::string_view text) noexcept {
  return text.size() == kIdSize &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Json error_json(const std::optional<Error>& error) {
  return error ? Json{{"code", error_traits(error->code).name}, {"message", error->message}, {"hint", error->hint}}
               : Json(nullptr);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What is kept of a status: all but the progress.
Json kept_json(const JobStatus& status) {
  return {{"id", status.id},
          {"kind", status.kind},
          {"state", state_name(status.state)},
          {"parameters", status.parameters},
          {"created_at", status.created_at},
          {"started_at", status.started_at},
          {"ended_at", status.ended_at},
          {"done", status.done},
          {"total", status.total},
          {"error", error_json(status.error)},
          {"result", status.result.value_or(nullptr)}};
}

Result<JobStatus> read_status(const fs::path& folder) {
  const std::string source = (folder / kJobFile).string();
  const auto json = read_json_file(source);
  if (!json) {
    return std::unexpected(json.error());
  }
  JobStatus status;
  std::string state;
  for (const auto& [name, place] :
       {std::pair{"id", &status.id}, std::pair{"kind", &status.kind}, std::pair{"state", &state},
        std::pair{"created_at", &status.created_at}, std::pair{"started_at", &status.started_at},
        std::pair{"ended_at", &status.ended_at}}) {
    auto text = json_get<std::string>(*json, name, source);
    if (!text) {
      return std::unexpected(std::move(text.error()));
    }
    *place = *std::move(text);
  }
  const auto* const known =
      std::ranges::find(kStates, std::string_view(state), &std::pair<std::string_view, JobState>::first);
  const auto parameters = json->find("parameters");
  if (known == kStates.end() || parameters == json->end() || !parameters->is_object()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected a job's state and parameters", source));
  }
  status.state = known->second;
  status.parameters = *parameters;
  status.done = json_find<std::uint64_t>(*json, "done", source).value_or(std::nullopt).value_or(0);
  status.total = json_find<std::uint64_t>(*json, "total", source).value_or(std::nullopt).value_or(0);
  if (const auto error = json->find("error"); error != json->end() && error->is_object()) {
    const auto code = json_find<std::string>(*error, "code", source).value_or(std::nullopt).value_or("");
    const auto found = std::ranges::find(error_table(), std::string_view(code), &ErrorTraits::name);
    status.error = Error{found == error_table().end() ? ErrorCode::kInternal : found->code,
                         json_find<std::string>(*error, "message", source).value_or(std::nullopt).value_or(""),
                         json_find<std::string>(*error, "hint", source).value_or(std::nullopt).value_or("")};
  }
  if (const auto result = json->find("result"); result != json->end() && !result->is_null()) {
    status.result = *result;
  }
  return status;
}

}  // namespace

Json job_json(const JobStatus& status) {
  Json json = kept_json(status);
  json["stage"] = status.stage;
  json["per_second"] = status.per_second;
  json["seconds_left"] = status.seconds_left ? Json(*status.seconds_left) : Json(nullptr);
  return json;
}

struct JobBoard::Impl {
  struct Job {
    JobStatus status;
    CancelFlag cancel;
    bool cancel_asked = false;  // by a client, and not by the end of the server
    std::vector<std::shared_ptr<BodyStream>> watchers;
    Clock::time_point started;
    Clock::time_point told;
  };

  JobBoardOptions options;
  std::map<std::string, JobFunction, std::less<>> kinds;
  mutable std::mutex mutex;  // guards all below
  std::condition_variable wake;
  std::map<std::string, std::shared_ptr<Job>, std::less<>> jobs;  // by id
  std::deque<std::shared_ptr<Job>> waiting;
  std::size_t running_count = 0;
  std::uint64_t submit_count = 0;
  bool stopping = false;
  std::vector<std::thread> threads;

  fs::path folder_of(std::string_view id) const { return options.folder / id; }

  Result<void> keep(const JobStatus& status) const {
    auto written = write_file_atomic(folder_of(status.id) / kJobFile, dump(kept_json(status)) + "\n");
    return written ? Result<void>{}
                   : std::unexpected(without_path(std::move(written.error()), options.folder.string(), "jobs"));
  }

  std::string new_id() {
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    const std::string seed = fmt::format("{} {}", now, submit_count++);
    return sha256_hex(std::as_bytes(std::span(seed))).substr(0, kIdSize);
  }

  Result<std::shared_ptr<Job>> find(std::string_view id) const {
    const auto found = jobs.find(id);
    if (found == jobs.end()) {
      return fail(ErrorCode::kNotFound, fmt::format("there is no job \"{}\"", id), "GET /v1/jobs lists them");
    }
    return found->second;
  }

  // Holds the lock.
  void tell(Job& job) {
    const bool last = ended(job.status.state);
    const std::string line = dump(job_json(job.status)) + "\n";
    for (const auto& watcher : job.watchers) {
      if (last) {
        watcher->write(line);
        watcher->end();
      } else {
        watcher->try_write(line);
      }
    }
    if (last) {
      job.watchers.clear();
    }
  }

  // Holds the lock. A state that cannot be written is told all the same; the next start finds the one before.
  void change(Job& job, JobState state) {
    job.status.state = state;
    (void)keep(job.status);
    tell(job);
  }

  Result<void> load();
  void run();
  void progress(Job& job, std::uint64_t done, std::uint64_t total, std::string_view stage, std::uint64_t done_before);
  void finish(Job& job, Result<Json> result);
};

Result<void> JobBoard::Impl::load() {
  std::error_code failure;
  fs::create_directories(options.folder, failure);
  std::vector<std::shared_ptr<Job>> unfinished;
  for (fs::directory_iterator entry(options.folder, failure), end; !failure && entry != end; entry.increment(failure)) {
    const std::string id = entry->path().filename().string();
    if (!is_id(id)) {
      continue;
    }
    std::error_code ignored;
    if (!fs::exists(entry->path() / kJobFile, ignored)) {
      fs::remove_all(entry->path(), ignored);  // killed before it was a job that anybody knows of
      continue;
    }
    auto status = read_status(entry->path());
    auto job = std::make_shared<Job>();
    if (!status || status->id != id) {
      job->status = {.id = id, .kind = "unknown", .state = JobState::kFailed, .created_at = ""};
      job->status.error = Error{ErrorCode::kCorrupt, "job.json: expected a job, found something else", ""};
    } else {
      job->status = *std::move(status);
    }
    if (!ended(job->status.state)) {
      job->status.state = JobState::kWaiting;
      unfinished.push_back(job);
    }
    jobs.emplace(id, std::move(job));
  }
  if (failure) {
    return system_failure(fmt::format("{}: expected a folder for jobs", options.folder.string()), failure);
  }
  std::ranges::sort(unfinished, {}, [](const auto& job) { return std::tie(job->status.created_at, job->status.id); });
  waiting.assign(unfinished.begin(), unfinished.end());
  return {};
}

void JobBoard::Impl::progress(Job& job, std::uint64_t done, std::uint64_t total, std::string_view stage,
                              std::uint64_t done_before) {
  const auto now = Clock::now();
  const std::scoped_lock lock(mutex);
  JobStatus& status = job.status;
  const double seconds = std::chrono::duration<double>(now - job.started).count();
  const auto done_now = static_cast<double>(done - std::min(done, done_before));
  status.done = done;
  status.total = total;
  status.stage = stage;
  status.per_second = seconds > 0.0 ? done_now / seconds : 0.0;
  status.seconds_left.reset();
  if (status.per_second > 0.0 && total >= done) {
    status.seconds_left = static_cast<double>(total - done) / status.per_second;
  }
  if (now - job.told >= kProgressInterval) {
    job.told = now;
    tell(job);
  }
}

void JobBoard::Impl::finish(Job& job, Result<Json> result) {
  const std::scoped_lock lock(mutex);
  --running_count;
  JobStatus& status = job.status;
  status.seconds_left.reset();
  if (!result && result.error().code == ErrorCode::kCancelled && !job.cancel_asked) {
    // The server ends: job.json still says that it runs, and the next one goes on with it.
    for (const auto& watcher : job.watchers) {
      watcher->end();
    }
    return;
  }
  status.ended_at = now_utc();
  if (result) {
    status.result = *std::move(result);
    status.done = std::max(status.done, status.total);
    change(job, JobState::kDone);
  } else if (result.error().code == ErrorCode::kCancelled) {
    change(job, JobState::kCancelled);
  } else {
    status.error = without_path(std::move(result.error()), folder_of(status.id).string() + "/", "");
    change(job, JobState::kFailed);
  }
}

void JobBoard::Impl::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    wake.wait(lock, [&] { return stopping || !waiting.empty(); });
    if (stopping) {
      return;
    }
    const auto job = std::move(waiting.front());
    waiting.pop_front();
    if (job->status.state != JobState::kWaiting) {
      continue;  // cancelled meanwhile
    }
    ++running_count;
    job->started = Clock::now();
    job->status.started_at = now_utc();
    job->status.ended_at.clear();
    job->status.error.reset();
    change(*job, JobState::kRunning);
    const auto function = kinds.find(job->status.kind);
    const fs::path folder = folder_of(job->status.id);
    const Json parameters = job->status.parameters;
    lock.unlock();
    Result<Json> result = fail(ErrorCode::kUnsupported, fmt::format("job: there is no kind \"{}\"", job->status.kind));
    if (function != kinds.end()) {
      result = function->second(
          {.folder = folder,
           .parameters = parameters,
           .cancel = job->cancel,
           .progress = [&](std::uint64_t done, std::uint64_t total, std::string_view stage, std::uint64_t done_before) {
             progress(*job, done, total, stage, done_before);
           }});
    }
    finish(*job, std::move(result));
    lock.lock();
  }
}

JobBoard::JobBoard(Key /*key*/, JobBoardOptions options, std::map<std::string, JobFunction, std::less<>> kinds)
    : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  impl_->kinds = std::move(kinds);
}

JobBoard::~JobBoard() {
  begin_stop();
  for (std::thread& thread : impl_->threads) {
    thread.join();
  }
}

Result<std::unique_ptr<JobBoard>> JobBoard::open(JobBoardOptions options,
                                                 std::map<std::string, JobFunction, std::less<>> kinds) {
  auto board = std::make_unique<JobBoard>(Key{}, std::move(options), std::move(kinds));
  if (auto loaded = board->impl_->load(); !loaded) {
    return std::unexpected(std::move(loaded.error()));
  }
  for (std::size_t i = 0; i < board->impl_->options.thread_count; ++i) {
    board->impl_->threads.emplace_back([impl = board->impl_.get()] { impl->run(); });
  }
  return board;
}

Result<JobStatus> JobBoard::submit(
    std::string_view kind, Json parameters,
    const std::function<Result<void>(const fs::path& folder, Json& parameters)>& prepare) {
  Impl& impl = *impl_;
  auto job = std::make_shared<Impl::Job>();
  {
    const std::scoped_lock lock(impl.mutex);
    if (impl.stopping) {
      return fail(ErrorCode::kUnavailable, "the server is shutting down");
    }
    if (impl.waiting.size() >= impl.options.waiting_count_max) {
      return fail(ErrorCode::kOverloaded, fmt::format("jobs: {} wait already", impl.waiting.size()), "try again later");
    }
    if (impl.jobs.size() >= impl.options.job_count_max) {
      return fail(ErrorCode::kOverloaded, fmt::format("jobs: expected at most {}", impl.options.job_count_max),
                  "DELETE those that have ended");
    }
    job->status = {.id = impl.new_id(), .kind = std::string(kind), .created_at = now_utc()};
  }
  const fs::path folder = impl.folder_of(job->status.id);
  std::error_code failure;
  fs::create_directories(folder, failure);
  Result<void> prepared = failure   ? Result<void>(system_failure("jobs", failure))
                          : prepare ? prepare(folder, parameters)
                                    : Result<void>{};
  job->status.parameters = std::move(parameters);
  if (prepared) {
    prepared = impl.keep(job->status);
  }
  if (!prepared) {
    fs::remove_all(folder, failure);
    return std::unexpected(without_path(std::move(prepared.error()), folder.string() + "/", ""));
  }
  const std::scoped_lock lock(impl.mutex);
  impl.jobs.emplace(job->status.id, job);
  impl.waiting.push_back(job);
  impl.wake.notify_one();
  return job->status;
}

std::vector<JobStatus> JobBoard::list() const {
  std::vector<JobStatus> out;
  {
    const std::scoped_lock lock(impl_->mutex);
    for (const auto& [id, job] : impl_->jobs) {
      out.push_back(job->status);
    }
  }
  std::ranges::stable_sort(out, std::ranges::greater{}, &JobStatus::created_at);
  return out;
}

Result<JobStatus> JobBoard::status(std::string_view id) const {
  const std::scoped_lock lock(impl_->mutex);
  const auto job = impl_->find(id);
  return job ? Result<JobStatus>((*job)->status) : std::unexpected(job.error());
}

Result<JobStatus> JobBoard::cancel_or_remove(std::string_view id) {
  const std::scoped_lock lock(impl_->mutex);
  const auto found = impl_->find(id);
  if (!found) {
    return std::unexpected(found.error());
  }
  Impl::Job& job = **found;
  if (ended(job.status.state)) {
    std::error_code failure;
    fs::remove(impl_->folder_of(id) / kJobFile, failure);  // first: without it the rest is nobody's
    fs::remove_all(impl_->folder_of(id), failure);
    JobStatus status = job.status;
    impl_->jobs.erase(status.id);
    return status;
  }
  job.cancel_asked = true;
  job.cancel.request();
  if (job.status.state == JobState::kWaiting) {
    std::erase(impl_->waiting, *found);
    job.status.ended_at = now_utc();
    impl_->change(job, JobState::kCancelled);
  }
  return job.status;
}

Result<JobStatus> JobBoard::resume(std::string_view id) {
  const std::scoped_lock lock(impl_->mutex);
  const auto found = impl_->find(id);
  if (!found) {
    return std::unexpected(found.error());
  }
  const JobState state = (*found)->status.state;
  if (state != JobState::kCancelled && state != JobState::kFailed) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("job \"{}\": expected one that was cancelled or has failed, found one that is {}", id,
                            state_name(state)));
  }
  if (impl_->waiting.size() >= impl_->options.waiting_count_max) {
    return fail(ErrorCode::kOverloaded, fmt::format("jobs: {} wait already", impl_->waiting.size()), "try again later");
  }
  // A new one in its place: the flag of the old one stays raised.
  auto job = std::make_shared<Impl::Job>();
  job->status = (*found)->status;
  job->status.ended_at.clear();
  job->status.error.reset();
  job->status.state = JobState::kWaiting;
  if (auto kept = impl_->keep(job->status); !kept) {
    return std::unexpected(std::move(kept.error()));
  }
  impl_->jobs.insert_or_assign(job->status.id, job);
  impl_->waiting.push_back(job);
  impl_->wake.notify_one();
  return job->status;
}

Result<std::shared_ptr<BodyStream>> JobBoard::events(std::string_view id) {
  const std::scoped_lock lock(impl_->mutex);
  const auto job = impl_->find(id);
  if (!job) {
    return std::unexpected(job.error());
  }
  auto stream = std::make_shared<BodyStream>();
  stream->write(dump(job_json((*job)->status)) + "\n");
  if (ended((*job)->status.state) || impl_->stopping) {
    stream->end();
  } else {
    // Those whose clients have gone are let go of when another comes.
    std::erase_if((*job)->watchers, [](const auto& watcher) { return !watcher->write(""); });
    (*job)->watchers.push_back(stream);
  }
  return stream;
}

Result<fs::path> JobBoard::result_folder(std::string_view id) const {
  const std::scoped_lock lock(impl_->mutex);
  const auto job = impl_->find(id);
  if (!job) {
    return std::unexpected(job.error());
  }
  if ((*job)->status.state != JobState::kDone) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("job \"{}\": expected one that is done, found one that is {}",
                                                         id, state_name((*job)->status.state)));
  }
  return impl_->folder_of(id);
}

std::size_t JobBoard::running_count() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->running_count;
}

void JobBoard::begin_stop() {
  const std::scoped_lock lock(impl_->mutex);
  impl_->stopping = true;
  for (const auto& [id, job] : impl_->jobs) {
    job->cancel.request();
    for (const auto& watcher : job->watchers) {
      watcher->end();
    }
    job->watchers.clear();
  }
  impl_->wake.notify_all();
}

}  // namespace asterism::server
