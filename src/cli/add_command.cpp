#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/collection_arguments.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/input_notes.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/collection_add.hpp"
#include "service/collection_json.hpp"

namespace asterism::cli {
namespace {

// Failing rows that are named one by one; the others are counted.
constexpr std::uint64_t kFailedRowsShownMax = 10;

struct AddArguments {
  service::CollectionTarget target;
  RowInputArguments input;
  std::vector<std::string> metadata{"*"};
  std::string model;
  std::string vectors;
  SettingsArguments settings;
  bool keep_files = false;
  bool no_index = false;
};

MetadataColumns metadata_columns(const std::vector<std::string>& names) {
  if (names == std::vector<std::string>{"*"}) {
    return {.all = true};
  }
  return names == std::vector<std::string>{"none"} ? MetadataColumns{} : MetadataColumns{.names = names};
}

Result<service::AddRequest> to_request(const AddArguments& arguments) {
  service::AddRequest request;
  auto settings = to_settings(arguments.settings);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  const bool vectors_alone =
      !arguments.vectors.empty() && arguments.input.text.inputs.empty() && arguments.input.list.empty();
  if (!vectors_alone) {
    auto input = to_row_source_options(arguments.input);
    if (!input) {
      return std::unexpected(input.error());
    }
    request.input = std::move(*input);
    request.input.metadata = metadata_columns(arguments.metadata);
  }
  request.collection = arguments.target;
  request.settings = std::move(*settings);
  request.model = arguments.model;
  request.vectors = arguments.vectors;
  request.keep_files = arguments.keep_files;
  request.build_index = !arguments.no_index;
  return request;
}

// Rows that are none of what was counted: a later row of the same window had their id.
std::uint64_t repeated_count(const service::AddResponse& response) {
  const AddSummary& summary = response.summary;
  const std::uint64_t counted_rows =
      summary.added_count + summary.updated_count + summary.unchanged_count + response.failed_row_count;
  return response.row_count - std::min(response.row_count, counted_rows);
}

Json to_json(const AddArguments& arguments, const service::AddResponse& response) {
  const AddSummary& summary = response.summary;
  return {{"rows", response.row_count},
          {"added", summary.added_count},
          {"updated", summary.updated_count},
          {"unchanged", summary.unchanged_count},
          {"embedded", summary.embedded_count},
          {"failed", response.failed_row_count},
          {"repeated", repeated_count(response)},
          {"ignored_files", response.ignored_file_count},
          {"ill_formed_texts", response.ill_formed_texts.row_count},
          {"seconds", response.seconds},
          {"collection", service::status_json(service::shown_location(arguments.target.location), response.status)}};
}

void report(Console& console, const AddArguments& arguments, const service::AddResponse& response) {
  if (console.json()) {
    console.print(json_line(to_json(arguments, response)));
  } else {
    const AddSummary& summary = response.summary;
    const double rate = response.seconds > 0.0 ? static_cast<double>(response.row_count) / response.seconds : 0.0;
    console.summary(fmt::format("{}: {} added, {} updated, {} unchanged, {} failed in {}: {} {}/s",
                                counted(response.row_count, "row"), format_count(summary.added_count),
                                format_count(summary.updated_count), format_count(summary.unchanged_count),
                                format_count(response.failed_row_count), format_duration(response.seconds),
                                format_rate(rate), arguments.vectors.empty() ? rows_word(response.kind) : "rows"));
    console.summary(fmt::format("{} in {}; index: {}", counted(response.status.item_count, "item"),
                                service::shown_location(arguments.target.location), response.status.index));
  }
  if (const std::uint64_t repeated = repeated_count(response); repeated > 0) {
    console.note(
        fmt::format("{} left out: a later row of the input has the same id, and counts", counted(repeated, "row")));
  }
  tell_of_input(console, response.ignored_file_count, response.ill_formed_texts);
  for (const std::string& name : response.unseen_columns) {
    console.warning(fmt::format("--metadata {}: no row has it", name));
  }
  if (response.failed_row_count > kFailedRowsShownMax) {
    console.warning(fmt::format("{} failed; the first {} are named above", counted(response.failed_row_count, "row"),
                                kFailedRowsShownMax));
  }
}

Result<int> run_add(const AddArguments& arguments, Console& console) {
  auto request = to_request(arguments);
  if (!request) {
    return std::unexpected(request.error());
  }
  StepProgress steps(console);
  EmbedProgress rows(console);
  std::uint64_t failed_count = 0;
  request->fetch = watched_fetch(console, steps);
  request->collection.cancel = &cancel_on_interrupt();
  request->on_progress = [&](const EmbedJobProgress& now) { rows.update(now); };
  request->on_index_progress = stage_sink(steps);
  request->on_created = [&](const CollectionStatus& status) {
    steps.finish();
    const std::string& model = status.settings.model.id;
    console.note(fmt::format("collection made: {} ({}, {} dimensions)",
                             service::shown_location(arguments.target.location),
                             model.empty() ? "no model" : "model " + model, status.settings.dim));
  };
  request->on_row_error = [&](std::string_view place, const Error& error) {
    if (++failed_count <= kFailedRowsShownMax) {
      const std::string text = error.to_string();
      console.warning(text.starts_with(place) ? text : fmt::format("{}: {}", place, text));
    }
  };
  const auto response = service::add_rows(*request);
  rows.finish();
  steps.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  report(console, arguments, *response);
  return response->failed_row_count > 0 ? error_traits(ErrorCode::kPartial).exit_code : 0;
}

void add_options(CLI::App& command, AddArguments& arguments) {
  command
      .add_option(
          "--metadata", arguments.metadata,
          "columns of csv, tsv and jsonl (and of tables of images) that are kept for filters: names, '*' for all "
          "beside text and id, or none ['*']")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->group("Input");
  command
      .add_option(
          "--vectors", arguments.vectors,
          "a .npy file [rows, dim] with a vector for each row of the inputs, instead of embedding them; without "
          "inputs ids are row numbers from 0")
      ->type_name("FILE")
      ->group("Input");
  command
      .add_flag("--keep-files", arguments.keep_files,
                "keep the bytes of image files, not their paths alone (those from archives are always kept)")
      ->group("Input");
  command
      .add_option("-m,--model", arguments.model,
                  "of a collection that is not there yet: the model that makes its vectors [builtin; for images "
                  "builtin-image]")
      ->type_name("MODEL")
      ->group("Model");
  add_settings_options(command, arguments.settings);
  command.add_flag("--no-index", arguments.no_index, "leave the index as it is: `asterism collection index` builds it")
      ->group("Running");
  add_wait_option(command, arguments.target);
  add_thread_option(command, arguments.target);
}

}  // namespace

void add_add(CLI::App& root, CommandLine& line) {
  CLI::App& command = *root.add_subcommand(
      "add", "Put texts or images into a collection; what is there already is not embedded again.");
  auto arguments = std::make_shared<AddArguments>();
  add_collection_positional(command, arguments->target.location);
  add_row_input_options_with_id(command, arguments->input);
  add_options(command, *arguments);
  add_common_options(command, line);
  set_examples(command,
               {{"asterism add notes/ texts.txt", "one text a line; the collection is made with the built-in model"},
                {"asterism add shop/ products.csv --column title --id sku -m all-MiniLM-L6-v2 --columns price",
                 "the other columns become metadata; those of one id replace each other"},
                {"asterism add photos/ pictures/", "every image below a folder; its path is its id"},
                {"asterism add own/ rows.jsonl --vectors vectors.npy", "with vectors of one's own"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_add(*arguments, console); }; });
}

}  // namespace asterism::cli
