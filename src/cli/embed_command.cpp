#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/input_notes.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/embed.hpp"

namespace asterism::cli {
namespace {

struct EmbedArguments {
  RowInputArguments input;
  EncoderArguments encoder;
  std::string output = "-";
  std::string output_format = "auto";
  std::string on_error = "skip";
  std::string layers_as = "concat";
  std::size_t shard_row_count = 0;
  std::size_t window_row_count = 0;
};

Result<service::EmbedRequest> to_request(const EmbedArguments& arguments, Console& console) {
  service::EmbedRequest request;
  request.model = arguments.encoder.model;
  auto encoder = to_encoder_options(arguments.encoder);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  request.encoder = std::move(*encoder);
  auto input = to_row_source_options(arguments.input);
  if (!input) {
    return std::unexpected(input.error());
  }
  auto format = choose<VectorFormat>("--output-format",
                                     {{"auto", VectorFormat::kAuto},
                                      {"npy", VectorFormat::kNpy},
                                      {"jsonl", VectorFormat::kJsonl},
                                      {"safetensors", VectorFormat::kSafetensors}},
                                     arguments.output_format);
  if (!format) {
    return std::unexpected(format.error());
  }
  auto on_error =
      choose<OnRowError>("--on-error", {{"stop", OnRowError::kStop}, {"skip", OnRowError::kSkip}}, arguments.on_error);
  if (!on_error) {
    return std::unexpected(on_error.error());
  }
  auto outputs_as = choose<OutputsAs>(
      "--layers-as", {{"concat", OutputsAs::kConcatenated}, {"separate", OutputsAs::kSeparate}}, arguments.layers_as);
  if (!outputs_as) {
    return std::unexpected(outputs_as.error());
  }
  request.job.outputs_as = *outputs_as;
  request.job.input = std::move(*input);
  request.job.output = arguments.output;
  request.job.format = *format;
  request.job.shard_row_count = arguments.shard_row_count;
  request.job.window_row_count = arguments.window_row_count;
  request.job.on_row_error = *on_error;
  request.job.log = console.log_sink();
  return request;
}

void describe_model(Console& console, const EncoderInfo& model, const EncoderOptions& options) {
  for (const std::string& warning : model.warnings) {
    console.warning(warning);
  }
  const bool cut = !options.layers.empty();
  if (cut && model.op_count_whole > model.op_count) {
    console.note(fmt::format("graph cut at the layer: {} of {} ops are left", model.op_count, model.op_count_whole));
  }
  const std::string size = model.takes_records ? counted(model.columns.names.size(), "column")
                           : model.takes_images
                               ? fmt::format("{}x{} pixels", model.image_shape[1], model.image_shape[2])
                               : fmt::format("at most {} tokens", model.token_count_max);
  console.detail(fmt::format("{}: {} from {}, {} dimensions, {}, {}", model.model, model.family, model.source,
                             model.dim, size, model.precision));
}

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0.0 ? static_cast<double>(count) / seconds : 0.0;
}

std::string summary_line(const EmbedJobResult& job) {
  std::string text = counted(job.row_count, "row");
  if (job.row_count_resumed > 0) {
    text += fmt::format(" ({} from an earlier run)", format_count(job.row_count_resumed));
  }
  const std::uint64_t fresh = job.row_count - job.row_count_resumed;
  if (job.kind != PayloadKind::kText) {
    return text + fmt::format(", {} failed in {}: {} {}/s", format_count(job.failed_row_count),
                              format_duration(job.seconds), format_rate(per_second(fresh, job.seconds)),
                              rows_word(job.kind));
  }
  return text + fmt::format(", {} failed, {} truncated, {} in {}: {} texts/s, {} tokens/s",
                            format_count(job.failed_row_count), format_count(job.truncated_row_count),
                            counted(job.token_count, "token"), format_duration(job.seconds),
                            format_rate(per_second(fresh, job.seconds)),
                            format_rate(per_second(job.token_count - job.token_count_resumed, job.seconds)));
}

// "a", or "a to z (26 files)".
std::string span_of(const std::vector<std::string>& files) {
  return files.size() == 1 ? files.front()
                           : fmt::format("{} to {} ({} files)", files.front(), files.back(), files.size());
}

std::string files_line(const EmbedJobResult& job) {
  if (job.files.empty()) {
    return {};
  }
  const std::string shape =
      job.row_shape.empty() ? "" : fmt::format(" [{}, {}]", job.row_count, fmt::join(job.row_shape, ", "));
  return fmt::format("vectors{} in {}; what became of each row in {}", shape, span_of(job.files),
                     span_of(job.rows_files));
}

Json to_json(const service::EmbedResponse& response) {
  const EmbedJobResult& job = response.job;
  Json json;
  json["model"] = response.model.model;
  json["precision"] = response.model.precision;
  json["rows"] = job.row_count;
  json["rows_resumed"] = job.row_count_resumed;
  json["failed"] = job.failed_row_count;
  json["truncated"] = job.truncated_row_count;
  json["tokens"] = job.token_count;
  json["dim"] = job.dim;
  json["seconds"] = job.seconds;
  json["kind"] = payload_kind_name(job.kind);
  json["ignored_files"] = job.ignored_file_count;
  json["ill_formed_texts"] = job.ill_formed_texts.row_count;
  json[fmt::format("{}_per_second", rows_word(job.kind))] =
      per_second(job.row_count - job.row_count_resumed, job.seconds);
  json["tokens_per_second"] = per_second(job.token_count - job.token_count_resumed, job.seconds);
  json["ops"] = response.model.op_count;
  json["ops_whole"] = response.model.op_count_whole;
  json["files"] = job.files;
  json["rows_files"] = job.rows_files;
  json["manifest"] = job.manifest.empty() ? Json(nullptr) : Json(job.manifest);
  return json;
}

void report(Console& console, const EmbedArguments& arguments, const service::EmbedResponse& response) {
  const EmbedJobResult& job = response.job;
  if (console.json()) {
    const std::string text = to_json(response).dump(-1, ' ', false, Json::error_handler_t::replace);
    // The vectors themselves have stdout when no file was asked for.
    if (arguments.output == "-") {
      console.summary(text);
    } else {
      console.print(text + "\n");
    }
    return;
  }
  console.summary(summary_line(job));
  if (const std::string files = files_line(job); !files.empty()) {
    console.summary(files);
  }
  tell_of_input(console, job.ignored_file_count, job.ill_formed_texts);
  if (job.kind == PayloadKind::kImage && job.row_count == 0) {
    console.warning("no images were found in the inputs");
  }
  if (job.failed_row_count > 0) {
    console.warning(job.rows_files.empty()
                        ? fmt::format("{} failed", counted(job.failed_row_count, "row"))
                        : fmt::format("{} failed: the reasons are in {}", counted(job.failed_row_count, "row"),
                                      span_of(job.rows_files)));
  }
}

Error cancelled_error(const EmbedArguments& arguments, Error error) {
  if (arguments.shard_row_count > 0) {
    error.hint = "the same command again goes on after the last complete shard";
  } else if (arguments.output != "-") {
    error.hint = "nothing was written; with --shard-rows N a stopped job keeps what is complete and can go on";
  }
  return error;
}

Result<int> run_embed(const EmbedArguments& arguments, Console& console) {
  auto request = to_request(arguments, console);
  if (!request) {
    return std::unexpected(request.error());
  }
  EmbedProgress progress(console);
  StepProgress fetch_progress(console);
  request->fetch = watched_fetch(console, fetch_progress);
  request->job.cancel = &cancel_on_interrupt();
  request->job.on_progress = [&](const EmbedJobProgress& now) { progress.update(now); };
  request->on_model = [&](const EncoderInfo& model) {
    fetch_progress.finish();
    describe_model(console, model, request->encoder);
  };
  auto response = service::embed(*request);
  fetch_progress.finish();
  progress.finish();
  if (!response) {
    return std::unexpected(response.error().code == ErrorCode::kCancelled ? cancelled_error(arguments, response.error())
                                                                          : response.error());
  }
  report(console, arguments, *response);
  return response->job.failed_row_count > 0 ? error_traits(ErrorCode::kPartial).exit_code : 0;
}

void add_output_options(CLI::App& command, EmbedArguments& arguments) {
  command
      .add_option("-o,--output", arguments.output,
                  "where the vectors go: a .npy, .jsonl or .safetensors file, or - for jsonl on stdout [-]; "
                  "OUT.rows.jsonl beside it says what became of each row")
      ->type_name("OUT")
      ->group("Output");
  command
      .add_option("--output-format", arguments.output_format,
                  "npy, jsonl, safetensors or auto [auto: by OUT's extension]")
      ->type_name("FORMAT")
      ->group("Output");
  command
      .add_option("--layers-as", arguments.layers_as,
                  "what several layers become: concat (one array) or separate (OUT-stem.LAYER.npy for each, a tensor "
                  "each in .safetensors) [concat]")
      ->type_name("WHAT")
      ->group("Output");
  add_count(command, "--shard-rows", arguments.shard_row_count,
            "write files of N rows each and OUT.manifest.json; the same command again makes only what is missing")
      ->group("Output");
  command
      .add_option("--on-error", arguments.on_error,
                  "what a row that cannot be read does: skip (a row of NaN, exit code 11 at the end) or stop [skip]")
      ->type_name("WHAT")
      ->group("Output");
}

}  // namespace

void add_embed(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("embed", "Turn texts, images or rows of tables into vectors, one row each, in input order.");
  auto arguments = std::make_shared<EmbedArguments>();
  add_row_input_options(command, arguments->input);
  add_output_options(command, *arguments);
  add_encoder_options(command, arguments->encoder);
  add_image_options(command, arguments->encoder);
  add_count(command, "--window-rows", arguments->window_row_count,
            fmt::format("rows given to the model together [{} texts, {} images]", kWindowRowCountDefault,
                        kWindowImageCountDefault))
      ->group("Running");
  add_common_options(command, line);
  set_examples(
      command,
      {{"asterism embed texts.txt -o vectors.npy", "one text a line, with the built-in model"},
       {"asterism embed news.jsonl --column title -m all-MiniLM-L6-v2 -o news.safetensors",
        "a key of jsonl records, with a model of the catalogue"},
       {"asterism embed big.csv --column body --shard-rows 100000 -o big.npy",
        "in shards: after a kill or Ctrl-C the same command goes on where it stopped"},
       {"zcat texts.gz | asterism embed - | head -1", "from stdin to stdout, as jsonl"},
       {"asterism embed texts.txt -m all-MiniLM-L6-v2 --layer encoder.layer.3 --pooling mean -o middle.npy",
        "from a middle layer; the rest of the graph does not run"},
       {"asterism embed customers.csv -m runs/customers -o customers.npy",
        "the columns of a table that a model was trained on (docs/tables.md)"},
       {"asterism embed photos/ -m MODEL -o photos.npy", "every image below a folder, in the order of paths"},
       {"asterism embed 'shards/*.tar' -m MODEL --shard-rows 10000 -o big.npy", "tar shards as webdataset writes them"},
       {"find photos -name '*.jpg' | asterism embed --list - -m MODEL -o photos.npy",
        "the files that another program names"},
       {"asterism embed photos/ -m MODEL --layer LAYER --pool none -o maps.npy",
        "feature maps [rows, channels, height, width]"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_embed(*arguments, console); }; });
}

}  // namespace asterism::cli
