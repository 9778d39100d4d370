#include "server/embed_jobs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/file.hpp"
#include "dataset/json_text.hpp"
#include "pipeline/embed_job.hpp"
#include "pipeline/manifest.hpp"
#include "server/json_body.hpp"
#include "server/path_free_error.hpp"
#include "server/streamed_rows.hpp"
#include "server/upload_format.hpp"
#include "server/vector_writer.hpp"

namespace asterism::server {
namespace {

constexpr std::string_view kOutput = "vectors.npy";
constexpr std::size_t kShardRowCountMin = 1024;
// Few enough that the manifest, which is written after each, stays small.
constexpr std::uint64_t kShardCountAimed = 4000;
constexpr std::size_t kPieceSizeBytes = std::size_t{256} << 10;
// Of a JSON body: more is sent as a file of rows.
constexpr std::size_t kInputCountMax = 100'000;
constexpr std::size_t kRowsFileSizeBytesMax = std::size_t{1} << 30;

struct InputForm {
  std::string_view name;
  TextFormat format;
  bool images;
};
constexpr std::array<InputForm, 5> kInputForms{{{"input.jsonl", TextFormat::kJsonl, false},
                                                {"input.csv", TextFormat::kCsv, false},
                                                {"input.tsv", TextFormat::kTsv, false},
                                                {"input.txt", TextFormat::kLines, false},
                                                {"input.tar", TextFormat::kAuto, true}}};

bool is_json(const HttpRequest& head) {
  const std::string_view type = head.header("content-type");
  return type.empty() || type.starts_with("application/json");
}

RowKind row_kind(bool images) {
  return images ? RowKind::kImage : RowKind::kText;
}

Result<void> check_model(const EmbedJobAsked& asked, bool images, ServedEmbedder& embedder) {
  const std::string place = "parameters";
  const auto model = json_get<std::string>(asked.parameters, "model", place);
  const auto loaded = model ? embedder.served_model(*model, row_kind(images)) : std::unexpected(model.error());
  if (!loaded) {
    return std::unexpected(loaded.error());
  }
  // One row shows what is wrong with model, prompt and kind before the whole is queued.
  ServedRows what{.model = *model, .kind = row_kind(images)};
  std::uint64_t dim = 0;
  if (const auto error = first_error(read_field(asked.parameters, "dimensions", dim),
                                     read_field(asked.parameters, "prompt_name", what.prompt_name))) {
    return std::unexpected(*error);
  }
  if (dim > (*loaded)->encoder.dim() || (asked.parameters.contains("dimensions") && dim == 0)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"dimensions\": expected 1 to {}, found {}", (*loaded)->encoder.dim(), dim));
  }
  const auto probe = embedder.embed_rows(what, {});
  return probe ? Result<void>{} : std::unexpected(probe.error());
}

Result<EmbedJobAsked> read_json_job(const HttpRequest& request) {
  const auto body = parse_body(request.body, {"kind", "model", "inputs", "prompt_name", "dimensions"});
  if (!body) {
    return std::unexpected(body.error());
  }
  EmbedJobAsked asked;
  const auto inputs = texts_field(*body, "inputs", kInputCountMax);
  if (!inputs) {
    return std::unexpected(inputs.error());
  }
  if (inputs->empty()) {
    return fail(ErrorCode::kInvalidArgument, "request body: \"inputs\": expected texts, found none",
                "send a file of rows instead: content-type application/x-ndjson");
  }
  std::string rows;
  for (const std::string& text : *inputs) {
    rows += "{\"text\":";
    append_json_string(rows, text);
    rows += "}\n";
  }
  asked.input = make_memory_source(std::move(rows));
  for (const std::string_view name : {"model", "prompt_name", "dimensions"}) {
    if (body->contains(name) && !(*body)[std::string(name)].is_null()) {
      asked.parameters[std::string(name)] = (*body)[std::string(name)];
    }
  }
  return asked;
}

Result<EmbedJobAsked> read_file_job(const HttpRequest& request, const CancelFlag& cancel) {
  EmbedJobAsked asked;
  for (const std::string_view name : {"model", "prompt_name", "column", "id_column"}) {
    if (std::string value = query_value(request.query, name); !value.empty()) {
      asked.parameters[std::string(name)] = std::move(value);
    }
  }
  if (const std::string dim = query_value(request.query, "dimensions"); !dim.empty()) {
    const auto number = parse_json(dim, "?dimensions");
    asked.parameters["dimensions"] = number ? *number : Json(dim);
  }
  auto input = open_upload(request, request.upload, cancel);
  if (!input) {
    return std::unexpected(std::move(input.error()));
  }
  asked.input = *std::move(input);
  return asked;
}

// By the head; that of JSON is what is written for it.
Result<const InputForm*> input_form_of(const HttpRequest& head) {
  if (is_json(head)) {
    return kInputForms.data();
  }
  const auto format = upload_format_of(head);
  if (!format) {
    return std::unexpected(format.error());
  }
  const auto* const form = std::ranges::find_if(kInputForms, [&](const InputForm& known) {
    return known.images ? format->form == UploadForm::kArchive
                        : format->form == UploadForm::kTexts && format->texts == known.format;
  });
  if (form == kInputForms.end()) {
    return fail(ErrorCode::kUnsupported, "content-type: expected rows of texts, or pictures as application/x-tar",
                "tar -c *.jpg | curl --data-binary @- -H 'content-type: application/x-tar'");
  }
  return form;
}

// What the job's function reads, of the parameters that are kept.
Result<RowSourceOptions> kept_input(const Json& parameters, const std::filesystem::path& folder) {
  const std::string place = "job.json";
  std::string name;
  RowSourceOptions input;
  if (const auto error = first_error(read_field(parameters, "input", name, place),
                                     read_field(parameters, "column", input.column, place),
                                     read_field(parameters, "id_column", input.id_column, place))) {
    return std::unexpected(*error);
  }
  const auto* const form = std::ranges::find(kInputForms, std::string_view(name), &InputForm::name);
  if (form == kInputForms.end()) {
    return fail(ErrorCode::kCorrupt, fmt::format("job.json: expected an input, found \"{}\"", name));
  }
  input.inputs = {(folder / name).string()};
  input.kind = form->images ? InputKind::kImage : InputKind::kText;
  input.format = form->format;
  return input;
}

Result<void> write_input(ByteSource& input, const std::filesystem::path& path) {
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  std::vector<char> piece(kPieceSizeBytes);
  for (;;) {
    const auto size = input.read(piece);
    if (!size) {
      return std::unexpected(size.error());
    }
    if (*size == 0) {
      return file->commit();
    }
    if (auto written = file->write(std::string_view(piece.data(), *size)); !written) {
      return written;
    }
  }
}

Result<std::uint64_t> count_rows(RowSourceOptions input, const CancelFlag& cancel) {
  input.interrupted = [&cancel] { return cancel.requested(); };
  auto rows = open_row_source(std::move(input));
  if (!rows) {
    // A column that is not there is the request's fault, and no path that is not there.
    Error error = std::move(rows.error());
    error.code = error.code == ErrorCode::kNotFound ? ErrorCode::kInvalidArgument : error.code;
    return std::unexpected(std::move(error));
  }
  std::uint64_t count = 0;
  for (; count <= kJobRowCountMax; ++count) {
    if (cancel.requested()) {
      return fail(ErrorCode::kCancelled, "stopped before every row was read");
    }
    const auto row = (*rows)->next();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      break;
    }
  }
  if (count > kJobRowCountMax || count == 0) {
    return fail(
        count == 0 ? ErrorCode::kInvalidArgument : ErrorCode::kLimitExceeded,
        fmt::format("request body: expected 1 to {} rows, found {}", kJobRowCountMax, count == 0 ? "none" : "more"));
  }
  return count;
}

}  // namespace

bool streams_embed_job(const HttpRequest& head) {
  return !is_json(head) && input_form_of(head).has_value();
}

Result<EmbedJobAsked> read_embed_job(const HttpRequest& request, const CancelFlag& cancel, ServedEmbedder& embedder) {
  const auto form = input_form_of(request);
  if (!form) {
    return std::unexpected(form.error());
  }
  auto asked = is_json(request) ? read_json_job(request) : read_file_job(request, cancel);
  if (!asked) {
    return asked;
  }
  asked->parameters["input"] = (*form)->name;
  if (!asked->parameters.contains("model")) {
    asked->parameters["model"] = embedder.default_model(row_kind((*form)->images));
  }
  const auto checked = check_model(*asked, (*form)->images, embedder);
  return checked ? std::move(asked) : std::unexpected(checked.error());
}

Result<void> keep_embed_input(ByteSource& input, const std::filesystem::path& folder, const CancelFlag& cancel,
                              Json& parameters) {
  auto kept = kept_input(parameters, folder);
  auto written = kept ? write_input(input, kept->inputs.front()) : std::unexpected(kept.error());
  const auto count = written ? count_rows(*std::move(kept), cancel) : std::unexpected(std::move(written.error()));
  if (!count) {
    return std::unexpected(count.error());
  }
  parameters["rows"] = *count;
  return {};
}

JobFunction embed_job_function(ServedEmbedder& embedder) {
  return [&embedder](const JobRun& run) -> Result<Json> {
    const std::string place = "job.json";
    ServedRows what;
    std::uint64_t dim = 0;
    std::uint64_t rows = 0;
    const auto input = kept_input(run.parameters, run.folder);
    if (const auto error = first_error(input, read_field(run.parameters, "model", what.model, place),
                                       read_field(run.parameters, "prompt_name", what.prompt_name, place),
                                       read_field(run.parameters, "dimensions", dim, place),
                                       read_field(run.parameters, "rows", rows, place))) {
      return std::unexpected(*error);
    }
    what.kind = row_kind(input->kind == InputKind::kImage);
    const auto model = embedder.served_model(what.model, what.kind);
    if (!model) {
      return std::unexpected(model.error());
    }
    what.dim = dim == 0 ? (*model)->encoder.dim() : static_cast<std::size_t>(dim);
    EmbedJobOptions options;
    options.input = *input;
    options.output = (run.folder / kOutput).string();
    options.shard_row_count = std::max<std::uint64_t>(kShardRowCountMin, rows / kShardCountAimed);
    options.cancel = &run.cancel;
    const auto before = read_manifest(options.output + ".manifest.json");
    std::uint64_t row_count_before = 0;
    if (before && *before) {
      for (const ShardEntry& shard : (*before)->shards) {
        row_count_before += shard.summary.row_count;
      }
    }
    run.progress(row_count_before, rows, "embedding", row_count_before);
    options.on_progress = [&](const EmbedJobProgress& now) {
      run.progress(row_count_before + now.row_count, rows, "embedding", row_count_before);
    };
    const JobEncoder encoder{.encode =
                                 [&](std::span<const Payload> payloads) {
                                   std::vector<std::string_view> contents;
                                   contents.reserve(payloads.size());
                                   std::ranges::transform(payloads, std::back_inserter(contents), &Payload::bytes);
                                   return embedder.embed_rows(what, contents,
                                                              [&run] { return run.cancel.requested(); });
                                 },
                             .dim = what.dim,
                             .settings = {{"model", (*model)->identity}, {"prompt", what.prompt_name}}};
    const auto done = run_embed_job(encoder, options);
    if (!done) {
      return std::unexpected(done.error());
    }
    return Json{{"rows", done->row_count},
                {"failed", done->failed_row_count},
                {"truncated", done->truncated_row_count},
                {"tokens", done->token_count},
                {"dim", done->dim},
                {"seconds", done->seconds}};
  };
}

Result<JobResult> JobResult::open(const std::filesystem::path& folder, Form form) {
  const auto path = folder / (std::string(kOutput) + ".manifest.json");
  auto manifest = read_manifest(path);
  if (!manifest || !*manifest) {
    return manifest ? fail(ErrorCode::kNotFound, "job: it has no vectors to give")
                    : std::unexpected(without_path(manifest.error(), folder.string() + "/", ""));
  }
  JobResult out;
  out.folder_ = folder.string() + "/";
  out.form_ = form;
  out.dim_ = (*manifest)->job.dim;
  std::uint64_t row_count = 0;
  for (const ShardEntry& shard : (*manifest)->shards) {
    if (shard.vectors.empty()) {
      return fail(ErrorCode::kCorrupt, "job: its manifest lists a shard without vectors");
    }
    out.shards_.push_back({.vectors = folder / shard.vectors[0].name,
                           .rows = folder / shard.rows.name,
                           .row_first = shard.row_first,
                           .row_count = shard.summary.row_count});
    row_count += shard.summary.row_count;
  }
  if (form == Form::kNpy) {
    out.head_ = npy_header(static_cast<std::size_t>(row_count), out.dim_);
  }
  return out;
}

Result<void> JobResult::open_shard() {
  const Shard& shard = shards_[shard_];
  auto vectors = read_npy(shard.vectors);
  if (!vectors) {
    return std::unexpected(without_path(std::move(vectors.error()), folder_, ""));
  }
  if (vectors->bytes().size() != shard.row_count * dim_ * sizeof(float)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("job: shard {}: expected {} rows of {}", shard_, shard.row_count, dim_));
  }
  if (form_ == Form::kJsonl) {
    auto rows = read_file(shard.rows, kRowsFileSizeBytesMax);
    if (!rows) {
      return std::unexpected(without_path(std::move(rows.error()), folder_, ""));
    }
    rows_ = *std::move(rows);
  }
  vectors_ = *std::move(vectors);
  rows_at_ = 0;
  row_ = 0;
  return {};
}

// {"row", "line", "id", "tokens", "embedding"}, or with "error" and no embedding: the rows file without the path of the
// input, which is the server's.
Result<std::string> JobResult::next_lines() {
  const Shard& shard = shards_[shard_];
  const std::span<const float> values(reinterpret_cast<const float*>(vectors_->bytes().data()),
                                      static_cast<std::size_t>(shard.row_count) * dim_);
  std::string out;
  for (; row_ < shard.row_count && out.size() < kPieceSizeBytes; ++row_) {
    const std::size_t end = std::min(rows_.find('\n', rows_at_), rows_.size());
    auto row = parse_json(std::string_view(rows_).substr(rows_at_, end - rows_at_), "job: rows file");
    if (!row || !row->is_object() || !row->contains("row")) {
      return fail(ErrorCode::kCorrupt, fmt::format("job: shard {}: expected row {} in its rows file", shard_, row_));
    }
    rows_at_ = std::min(end + 1, rows_.size());
    row->erase("source");
    const bool failed = row->contains("error");
    if (failed) {
      Json& error = (*row)["error"];
      const auto message = json_find<std::string>(error, "message", "error");
      if (message && *message) {
        error["message"] = without_path({ErrorCode::kInternal, **message, {}}, folder_, "").message;
      }
    }
    std::string line = row->dump(-1, ' ', false, Json::error_handler_t::replace);
    line.pop_back();
    line += ",\"embedding\":";
    if (failed) {
      line += "null";
    } else {
      append_json(line, values.subspan(static_cast<std::size_t>(row_) * dim_, dim_));
    }
    out += line + "}\n";
  }
  return out;
}

Result<std::optional<std::string>> JobResult::next() {
  if (!head_.empty()) {
    return std::exchange(head_, {});
  }
  while (shard_ < shards_.size()) {
    if (!vectors_) {
      if (auto opened = open_shard(); !opened) {
        return std::unexpected(std::move(opened.error()));
      }
    }
    if (row_ == shards_[shard_].row_count) {
      vectors_.reset();
      ++shard_;
      continue;
    }
    if (form_ == Form::kJsonl) {
      auto lines = next_lines();
      return lines ? Result<std::optional<std::string>>(*std::move(lines)) : std::unexpected(std::move(lines.error()));
    }
    const std::size_t row_size_bytes = dim_ * sizeof(float);
    const std::size_t count = std::min<std::size_t>(static_cast<std::size_t>(shards_[shard_].row_count - row_),
                                                    std::max<std::size_t>(1, kPieceSizeBytes / row_size_bytes));
    const auto bytes =
        vectors_->bytes().subspan(static_cast<std::size_t>(row_) * row_size_bytes, count * row_size_bytes);
    row_ += count;
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return std::nullopt;
}

}  // namespace asterism::server
