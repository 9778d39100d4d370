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
#include "server/uploaded_rows.hpp"
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
  for (const std::string& text : *inputs) {
    asked.input += "{\"text\":";
    append_json_string(asked.input, text);
    asked.input += "}\n";
  }
  for (const std::string_view name : {"model", "prompt_name", "dimensions"}) {
    if (body->contains(name) && !(*body)[std::string(name)].is_null()) {
      asked.parameters[std::string(name)] = (*body)[std::string(name)];
    }
  }
  return asked;
}

Result<EmbedJobAsked> read_file_job(HttpRequest& request) {
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
  return asked;
}

}  // namespace

Result<EmbedJobAsked> read_embed_job(HttpRequest& request, ServedEmbedder& embedder) {
  const std::string_view type = request.header("content-type");
  const bool json = type.empty() || type.starts_with("application/json");
  auto asked = json ? read_json_job(request) : read_file_job(request);
  if (!asked) {
    return asked;
  }
  HttpRequest texts;
  texts.headers.push_back({"content-type", "application/x-ndjson"});
  texts.body = std::exchange(asked->input, {});
  const auto rows = UploadedRows::take(json ? texts : request);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  const auto form = std::ranges::find_if(kInputForms, [&](const InputForm& known) {
    return known.images ? rows->is_archive() : rows->text_format() == known.format;
  });
  if (form == kInputForms.end()) {
    return fail(ErrorCode::kUnsupported, "content-type: expected rows of texts, or pictures as application/x-tar",
                "tar -c *.jpg | curl --data-binary @- -H 'content-type: application/x-tar'");
  }
  const auto count = rows->count_rows();
  if (!count) {
    return std::unexpected(count.error());
  }
  if (*count > kJobRowCountMax || *count == 0) {
    return fail(*count == 0 ? ErrorCode::kInvalidArgument : ErrorCode::kLimitExceeded,
                fmt::format("request body: expected 1 to {} rows, found {}", kJobRowCountMax, *count));
  }
  asked->parameters["rows"] = *count;
  asked->input_name = form->name;
  asked->parameters["input"] = form->name;
  asked->input = rows->body();
  if (!asked->parameters.contains("model")) {
    asked->parameters["model"] = embedder.default_model(row_kind(form->images));
  }
  const auto checked = check_model(*asked, form->images, embedder);
  return checked ? asked : std::unexpected(checked.error());
}

JobFunction embed_job_function(ServedEmbedder& embedder) {
  return [&embedder](const JobRun& run) -> Result<Json> {
    const std::string place = "job.json";
    ServedRows what;
    std::string input;
    std::string column;
    std::string id_column;
    std::uint64_t dim = 0;
    std::uint64_t rows = 0;
    if (const auto error = first_error(
            read_field(run.parameters, "model", what.model, place), read_field(run.parameters, "input", input, place),
            read_field(run.parameters, "prompt_name", what.prompt_name, place),
            read_field(run.parameters, "dimensions", dim, place), read_field(run.parameters, "rows", rows, place),
            read_field(run.parameters, "column", column, place),
            read_field(run.parameters, "id_column", id_column, place))) {
      return std::unexpected(*error);
    }
    const auto form = std::ranges::find(kInputForms, std::string_view(input), &InputForm::name);
    if (form == kInputForms.end()) {
      return fail(ErrorCode::kCorrupt, fmt::format("job.json: expected an input, found \"{}\"", input));
    }
    what.kind = row_kind(form->images);
    const auto model = embedder.served_model(what.model, what.kind);
    if (!model) {
      return std::unexpected(model.error());
    }
    what.dim = dim == 0 ? (*model)->encoder.dim() : static_cast<std::size_t>(dim);
    EmbedJobOptions options;
    options.input = {.inputs = {(run.folder / input).string()},
                     .kind = form->images ? InputKind::kImage : InputKind::kText,
                     .format = form->format,
                     .column = column,
                     .id_column = id_column};
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
