#include "cli/analysis_arguments.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/collection_arguments.hpp"
#include "cli/interrupt.hpp"
#include "cli/text_format.hpp"

namespace asterism::cli {

void add_analysis_options(CLI::App& command, AnalysisArguments& arguments) {
  command
      .add_option("input", arguments.rows.input,
                  "vectors (.npy, .safetensors, .jsonl as `asterism embed` writes them), or a collection")
      ->type_name("INPUT")
      ->required();
  command
      .add_option("--texts", arguments.rows.texts_file,
                  "the texts of the vectors, a row for each: lines, .jsonl, .csv or .tsv [a collection's own]")
      ->type_name("FILE")
      ->group("Input");
  command
      .add_option("--column", arguments.rows.text_column,
                  "jsonl key, csv column or path in the metadata that holds the text [text; of a collection the "
                  "item's text]")
      ->type_name("NAME")
      ->group("Input");
  command
      .add_option("--format", arguments.format,
                  "of --texts: lines, jsonl, csv, tsv or auto [auto: by the file's extension, else lines]")
      ->type_name("FORMAT")
      ->group("Input");
  command.add_option("--filter", arguments.rows.filter, "only items of the collection whose metadata fit")
      ->type_name("EXPR")
      ->group("Input");
  command.add_option("--tensor", arguments.rows.tensor_name, "of a .safetensors file [embeddings, or the only one]")
      ->type_name("NAME")
      ->group("Input");
  command
      .add_option("--metric", arguments.metric,
                  "cosine (rows are scaled to length 1) or euclidean [the collection's, else cosine]")
      ->type_name("METRIC")
      ->group("Running");
  add_version_option(command, arguments.rows.collection);
  add_thread_option(command, arguments.rows.collection);
}

Result<service::AnalysisRowsRequest> to_analysis_rows(const AnalysisArguments& arguments) {
  InputArguments texts;
  texts.format = arguments.format;
  auto format = to_reader_options(texts);
  if (!format) {
    return std::unexpected(std::move(format.error()));
  }
  service::AnalysisRowsRequest rows = arguments.rows;
  rows.texts_format = format->format;
  rows.texts = true;
  rows.collection.cancel = &cancel_on_interrupt();
  return rows;
}

Result<std::optional<Metric>> to_analysis_metric(const AnalysisArguments& arguments) {
  if (arguments.metric.empty()) {
    return std::optional<Metric>{};
  }
  const auto metric =
      choose<Metric>("--metric", {{"cosine", Metric::kCosine}, {"euclidean", Metric::kEuclidean}}, arguments.metric);
  return metric ? Result<std::optional<Metric>>(*metric) : std::unexpected(metric.error());
}

std::function<void(std::string_view, std::size_t, std::size_t)> analysis_sink(StepProgress& progress) {
  return [sink = stage_sink(progress)](std::string_view stage, std::size_t done, std::size_t total) {
    sink({.done = done, .total = total, .stage = stage});
  };
}

void note_left_out(Console& console, const service::AnalysisRows& rows) {
  if (rows.left_out_count > 0) {
    console.warning(fmt::format("{} without a vector: left out", counted(rows.left_out_count, "row")));
  }
}

}  // namespace asterism::cli
