#include "pipeline/embed_job.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/bounded_queue.hpp"
#include "base/file.hpp"
#include "pipeline/job_files.hpp"
#include "pipeline/manifest.hpp"
#include "pipeline/resume.hpp"
#include "pipeline/row_windows.hpp"
#include "pipeline/shard_writer.hpp"

namespace asterism {
namespace {

using Clock = std::chrono::steady_clock;

// Windows that may wait between two stages: enough to keep both busy, few enough to keep memory small.
constexpr std::size_t kQueuedWindowCountMax = 2;
constexpr std::chrono::milliseconds kProgressInterval{100};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The first error of any stage; the stages ask it whether to go on.
class FirstError {
 public:
  void set(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!error_) {
      error_ = std::move(error);
    }
    is_set_.store(true, std::memory_order_release);
  }
  bool is_set() const noexcept { return is_set_.load(std::memory_order_acquire); }
  std::optional<Error> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(error_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::optional<Error> error_;
  std::atomic<bool> is_set_{false};
};

// Encodes windows and tells the world about them: the middle stage, on the caller's thread.
class WindowEncoder {
 public:
  WindowEncoder(const JobEncoder& encoder, const EmbedJobOptions& options) : encoder_(encoder), options_(options) {}

  Result<EncodedWindow> encode(RowWindow window) {
    EncodedWindow encoded{
        .shard = window.shard,
        .row_first = window.row_first,
        .rows = {},
        .values = std::vector<float>(window.rows.size() * encoder_.dim, std::numeric_limits<float>::quiet_NaN()),
        .shard_end = std::move(window.shard_end)};
    std::vector<std::string_view> texts;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      TextRow& row = window.rows[i];
      if (!row.error) {
        texts.emplace_back(row.text);
        places.push_back(i);
      }
      encoded.rows.push_back({.source = std::move(row.source),
                              .line = row.line,
                              .id = std::move(row.id),
                              .token_count_given = 0,
                              .token_count_used = 0,
                              .error = std::move(row.error)});
    }
    if (auto filled = fill(encoded, texts, places); !filled) {
      return std::unexpected(filled.error());
    }
    report(encoded, window.fraction);
    return encoded;
  }

  void report_progress(double fraction) {
    last_progress_ = Clock::now();
    if (options_.on_progress) {
      options_.on_progress({.row_count = done_.row_count,
                            .token_count = done_.token_count,
                            .seconds = seconds_since(start_),
                            .fraction = fraction});
    }
  }

  const RowsSummary& done() const noexcept { return done_; }

 private:
  Result<void> fill(EncodedWindow& encoded, std::span<const std::string_view> texts,
                    std::span<const std::size_t> places) const {
    if (texts.empty()) {
      return {};
    }
    auto made = encoder_.encode(texts);
    if (!made) {
      return std::unexpected(made.error());
    }
    if (made->row_count != texts.size() || made->dim != encoder_.dim || made->reports.size() != texts.size() ||
        made->values.size() != texts.size() * encoder_.dim) {
      return fail(ErrorCode::kInternal, fmt::format("encoder: expected {} vectors of dimension {}, found {} of {}",
                                                    texts.size(), encoder_.dim, made->row_count, made->dim));
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      std::ranges::copy(made->row(i), encoded.values.begin() + static_cast<std::ptrdiff_t>(places[i] * encoder_.dim));
      encoded.rows[places[i]].token_count_given = made->reports[i].token_count_given;
      encoded.rows[places[i]].token_count_used = made->reports[i].token_count_used;
    }
    return {};
  }

  void report(const EncodedWindow& encoded, double fraction) {
    for (const RowOutcome& row : encoded.rows) {
      done_.add(row);
      log_row(row);
    }
    if (Clock::now() - last_progress_ >= kProgressInterval) {
      report_progress(fraction);
    }
  }

  void log_row(const RowOutcome& row) const {
    if (row.error && done_.failed_row_count <= kFailedRowsLoggedMax) {
      log(options_.log, LogLevel::kWarning, row.error->to_string());
    } else if (row.error && done_.failed_row_count == kFailedRowsLoggedMax + 1) {
      log(options_.log, LogLevel::kWarning, "more rows failed: the rows file names them all");
    } else if (options_.log && row.truncated()) {
      log(options_.log, LogLevel::kInfo,
          fmt::format("{}:{}: truncated to {} of {} tokens", row.source, row.line, row.token_count_used,
                      row.token_count_given));
    }
  }

  const JobEncoder& encoder_;
  const EmbedJobOptions& options_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_progress_ = start_;
  RowsSummary done_;
};

// The three stages and the queues between them. An error of the reader lets what was read before it be written; an
// error of the encoder lets what was encoded before it be written; after an error of the writer nothing is.
class Stages {
 public:
  Stages(RowWindows& source, WindowEncoder& encoder, WindowSink& sink, const CancelFlag* cancel, FirstError& error)
      : source_(source), encoder_(encoder), sink_(sink), cancel_(cancel), error_(error) {}

  void run() {
    // Threads are joined by their destructors; before that, whatever way this scope is left, the queues let them go.
    std::jthread reader([this] { read(); });
    std::jthread writer([this] { write(); });
    const QueuesCloser closer(*this);
    encode();
  }

 private:
  struct QueuesCloser {
    explicit QueuesCloser(Stages& owner) : stages(owner) {}
    QueuesCloser(const QueuesCloser&) = delete;
    QueuesCloser& operator=(const QueuesCloser&) = delete;
    ~QueuesCloser() {
      stages.read_.cancel();
      stages.encoded_.close();
    }
    Stages& stages;
  };

  void read() {
    for (;;) {
      auto window = source_.next();
      if (!window) {
        error_.set(std::move(window.error()));
        break;
      }
      if (!*window || !read_.push(std::move(**window))) {
        break;
      }
    }
    read_.close();
  }

  void encode() {
    double fraction = 0.0;
    while (auto window = read_.pop()) {
      if (cancel_ != nullptr && cancel_->requested()) {
        error_.set(Error{ErrorCode::kCancelled, "stopped by the user", {}});
        return;
      }
      fraction = window->fraction;
      auto encoded = encoder_.encode(std::move(*window));
      if (!encoded) {
        error_.set(std::move(encoded.error()));
        return;
      }
      if (!encoded_.push(std::move(*encoded))) {
        return;
      }
    }
    encoder_.report_progress(fraction);
  }

  void write() {
    while (auto window = encoded_.pop()) {
      if (auto written = sink_.append(*window); !written) {
        error_.set(std::move(written.error()));
        encoded_.cancel();
        return;
      }
    }
  }

  RowWindows& source_;
  WindowEncoder& encoder_;
  WindowSink& sink_;
  const CancelFlag* cancel_;
  FirstError& error_;
  BoundedQueue<RowWindow> read_{kQueuedWindowCountMax};
  BoundedQueue<EncodedWindow> encoded_{kQueuedWindowCountMax};
};

// The lock on OUT, whose file goes with it.
class OutputLock {
 public:
  explicit OutputLock(FileLock lock) : lock_(std::move(lock)) {}
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;
  ~OutputLock() { lock_.remove_file(); }

 private:
  FileLock lock_;
};

struct Job {
  Job(const JobEncoder& job_encoder, const EmbedJobOptions& job_options) : encoder(job_encoder), options(job_options) {}

  const JobEncoder& encoder;
  const EmbedJobOptions& options;
  FirstError error;
  std::unique_ptr<TextReader> reader;
  std::optional<JobFiles> files;  // none on stdout
  std::optional<OutputLock> lock;
  Manifest manifest;
  ResumePlan resume;
};

bool to_stdout(const EmbedJobOptions& options) {
  return options.output == "-";
}

Result<void> check_options(const JobEncoder& encoder, const EmbedJobOptions& options) {
  if (encoder.dim == 0) {
    return fail(ErrorCode::kInvalidArgument, "encoder: expected a dimension of at least 1, found 0");
  }
  if (!to_stdout(options)) {
    return {};
  }
  if (options.shard_row_count > 0) {
    return fail(ErrorCode::kInvalidArgument, "output -: expected no shards on stdout", "name an output file");
  }
  if (options.format != VectorFormat::kAuto && options.format != VectorFormat::kJsonl) {
    return fail(ErrorCode::kInvalidArgument, "output -: expected jsonl on stdout, found another format",
                "name an output file");
  }
  return {};
}

Result<VectorFormat> format_of(const EmbedJobOptions& options) {
  if (to_stdout(options)) {
    return VectorFormat::kJsonl;
  }
  return options.format == VectorFormat::kAuto ? vector_format_of(options.output)
                                               : Result<VectorFormat>(options.format);
}

// Everything that can be refused is refused here, before a file is touched.
Result<void> prepare(Job& job) {
  const EmbedJobOptions& options = job.options;
  if (auto checked = check_options(job.encoder, options); !checked) {
    return checked;
  }
  auto format = format_of(options);
  if (!format) {
    return std::unexpected(format.error());
  }
  if (!to_stdout(options)) {
    auto files = plan_job_files(options.output, options.shard_row_count > 0, options.input.inputs);
    if (!files) {
      return std::unexpected(files.error());
    }
    job.files = std::move(*files);
  }
  TextReaderOptions input = options.input;
  input.interrupted = [&job] {
    return job.error.is_set() || (job.options.cancel != nullptr && job.options.cancel->requested());
  };
  auto reader = open_text_reader(std::move(input));
  if (!reader) {
    return std::unexpected(reader.error());
  }
  job.reader = std::move(*reader);
  job.manifest.job = {.settings = job.encoder.settings,
                      .dim = job.encoder.dim,
                      .vector_format = *format,
                      .shard_row_count = options.shard_row_count,
                      .text_format = options.input.format,
                      .column = options.input.column,
                      .id_column = options.input.id_column,
                      .inputs = {job.reader->inputs().begin(), job.reader->inputs().end()}};
  job.manifest.job.settings.insert(job.manifest.job.settings.end(), options.settings.begin(), options.settings.end());
  return {};
}

Result<void> claim_output(Job& job) {
  if (!job.files) {
    return {};
  }
  auto lock = FileLock::try_acquire(job.files->lock());
  if (!lock) {
    return std::unexpected(lock.error());
  }
  job.lock.emplace(std::move(*lock));
  remove_stale_temporaries(*job.files);
  if (!job.files->sharded) {
    return {};
  }
  auto plan = plan_resume(*job.files, job.manifest.job, job.options.log, job.options.cancel);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  job.resume = std::move(*plan);
  if (job.resume.before) {
    job.manifest.shards = job.resume.before->shards;
    job.manifest.complete = job.resume.before->complete;
    return {};
  }
  return write_manifest(job.files->manifest(), job.manifest);
}

RowWindowsOptions windows_options(const Job& job) {
  const EmbedJobOptions& options = job.options;
  return {
      .window_row_count = options.window_row_count > 0 ? options.window_row_count : kWindowRowCountDefault,
      .window_text_size_bytes_max = kWindowTextSizeBytesMax,
      .shard_row_count = options.shard_row_count,
      .stop_at_failed_row = options.on_row_error == OnRowError::kStop,
      .interrupted =
          [&job] { return job.error.is_set() || (job.options.cancel != nullptr && job.options.cancel->requested()); },
      .before = job.resume.before ? &*job.resume.before : nullptr,
      .kept = job.resume.kept,
      .marks_trusted = job.resume.marks_trusted};
}

EmbedJobResult result_of(const Job& job, double seconds) {
  EmbedJobResult result;
  result.dim = job.encoder.dim;
  result.seconds = seconds;
  RowsSummary total;
  for (std::size_t i = 0; i < job.manifest.shards.size(); ++i) {
    total += job.manifest.shards[i].summary;
    if (job.files) {
      result.files.push_back(job.files->vectors(i).string());
      result.rows_files.push_back(job.files->rows(i).string());
    }
  }
  result.row_count = total.row_count;
  result.row_count_resumed = job.resume.kept_summary.row_count;
  result.failed_row_count = total.failed_row_count;
  result.truncated_row_count = total.truncated_row_count;
  result.token_count = total.token_count;
  result.token_count_resumed = job.resume.kept_summary.token_count;
  result.manifest = job.files && job.files->sharded ? job.files->manifest().string() : "";
  return result;
}

// What a stopped job leaves and how to go on.
Error cancelled(const Job& job, std::uint64_t row_count_encoded) {
  if (!job.files) {
    return {ErrorCode::kCancelled, fmt::format("stopped after {} rows", row_count_encoded), {}};
  }
  if (!job.files->sharded) {
    return {ErrorCode::kCancelled,
            fmt::format("{}: stopped after {} rows, nothing was written", job.options.output, row_count_encoded),
            "write shards (--shard-rows) to be able to go on where a run stopped"};
  }
  RowsSummary total;
  for (const ShardEntry& shard : job.manifest.shards) {
    total += shard.summary;
  }
  return {ErrorCode::kCancelled,
          fmt::format("{}: stopped; {} complete shards with {} rows are kept", job.options.output,
                      job.manifest.shards.size(), total.row_count),
          "run the same command again to go on"};
}

Result<void> run_stages(Job& job) {
  RowWindows windows(*job.reader, windows_options(job));
  WindowEncoder encoder(job.encoder, job.options);
  const auto sink =
      job.files ? make_shard_writer(*job.files, job.manifest) : make_stream_sink(STDOUT_FILENO, job.manifest);
  Stages(windows, encoder, *sink, job.options.cancel, job.error).run();
  if (auto error = job.error.take()) {
    return std::unexpected(error->code == ErrorCode::kCancelled ? cancelled(job, encoder.done().row_count) : *error);
  }
  // The inputs ended at the border of a shard: only now is it known that none follows.
  if (job.files && job.files->sharded && !job.manifest.complete) {
    job.manifest.complete = true;
    return write_manifest(job.files->manifest(), job.manifest);
  }
  return {};
}

}  // namespace

Result<EmbedJobResult> run_embed_job(const JobEncoder& encoder, const EmbedJobOptions& options) {
  const Clock::time_point start = Clock::now();
  Job job(encoder, options);
  if (auto prepared = prepare(job); !prepared) {
    return std::unexpected(prepared.error());
  }
  if (auto claimed = claim_output(job); !claimed) {
    return std::unexpected(claimed.error());
  }
  Result<void> ran;
  if (!job.resume.nothing_to_do()) {
    ran = run_stages(job);
  }
  if (!ran) {
    return std::unexpected(ran.error());
  }
  return result_of(job, seconds_since(start));
}

}  // namespace asterism
