#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/collection_arguments.hpp"
#include "cli/collection_command.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/text_format.hpp"
#include "service/collection_file.hpp"

namespace asterism::cli {
namespace {

Result<int> run_export(service::ExportRequest request, Console& console) {
  StepProgress progress(console);
  request.collection.cancel = &cancel_on_interrupt();
  request.on_progress = stage_sink(progress);
  const auto response = service::export_collection(request);
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  if (console.json()) {
    console.print(json_line({{"items", response->item_count},
                             {"dim", response->dim},
                             {"file", request.output},
                             {"vectors", request.vectors.empty() ? Json(nullptr) : Json(request.vectors)}}));
  } else {
    console.summary(fmt::format("{} in {}{}", counted(response->item_count, "item"), request.output,
                                request.vectors.empty() ? "" : "; vectors in " + request.vectors));
  }
  return 0;
}

Result<int> run_import(service::ImportRequest request, Console& console) {
  StepProgress progress(console);
  request.collection.cancel = &cancel_on_interrupt();
  request.on_progress = stage_sink(progress);
  const auto response = service::import_collection(request);
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  const AddSummary& summary = response->summary;
  if (console.json()) {
    console.print(json_line({{"added", summary.added_count},
                             {"updated", summary.updated_count},
                             {"unchanged", summary.unchanged_count},
                             {"items", response->status.item_count}}));
  } else {
    console.summary(fmt::format("{} added, {} updated, {} unchanged; {} in {}", format_count(summary.added_count),
                                format_count(summary.updated_count), format_count(summary.unchanged_count),
                                counted(response->status.item_count, "item"),
                                service::shown_location(request.collection.location)));
  }
  return 0;
}

}  // namespace

void add_collection_files(CLI::App& collection, CommandLine& line) {
  CLI::App& out = *collection.add_subcommand("export", "Write a collection's items into one jsonl file.");
  auto exported = std::make_shared<service::ExportRequest>();
  add_collection_positional(out, exported->collection.location);
  out.add_option("-o,--output", exported->output, "the .jsonl file; it appears whole or not at all")
      ->type_name("FILE")
      ->required()
      ->group("Output");
  out.add_option("--vectors", exported->vectors, "write the vectors into this .npy file [into the lines]")
      ->type_name("FILE")
      ->group("Output");
  out.add_option("--filter", exported->filter, "only these items (docs/filters.md)")->type_name("EXPR")->group("Input");
  add_version_option(out, exported->collection);
  add_common_options(out, line);
  set_examples(out,
               {{"asterism collection export notes/ -o notes.jsonl", "everything: items, metadata, vectors, settings"},
                {"asterism collection export notes/ -o notes.jsonl --vectors notes.npy",
                 "vectors as an array for NumPy, row by row as the lines"}});
  out.callback(
      [exported, &line] { line.action = [exported](Console& console) { return run_export(*exported, console); }; });

  CLI::App& in = *collection.add_subcommand("import", "Read what export wrote into a collection of any store.");
  auto imported = std::make_shared<service::ImportRequest>();
  auto no_index = std::make_shared<bool>(false);
  add_collection_positional(in, imported->collection.location);
  in.add_option("file", imported->input, "the .jsonl file; - is standard input")->type_name("FILE")->required();
  in.add_option("--vectors", imported->vectors, "the .npy file of the vectors [the one that FILE names, beside it]")
      ->type_name("FILE")
      ->group("Input");
  in.add_flag("--no-index", *no_index, "leave the index as it is")->group("Running");
  add_wait_option(in, imported->collection);
  add_thread_option(in, imported->collection);
  add_common_options(in, line);
  set_examples(in, {{"asterism collection import copy/ notes.jsonl", "a collection with the same settings and items"}});
  in.callback([imported, no_index, &line] {
    line.action = [imported, no_index](Console& console) {
      imported->build_index = !*no_index;
      return run_import(*imported, console);
    };
  });
}

}  // namespace asterism::cli
