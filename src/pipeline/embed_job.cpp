#include "pipeline/embed_job.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "base/file.hpp"
#include "pipeline/job_files.hpp"
#include "pipeline/manifest.hpp"
#include "pipeline/resume.hpp"
#include "pipeline/row_windows.hpp"
#include "pipeline/shard_writer.hpp"
#include "pipeline/stages.hpp"

namespace asterism {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

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
  std::unique_ptr<RowReader> reader;
  std::vector<EmbeddingOutput> outputs;  // as they are written
  std::optional<JobFiles> files;         // none on stdout
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
  std::size_t size = 0;
  for (const EmbeddingOutput& output : encoder.outputs) {
    const auto count = shape_element_count(output.shape);
    if (output.offset != size || !count || *count != output.size) {
      return fail(ErrorCode::kInternal,
                  fmt::format("encoder: output {}: expected {} of {} values at {}, found {} at {}", output.name,
                              shape_to_string(output.shape), count.value_or(0), size, output.size, output.offset));
    }
    size += output.size;
  }
  if (!encoder.outputs.empty() && size != encoder.dim) {
    return fail(ErrorCode::kInternal,
                fmt::format("encoder: expected outputs of {} values together, found {}", encoder.dim, size));
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

// One output keeps its shape; several are one flat array unless they are to be apart.
std::vector<EmbeddingOutput> written_outputs(const JobEncoder& encoder, OutputsAs outputs_as) {
  return encoder.outputs.size() > 1 && outputs_as == OutputsAs::kConcatenated ? std::vector<EmbeddingOutput>{}
                                                                              : encoder.outputs;
}

std::string outputs_text(std::span<const EmbeddingOutput> outputs) {
  std::string text;
  for (const EmbeddingOutput& output : outputs) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", output.name, shape_to_string(output.shape));
  }
  return text;
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
  job.outputs = written_outputs(job.encoder, options.outputs_as);
  if (!to_stdout(options)) {
    std::vector<std::string> separate;
    if (*format == VectorFormat::kNpy && job.outputs.size() > 1) {
      std::ranges::transform(job.outputs, std::back_inserter(separate), &EmbeddingOutput::name);
    }
    auto files = plan_job_files(
        options.output,
        {.sharded = options.shard_row_count > 0, .inputs = options.input.inputs, .separate_outputs = separate});
    if (!files) {
      return std::unexpected(files.error());
    }
    job.files = std::move(*files);
  }
  RowSourceOptions input = options.input;
  input.interrupted = [&job] {
    return job.error.is_set() || (job.options.cancel != nullptr && job.options.cancel->requested());
  };
  auto reader = open_row_source(std::move(input));
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
  JobSettings& settings = job.manifest.job.settings;
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  settings.emplace_back("rows", payload_kind_name(job.reader->kind()));
  settings.emplace_back("outputs", outputs_text(job.outputs));
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
  const bool texts = job.reader->kind() == PayloadKind::kText || job.reader->kind() == PayloadKind::kRecord;
  const std::size_t row_count_default = texts ? kWindowRowCountDefault : kWindowImageCountDefault;
  return {
      .window_row_count = options.window_row_count > 0 ? options.window_row_count : row_count_default,
      .window_size_bytes_max = texts ? kWindowTextSizeBytesMax : kWindowImageSizeBytesMax,
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
  result.kind = job.reader->kind();
  result.ignored_file_count = job.reader->ignored_file_count();
  result.ill_formed_texts = job.reader->ill_formed_texts();
  result.dim = job.encoder.dim;
  if (job.outputs.size() <= 1) {
    result.row_shape = job.outputs.empty() ? Shape{static_cast<std::int64_t>(job.encoder.dim)} : job.outputs[0].shape;
  }
  result.seconds = seconds;
  RowsSummary total;
  for (std::size_t i = 0; i < job.manifest.shards.size(); ++i) {
    total += job.manifest.shards[i].summary;
    if (job.files) {
      for (const auto& path : job.files->vectors(i)) {
        result.files.push_back(path.string());
      }
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
  WindowEncoder encoder(job.encoder, job.options, job.reader->kind());
  const auto sink = job.files ? make_shard_writer(*job.files, job.manifest, job.outputs)
                              : make_stream_sink(STDOUT_FILENO, job.manifest, job.outputs);
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
