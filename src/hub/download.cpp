#include "hub/download.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include "base/system_error.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kPollInterval = std::chrono::milliseconds(20);
constexpr auto kProgressInterval = std::chrono::milliseconds(100);

bool is_transient(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

std::unexpected<Error> status_error(const HttpHead& head) {
  return fail(ErrorCode::kNetwork, fmt::format("{}: expected status 200, found {}", head.url, head.status),
              is_transient(head.status) ? "the server is busy or broken: try again later" : "");
}

// Counts attempts and waits between them.
class Retry {
 public:
  explicit Retry(const HubOptions& options) : options_(options), delay_ms_(options.limits.retry_delay_ms) {}

  // After a failed attempt: true when another one is due, having waited for it. `progressed` starts the count anew.
  Result<bool> another(bool progressed, std::int64_t retry_after_s) {
    ++count_total_;
    if (progressed) {
      count_ = 0;
      delay_ms_ = options_.limits.retry_delay_ms;
    }
    ++count_;
    if (count_ >= options_.limits.attempt_count_max || count_total_ >= options_.limits.attempt_count_total_max) {
      return false;
    }
    const std::int64_t asked_ms = std::clamp<std::int64_t>(retry_after_s, 0, 86'400) * 1000;
    const std::int64_t pause_ms = std::min(std::max(delay_ms_, asked_ms), options_.limits.retry_delay_ms_max);
    delay_ms_ = std::min(delay_ms_ * 2, options_.limits.retry_delay_ms_max);
    if (auto waited = wait(std::chrono::milliseconds(pause_ms)); !waited) {
      return std::unexpected(waited.error());
    }
    return true;
  }

 private:
  Result<void> wait(std::chrono::milliseconds pause) const {
    const auto end = Clock::now() + pause;
    while (Clock::now() < end) {
      if (options_.cancel != nullptr && options_.cancel->requested()) {
        return fail(ErrorCode::kCancelled, "download cancelled", "run the same command again to go on");
      }
      std::this_thread::sleep_for(std::min<Clock::duration>(kPollInterval, end - Clock::now()));
    }
    return {};
  }

  const HubOptions& options_;
  std::int64_t delay_ms_;
  int count_ = 0;
  int count_total_ = 0;
};

// The growing file. Writes go straight to the descriptor: whatever was received survives this process.
class PartialFile {
 public:
  static Result<PartialFile> open(const fs::path& path) {
    PartialFile file;
    file.path_ = path;
    file.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    struct stat info {};
    if (file.fd_ < 0 || ::fstat(file.fd_, &info) != 0) {
      return file.failure("cannot open");
    }
    file.size_bytes_ = static_cast<std::uint64_t>(info.st_size);
    return file;
  }
  PartialFile(PartialFile&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), size_bytes_(other.size_bytes_) {}
  PartialFile& operator=(PartialFile&&) = delete;
  ~PartialFile() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  std::uint64_t size_bytes() const noexcept { return size_bytes_; }

  Result<void> write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        return failure("cannot write");
      }
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      size_bytes_ += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  Result<void> clear() {
    if (size_bytes_ > 0 && ::ftruncate(fd_, 0) != 0) {
      return failure("cannot truncate");
    }
    size_bytes_ = 0;
    return {};
  }

  // To be renamed safely, the bytes must be on the disk first.
  Result<void> sync() { return ::fsync(fd_) == 0 ? Result<void>{} : failure("cannot flush"); }

 private:
  PartialFile() = default;
  std::unexpected<Error> failure(std::string_view doing) const {
    const int error_number = errno;
    return system_failure(fmt::format("{}: {}", path_.string(), doing), error_number);
  }

  int fd_ = -1;
  fs::path path_;
  std::uint64_t size_bytes_ = 0;
};

// "bytes 100-199/200"
struct ContentRange {
  std::uint64_t begin = 0;
  std::optional<std::uint64_t> total;
};

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (!text.starts_with(kUnit) || dash == std::string_view::npos || slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto begin = parse_number(text.substr(kUnit.size(), dash - kUnit.size()));
  if (!begin) {
    return std::nullopt;
  }
  return ContentRange{*begin, parse_number(text.substr(slash + 1))};
}

// Why an attempt failed that is worth another.
struct Setback {
  Error error;
  std::int64_t retry_after_s = 0;
};

// One file on its way: the state that survives from attempt to attempt.
class Transfer {
 public:
  Transfer(const HubOptions& options, const DownloadRequest& request, PartialFile file)
      : options_(options), request_(request), file_(std::move(file)) {}

  // Whether the file was put together from more than one answer.
  bool joined() const noexcept { return joined_; }

  Result<void> run(HttpClient& client);

 private:
  bool complete() const noexcept { return request_.size_bytes && file_.size_bytes() == *request_.size_bytes; }
  Result<void> prepare();
  Result<void> take_head(const HttpHead& head);
  Result<void> take_body(std::span<const std::byte> bytes);
  std::expected<HttpHead, HttpFailure> attempt(HttpClient& client);
  // What an attempt that did not complete the file means: worth another one, or the end.
  Result<Setback> judge(const std::expected<HttpHead, HttpFailure>& head, const HttpClient& client);
  void report(bool always);

  const HubOptions& options_;
  const DownloadRequest& request_;
  PartialFile file_;
  bool joined_ = false;
  bool restart_ = false;  // the answer does not continue what is here
  std::string entity_;    // ETag of the answer whose bytes are here, when known
  Clock::time_point reported_{};
};

// What is on the disk is kept only where its end can be told.
Result<void> Transfer::prepare() {
  const bool useless = !request_.size_bytes || file_.size_bytes() > *request_.size_bytes;
  if (restart_ || useless) {
    restart_ = false;
    entity_.clear();
    joined_ = false;
    return file_.clear();
  }
  return {};
}

Result<void> Transfer::take_head(const HttpHead& head) {
  const std::string entity = head.header("etag");
  if (head.status == 206) {
    const auto range = parse_content_range(head.header("content-range"));
    const bool other_size = range && range->total && request_.size_bytes && *range->total != *request_.size_bytes;
    const bool other_file = !entity_.empty() && entity != entity_;
    if (!range || range->begin != file_.size_bytes() || other_size || other_file) {
      restart_ = true;
      return fail(ErrorCode::kNetwork,
                  fmt::format("{}: the server continues another file than the one begun", request_.label));
    }
    joined_ = joined_ || file_.size_bytes() > 0;
  } else {
    // A server that ignores Range starts over.
    if (auto cleared = file_.clear(); !cleared) {
      return cleared;
    }
    joined_ = false;
    const auto length = parse_number(head.header("content-length"));
    if (request_.size_bytes && length && *length != *request_.size_bytes) {
      return fail(ErrorCode::kMismatch, fmt::format("{}: expected {} bytes from {}, found {}", request_.label,
                                                    *request_.size_bytes, head.url, *length));
    }
  }
  entity_ = entity;
  report(true);
  return {};
}

Result<void> Transfer::take_body(std::span<const std::byte> bytes) {
  const std::uint64_t size_bytes_max = request_.size_bytes.value_or(kUnknownSizeBytesMax);
  if (bytes.size() > size_bytes_max - std::min(size_bytes_max, file_.size_bytes())) {
    restart_ = true;
    return fail(request_.size_bytes ? ErrorCode::kMismatch : ErrorCode::kLimitExceeded,
                fmt::format("{}: expected {}{} bytes, found more", request_.label,
                            request_.size_bytes ? "" : "at most ", size_bytes_max));
  }
  auto written = file_.write(bytes);
  report(false);
  return written;
}

void Transfer::report(bool always) {
  const auto now = Clock::now();
  if (options_.on_progress && (always || complete() || now - reported_ >= kProgressInterval)) {
    reported_ = now;
    options_.on_progress({request_.label, file_.size_bytes(), request_.size_bytes.value_or(0)});
  }
}

std::expected<HttpHead, HttpFailure> Transfer::attempt(HttpClient& client) {
  HttpRequest http = request_.http;
  http.range_begin = file_.size_bytes();
  return client.exchange(http, {[this](const HttpHead& head) { return take_head(head); },
                                [this](std::span<const std::byte> bytes) { return take_body(bytes); }});
}

Result<Setback> Transfer::judge(const std::expected<HttpHead, HttpFailure>& head, const HttpClient& client) {
  if (!head) {
    const HttpFailure& failure = head.error();
    const bool hopeless = failure.fault == HttpFault::kUnreachable && !client.has_answered();
    // A refusal of take_head() to join two files is cured by starting over; other refusals are final.
    const bool curable =
        failure.fault != HttpFault::kRefused || (restart_ && failure.error.code == ErrorCode::kNetwork);
    if (hopeless || !curable) {
      return std::unexpected(failure.error);
    }
    return Setback{failure.error, 0};
  }
  if (head->status == 200 || head->status == 206) {
    return Setback{Error{ErrorCode::kNetwork,
                         fmt::format("{}: expected {} bytes, found {} before the connection ended", head->url,
                                     request_.size_bytes.value_or(0), file_.size_bytes()),
                         {}},
                   0};
  }
  if (head->status == 416) {
    restart_ = true;
  } else if (!is_transient(head->status)) {
    return status_error(*head);
  }
  return Setback{status_error(*head).error(), head->retry_after_s};
}

Result<void> Transfer::run(HttpClient& client) {
  Retry retry(options_);
  while (true) {
    if (auto prepared = prepare(); !prepared) {
      return prepared;
    }
    if (complete()) {
      return file_.sync();
    }
    const std::uint64_t before = file_.size_bytes();
    const auto head = attempt(client);
    if (head && (head->status == 200 || head->status == 206) && (complete() || !request_.size_bytes)) {
      report(true);
      return file_.sync();
    }
    auto setback = judge(head, client);
    if (!setback) {
      return std::unexpected(std::move(setback.error()));
    }
    const auto again = retry.another(!restart_ && file_.size_bytes() > before, setback->retry_after_s);
    if (!again) {
      return std::unexpected(again.error());
    }
    if (!*again) {
      return std::unexpected(std::move(setback->error));
    }
    log(options_.log, LogLevel::kInfo,
        fmt::format("{}: trying again after {} bytes", setback->error.message, file_.size_bytes()));
  }
}

}  // namespace

Result<HttpAnswer> request_with_retry(HttpClient& client, const HubOptions& options, const HttpRequest& request) {
  Retry retry(options);
  while (true) {
    HttpAnswer answer;
    const HttpReceiver receiver{[&answer](const HttpHead&) -> Result<void> {
                                  answer.body.clear();
                                  return {};
                                },
                                [&answer, &request](std::span<const std::byte> bytes) -> Result<void> {
                                  if (bytes.size() > kAnswerSizeBytesMax - answer.body.size()) {
                                    return fail(ErrorCode::kLimitExceeded,
                                                fmt::format("{}: expected an answer of at most {} bytes, found more",
                                                            request.url, kAnswerSizeBytesMax));
                                  }
                                  answer.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                                  return {};
                                }};
    auto head = client.exchange(request, receiver);
    if (head && !is_transient(head->status)) {
      answer.head = std::move(*head);
      return answer;
    }
    if (!head) {
      const HttpFault fault = head.error().fault;
      if (fault == HttpFault::kRefused || (fault == HttpFault::kUnreachable && !client.has_answered())) {
        return std::unexpected(head.error().error);
      }
    }
    const Error error = head ? status_error(*head).error() : head.error().error;
    const auto again = retry.another(false, head ? head->retry_after_s : 0);
    if (!again) {
      return std::unexpected(again.error());
    }
    if (!*again) {
      return std::unexpected(error);
    }
    log(options.log, LogLevel::kInfo, error.message + ": trying again");
  }
}

Result<void> download_file(HttpClient& client, const HubOptions& options, const DownloadRequest& request,
                           const Digest& digest, const fs::path& target) {
  for (bool first = true;; first = false) {
    auto file = PartialFile::open(request.partial);
    if (!file) {
      return std::unexpected(file.error());
    }
    const bool found_partial = file->size_bytes() > 0;
    Transfer transfer(options, request, std::move(*file));
    if (auto done = transfer.run(client); !done) {
      return done;
    }
    auto checked = check_digest(request.partial, digest, request.label);
    std::error_code ec;
    if (checked) {
      fs::rename(request.partial, target, ec);
      if (ec) {
        return system_failure(fmt::format("{}: cannot rename into place", target.string()), ec);
      }
      return {};
    }
    if (checked.error().code != ErrorCode::kMismatch) {
      return checked;
    }
    fs::remove(request.partial, ec);
    if (!first || !(found_partial || transfer.joined())) {
      return checked;
    }
    log(options.log, LogLevel::kWarning, checked.error().message + ": fetching it once more from its start");
  }
}

}  // namespace asterism
