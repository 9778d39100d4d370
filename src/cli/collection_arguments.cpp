#include "cli/collection_arguments.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/json_text.hpp"
#include "cli/text_format.hpp"

namespace asterism::cli {
void add_collection_positional(CLI::App& command, std::string& location) {
  command.add_option("collection", location, "the collection: a folder, milvus://... or postgresql://...")
      ->type_name("COLLECTION")
      ->required();
}

void add_wait_option(CLI::App& command, service::CollectionTarget& target) {
  command.add_flag("--wait", target.wait, "wait while another process writes to the collection, instead of failing")
      ->group("Running");
}

void add_version_option(CLI::App& command, service::CollectionTarget& target) {
  command
      .add_option("--at-version", target.version,
                  "look at this named version (`asterism collection version`) [what is there now]")
      ->type_name("NAME")
      ->group("Input");
}

void add_thread_option(CLI::App& command, service::CollectionTarget& target) {
  add_count(command, "--threads", target.thread_count, "threads in all [every processor this process may use]")
      ->group("Running");
}

void add_settings_options(CLI::App& command, SettingsArguments& arguments) {
  command
      .add_option("--metric", arguments.metric,
                  "how nearness is measured: cosine or dot (larger is nearer), or euclidean (smaller is nearer) "
                  "[cosine]")
      ->type_name("METRIC")
      ->group("Collection");
  command
      .add_option("--vector-type", arguments.vector_type,
                  "in which vectors are kept: f32, f16, bf16 or i8 (a quarter of the room, rounded) [f32]")
      ->type_name("TYPE")
      ->group("Collection");
  command
      .add_option("--columns", arguments.settings.columns,
                  "paths into the metadata that get an index, which makes filters on them fast: price,maker.country")
      ->type_name("PATH,...")
      ->delimiter(',')
      ->group("Collection");
  command
      .add_option("--text-columns", arguments.settings.text_columns,
                  "paths that keywords are sought in; '$content' is the text itself, of images the path; none: no "
                  "keywords ['$content' where there is a model]")
      ->type_name("PATH,...")
      ->delimiter(',')
      ->group("Collection");
  command
      .add_option("--prompt", arguments.settings.model.prompt_name,
                  "the model's prompt of this name before every text that is kept [the model's default]")
      ->type_name("NAME")
      ->group("Model");
  command
      .add_option("--query-prompt", arguments.settings.model.query_prompt_name,
                  "the prompt before every text that is searched for [the model's default]")
      ->type_name("NAME")
      ->group("Model");
}

Result<CollectionSettings> to_settings(const SettingsArguments& arguments) {
  const auto metric = choose<Metric>(
      "--metric", {{"cosine", Metric::kCosine}, {"dot", Metric::kDot}, {"euclidean", Metric::kEuclidean}},
      arguments.metric);
  if (!metric) {
    return std::unexpected(metric.error());
  }
  const auto type = choose<VectorType>(
      "--vector-type",
      {{"f32", VectorType::kF32}, {"f16", VectorType::kF16}, {"bf16", VectorType::kBF16}, {"i8", VectorType::kI8}},
      arguments.vector_type);
  if (!type) {
    return std::unexpected(type.error());
  }
  CollectionSettings settings = arguments.settings;
  settings.metric = *metric;
  settings.vector_type = *type;
  return settings;
}

void add_with_option(CLI::App& command, std::vector<std::string>& with) {
  command
      .add_option("--with", with,
                  "with --json: also the vector, the file (of an image, as base64, where it is kept), or both")
      ->type_name("vector,file")
      ->delimiter(',')
      ->group("Output");
}

Result<ItemParts> to_parts(const std::vector<std::string>& with, bool json) {
  ItemParts parts;
  for (const std::string& name : with) {
    const auto part =
        choose<bool ItemParts::*>("--with", {{"vector", &ItemParts::vector}, {"file", &ItemParts::data}}, name);
    if (!part) {
      return std::unexpected(part.error());
    }
    parts.*(*part) = true;
  }
  if (!with.empty() && !json) {
    return fail(ErrorCode::kUsage, "--with: expected --json beside it, found none",
                "tables for people have no room for it");
  }
  return parts;
}

ProgressSink stage_sink(StepProgress& progress) {
  return [&progress](const Progress& now) {
    const bool known = now.total > 0;
    progress.update(
        std::string(now.stage),
        known ? fmt::format("{} of {}", format_count(now.done), format_count(now.total)) : format_count(now.done),
        known ? static_cast<double>(now.done) / static_cast<double>(now.total) : 0.0);
  };
}

std::string score_text(std::string_view score_name, bool larger_is_nearer) {
  return fmt::format("{}, {} is nearer", score_name, larger_is_nearer ? "larger" : "smaller");
}

std::string metadata_text(const std::string& metadata) {
  const auto object = parse_json(metadata.empty() ? "{}" : metadata, "metadata");
  std::string text;
  if (object && object->is_object()) {
    for (const auto& [name, value] : object->items()) {
      text += fmt::format(
          "{}{}: {}", text.empty() ? "" : ", ", name,
          value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
  }
  return text;
}

}  // namespace asterism::cli
