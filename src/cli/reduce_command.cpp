#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "analysis/estimator_options.hpp"
#include "analysis/estimators.hpp"
#include "cli/collection_arguments.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/text_format.hpp"
#include "service/reduce.hpp"

namespace asterism::cli {
namespace {

struct ReduceArguments {
  service::ReduceRequest request;
  std::size_t dim = 0;
  std::uint64_t seed = 0;
  CLI::Option* seed_option = nullptr;
  std::vector<std::string> settings;
  bool no_keep = false;
  bool methods = false;
};

Json option_json(const EstimatorOption& option) {
  return {{"name", option.name},
          {"default", option.default_value},
          {"expected", option_expectation(option)},
          {"text", option.text}};
}

std::string_view label_use_text(LabelUse use) {
  return use == LabelUse::kRequired ? "required" : use == LabelUse::kOptional ? "optional" : "not used";
}

Json method_json(const EstimatorMethod& method) {
  Json json{{"method", method.name},
            {"summary", method.summary},
            {"labels", label_use_text(method.labels)},
            {"targets", method.takes_targets},
            {"places_new_rows", method.transforms},
            {"warm_start", method.takes_initial}};
  json["options"] = Json::array();
  for (const EstimatorOption& option : method.options) {
    json["options"].push_back(option_json(option));
  }
  return json;
}

int print_methods(Console& console) {
  for (const EstimatorMethod& method : estimator_methods()) {
    if (console.json()) {
      console.print(json_line(method_json(method)));
      continue;
    }
    console.print(fmt::format("{}: {}\n", method.name, method.summary));
    console.print(fmt::format("  labels {}{}; {}{}\n", label_use_text(method.labels),
                              method.takes_targets ? " (or numbers, --targets)" : "",
                              method.transforms ? "places new rows (--save, --apply)" : "places no new rows",
                              method.takes_initial ? "; --start, --warm-start" : ""));
    Table table({"  option", "default", "expected", "meaning"});
    for (const EstimatorOption& option : method.options) {
      table.add(
          {fmt::format("  {}", option.name),
           option.default_value.is_string() ? option.default_value.get<std::string>() : option.default_value.dump(),
           option_expectation(option), std::string(option.text)});
    }
    console.print(table.to_string() + "\n");
  }
  return 0;
}

Result<void> read_settings(ReduceArguments& arguments) {
  for (const std::string& setting : arguments.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::kUsage, fmt::format("--set: expected NAME=VALUE, found '{}'", setting),
                  "`asterism reduce --methods` lists the options of every method");
    }
    arguments.request.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return {};
}

Json to_json(const service::ReduceResponse& response, const service::ReduceRequest& request) {
  Json json{{"method", response.method},       {"rows", response.row_count}, {"left_out", response.left_out_count},
            {"input_dim", response.input_dim}, {"dim", response.dim},        {"options", response.options}};
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  json["labelled"] = response.labelled_count;
  json["warm_started"] = response.warm_count;
  json["explained_variance"] = response.explained_variance ? Json(*response.explained_variance) : Json(nullptr);
  json["notes"] = response.notes;
  json["output"] = text_or_null(request.output);
  json["model"] = text_or_null(request.save);
  json["projection"] = text_or_null(response.projection);
  json["seconds"] = response.seconds;
  return json;
}

void summarise(Console& console, const service::ReduceResponse& response, const service::ReduceRequest& request) {
  std::string line = fmt::format("{} of {} dimensions to {} by {} in {}", counted(response.row_count, "row"),
                                 response.input_dim, response.dim, response.method, format_duration(response.seconds));
  if (response.explained_variance) {
    line += fmt::format(", {:.1f}% of the variance{} kept", 100.0 * *response.explained_variance,
                        request.apply.empty() ? "" : " of the rows it was learnt from");
  }
  console.summary(line);
  for (const std::string& note : response.notes) {
    console.note(note);
  }
  if (request.warm_start || !request.start.empty()) {
    console.summary(fmt::format("{} started from {} places", counted(response.warm_count, "row"),
                                request.start.empty() ? "former" : "given"));
  }
  if (response.left_out_count > 0) {
    console.warning(fmt::format("{} without a vector left out", counted(response.left_out_count, "row")));
  }
  if (!response.projection.empty()) {
    console.summary(
        fmt::format("kept as projection '{}' of {}", response.projection, service::shown_location(request.rows.input)));
  }
}

Result<int> run_reduce(ReduceArguments arguments, Console& console) {
  if (arguments.methods) {
    return print_methods(console);
  }
  if (arguments.request.rows.input.empty()) {
    return fail(ErrorCode::kUsage, "INPUT is missing: expected a file of vectors or a collection",
                "asterism reduce vectors.npy -o map.npy");
  }
  if (auto ok = read_settings(arguments); !ok) {
    return std::unexpected(ok.error());
  }
  service::ReduceRequest& request = arguments.request;
  request.keep = !arguments.no_keep;
  if (arguments.dim > 0) {
    request.dim = arguments.dim;
  }
  if (arguments.seed_option->count() > 0) {
    request.seed = arguments.seed;
  }
  StepProgress progress(console);
  request.cancel = &cancel_on_interrupt();
  request.progress = stage_sink(progress);
  const auto response = service::reduce(request);
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  if (console.json()) {
    console.print(json_line(to_json(*response, request)));
  } else {
    summarise(console, *response, request);
  }
  return 0;
}

void add_method_options(CLI::App& command, ReduceArguments& arguments) {
  std::vector<std::string_view> names;
  for (const EstimatorMethod& method : estimator_methods()) {
    names.push_back(method.name);
  }
  service::ReduceRequest& request = arguments.request;
  command
      .add_option("--method", request.method,
                  fmt::format("{} [{}]", fmt::join(names, ", "), service::kDefaultReduction))
      ->type_name("METHOD")
      ->group("Method");
  add_count(command, "--dim", arguments.dim, "values of each place [2; lda and random-projection: see --methods]")
      ->group("Method");
  arguments.seed_option =
      command.add_option("--seed", arguments.seed, "of random numbers: the same seed gives the same bytes [0]")
          ->type_name("N")
          ->group("Method");
  command
      .add_option("--set", arguments.settings,
                  "an option of the method, as `asterism reduce --methods` lists them (repeatable)")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("Method");
  command
      .add_option("--labels", request.labels,
                  "classes to learn from: a .npy file of whole numbers (negative: none), a text file with a line a row "
                  "(empty: none), or a column of the collection, the .jsonl or --texts")
      ->type_name("FILE|COLUMN")
      ->group("Method");
  command
      .add_option(
          "--targets", request.targets,
          "numbers to learn from instead: a .npy file, a text file with a line a row (empty: none), or a column")
      ->type_name("FILE|COLUMN")
      ->group("Method");
  command
      .add_option("--start", request.start,
                  "start from how these places lie: a reduction that --save wrote, which places the rows, or an array "
                  "with a row for each (NaN: none)")
      ->type_name("MODEL.safetensors|PLACES")
      ->group("Method");
  command
      .add_flag("--warm-start", request.warm_start,
                "go on from the places that the collection's projection has, or from those of --start: known rows stay "
                "about where they are")
      ->group("Method");
  command.add_flag("--methods", arguments.methods, "list the methods and their options")->group("Method");
}

}  // namespace

void add_reduce(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("reduce", "Place vectors in few dimensions: a map of a collection, or smaller vectors.");
  auto arguments = std::make_shared<ReduceArguments>();
  service::ReduceRequest& request = arguments->request;
  command
      .add_option("input", request.rows.input,
                  "vectors (.npy, .safetensors, or .jsonl of `asterism embed`), or a collection")
      ->type_name("INPUT");
  command
      .add_option("-o,--output", request.output,
                  "file for the places: .npy, .safetensors, .jsonl or .csv; a collection needs none")
      ->type_name("OUT")
      ->group("Output");
  command.add_option("--save", request.save, "write what was fitted, to place other rows by it")
      ->type_name("MODEL.safetensors")
      ->group("Output");
  command.add_option("--apply", request.apply, "place the rows by what --save wrote, and fit nothing")
      ->type_name("MODEL.safetensors")
      ->group("Method");
  command.add_option("--name", request.name, "of the projection kept beside a collection [the method]")
      ->type_name("NAME")
      ->group("Output");
  command.add_flag("--no-keep", arguments->no_keep, "keep nothing beside the collection")->group("Output");
  command
      .add_option("--texts", request.rows.texts_file,
                  "file whose rows are those of the vectors, for the column of --labels: .jsonl, .csv or .tsv")
      ->type_name("FILE")
      ->group("Input");
  command.add_option("--filter", request.rows.filter, "of a collection, only items that pass (docs/filters.md)")
      ->type_name("FILTER")
      ->group("Input");
  add_version_option(command, request.rows.collection);
  add_method_options(command, *arguments);
  add_count(command, "--threads", request.thread_count, "threads in all [every processor this process may use]")
      ->group("Running");
  add_common_options(command, line);
  set_examples(command,
               {{"asterism reduce new.npy -o map.npy --start umap.safetensors --warm-start",
                 "a map of other rows that lies as the one that was saved"},
                {"asterism reduce notes/", "a map of a collection, kept beside it for `asterism atlas`"},
                {"asterism reduce notes/ --warm-start",
                 "the same after items were added: what was there stays "
                 "about where it was"},
                {"asterism reduce vectors.npy -o map.csv --method umap --set neighbors=30 --seed 7",
                 "places of the rows of a file, as a table"},
                {"asterism reduce vectors.npy -o small.npy --method pca --dim 50 --save pca.safetensors",
                 "smaller vectors, and what made them"},
                {"asterism reduce new.npy -o new-small.npy --apply pca.safetensors", "other rows, placed alike"},
                {"asterism reduce vectors.npy -o map.npy --method lda --dim 2 --labels labels.npy",
                 "the directions that tell labelled rows apart"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_reduce(*arguments, console); }; });
}

}  // namespace asterism::cli
