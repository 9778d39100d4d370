#include "cli/collection_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/collection_arguments.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/text_format.hpp"
#include "service/collection_json.hpp"

namespace asterism::cli {
namespace {

void print_status(Console& console, const std::string& location, const CollectionStatus& status) {
  if (console.json()) {
    console.print(json_line(service::status_json(service::shown_location(location), status)));
    return;
  }
  const CollectionSettings& settings = status.settings;
  Fields fields;
  fields.add("collection:", service::shown_location(location));
  fields.add("items:", format_count(status.item_count));
  fields.add("vectors:", fmt::format("{} dimensions, {}, {}", settings.dim, vector_type_name(settings.vector_type),
                                     score_text(metric_name(settings.metric), larger_is_nearer(settings.metric))));
  fields.add("model:", settings.model.id.empty() ? "none: vectors are given" : settings.model.id);
  if (!settings.model.sha256.empty()) {
    fields.add("", fmt::format("{}, sha256 {}", settings.model.revision, settings.model.sha256.substr(0, 16)));
  }
  fields.add("columns:", settings.columns.empty() ? "none" : join(settings.columns, ", "));
  fields.add("keywords in:", settings.text_columns.empty() ? "none" : join(settings.text_columns, ", "));
  fields.add("index:", status.index);
  if (const auto& recall = status.recall) {
    fields.add("recall:", fmt::format("{:.4f} at {} over {} queries, expansion {}, measured {}", recall->recall,
                                      recall->k, recall->query_count, recall->expansion, recall->checked_at));
  }
  if (const auto& served = status.served_recall) {
    fields.add("recall served:", fmt::format("{:.4f} over the last {} queries checked, the last {}", served->recall,
                                             served->query_count, served->checked_at));
  }
  fields.add("size:",
             fmt::format("{}, {} of it index", format_size(status.size_bytes), format_size(status.index_size_bytes)));
  fields.add("writes:", format_count(status.version_number));
  for (std::size_t i = 0; i < status.versions.size(); ++i) {
    const CollectionVersion& version = status.versions[i];
    fields.add(i == 0 ? "versions:" : "",
               fmt::format("{} ({}, {})", version.name, counted(version.item_count, "item"), version.created_at));
  }
  console.print(fields.to_string());
}

struct CreateArguments {
  std::string location;
  std::string model;
  std::size_t dim = 0;
  SettingsArguments settings;
};

Result<int> run_create(const CreateArguments& arguments, Console& console) {
  auto settings = to_settings(arguments.settings);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  if (arguments.model.empty() && arguments.dim == 0) {
    return fail(ErrorCode::kUsage,
                "collection create: expected a model (-m) or the length of the vectors (--dim), found neither",
                "asterism collection create notes/ -m builtin");
  }
  settings->model.id = arguments.model;
  settings->dim = arguments.dim;
  StepProgress progress(console);
  const auto status = service::create_collection(
      {.location = arguments.location, .settings = std::move(*settings), .fetch = watched_fetch(console, progress)});
  progress.finish();
  if (!status) {
    return std::unexpected(status.error());
  }
  print_status(console, arguments.location, *status);
  return 0;
}

void add_create(CLI::App& parent, CommandLine& line) {
  CLI::App& command = *parent.add_subcommand("create", "Make a collection.");
  auto arguments = std::make_shared<CreateArguments>();
  add_collection_positional(command, arguments->location);
  command
      .add_option("-m,--model", arguments->model,
                  "the model that makes its vectors: builtin, builtin-image, an id of `asterism models list`, "
                  "org/name[@revision], or a folder")
      ->type_name("MODEL")
      ->group("Model");
  add_count(command, "--dim", arguments->dim,
            "without a model: the length of the vectors that will be given; with one: keep the first N components")
      ->group("Model");
  add_settings_options(command, arguments->settings);
  add_common_options(command, line);
  set_examples(command, {{"asterism collection create notes/ -m builtin --columns price,maker.country",
                          "a folder for texts, with filters on two columns made fast"},
                         {"asterism collection create photos/ -m builtin-image --vector-type bf16", "for pictures"},
                         {"asterism collection create own/ --dim 384 --metric dot", "for vectors of one's own"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_create(*arguments, console); }; });
}

Result<int> run_list(const std::vector<std::string>& folders, Console& console) {
  const auto list = service::list_collections(folders);
  if (!list) {
    return std::unexpected(list.error());
  }
  if (console.json()) {
    Json json = Json::array();
    for (const service::ListedCollection& entry : *list) {
      if (entry.status) {
        json.push_back(service::status_json(service::shown_location(entry.location), *entry.status));
      } else {
        json.push_back({{"collection", entry.location}, {"error", entry.error->to_string()}});
      }
    }
    console.print(json_line(json));
    return 0;
  }
  if (list->empty()) {
    console.note(fmt::format("no collections in {}", join(folders, ", ")));
    return 0;
  }
  Table table({"collection", "items", "dim", "metric", "model", "size"});
  for (const service::ListedCollection& entry : *list) {
    if (!entry.status) {
      table.add({entry.location, "?", "", "", entry.error->to_string()});
      continue;
    }
    const CollectionSettings& settings = entry.status->settings;
    table.add({entry.location, format_count(entry.status->item_count), std::to_string(settings.dim),
               std::string(metric_name(settings.metric)), settings.model.id.empty() ? "-" : settings.model.id,
               format_size(entry.status->size_bytes)});
  }
  console.print(table.to_string());
  return 0;
}

void add_list(CLI::App& parent, CommandLine& line) {
  CLI::App& command = *parent.add_subcommand("list", "List the collections in and below folders.");
  auto folders = std::make_shared<std::vector<std::string>>();
  command.add_option("folder", *folders, "where to look [the working directory]")->type_name("FOLDER");
  add_common_options(command, line);
  set_examples(command, {{"asterism collection list", "those below the working directory"},
                         {"asterism collection list /data --json", "the same elsewhere, for programs"}});
  command.callback([folders, &line] {
    line.action = [folders](Console& console) {
      return run_list(folders->empty() ? std::vector<std::string>{"."} : *folders, console);
    };
  });
}

Result<int> run_drop(const std::string& location, bool confirmed, Console& console) {
  if (!confirmed) {
    return fail(ErrorCode::kUsage,
                fmt::format("collection drop: expected --yes to remove {} with all its items",
                            service::shown_location(location)),
                "`asterism collection show` says what is in it");
  }
  if (auto dropped = service::drop_collection(location); !dropped) {
    return std::unexpected(dropped.error());
  }
  if (console.json()) {
    console.print(json_line({{"dropped", service::shown_location(location)}}));
  } else {
    console.note("dropped: " + service::shown_location(location));
  }
  return 0;
}

void add_drop(CLI::App& parent, CommandLine& line) {
  CLI::App& command = *parent.add_subcommand("drop", "Remove a collection with all its items and versions.");
  auto location = std::make_shared<std::string>();
  auto confirmed = std::make_shared<bool>(false);
  add_collection_positional(command, *location);
  command.add_flag("--yes", *confirmed, "really")->group("Running");
  add_common_options(command, line);
  set_examples(command, {{"asterism collection drop notes/ --yes",
                          "nothing asks again; a folder that holds anything "
                          "else is refused"}});
  command.callback(
      [=, &line] { line.action = [=](Console& console) { return run_drop(*location, *confirmed, console); }; });
}

Result<int> run_show(const service::CollectionTarget& target, Console& console) {
  const auto status = service::collection_status(target);
  if (!status) {
    return std::unexpected(status.error());
  }
  print_status(console, target.location, *status);
  return 0;
}

Result<int> run_compact(const service::CollectionTarget& target, Console& console) {
  StepProgress progress(console);
  const auto done = service::compact_collection(target, stage_sink(progress));
  progress.finish();
  if (!done) {
    return std::unexpected(done.error());
  }
  if (console.json()) {
    console.print(json_line({{"size_before_bytes", done->size_before_bytes}, {"size_bytes", done->size_bytes}}));
  } else {
    console.print(fmt::format("{} -> {}\n", format_size(done->size_before_bytes), format_size(done->size_bytes)));
  }
  return 0;
}

Result<int> run_index(const service::CollectionTarget& target, Console& console) {
  StepProgress progress(console);
  const auto status = service::build_collection_index(target, stage_sink(progress));
  progress.finish();
  if (!status) {
    return std::unexpected(status.error());
  }
  if (console.json()) {
    console.print(json_line(service::status_json(service::shown_location(target.location), *status)));
  } else {
    console.print(status->index + "\n");
  }
  return 0;
}

Result<int> run_verify(const service::CollectionTarget& target, Console& console) {
  StepProgress progress(console);
  const auto report = service::verify_collection(target, stage_sink(progress));
  progress.finish();
  if (!report) {
    return std::unexpected(report.error());
  }
  const bool sound = report->problems.empty();
  if (console.json()) {
    console.print(json_line({{"items", report->item_count}, {"sound", sound}, {"problems", report->problems}}));
  } else {
    for (const std::string& problem : report->problems) {
      console.print(problem + "\n");
    }
    console.print(fmt::format("{}: {}\n", counted(report->item_count, "item"),
                              sound ? "sound" : counted(report->problems.size(), "problem")));
  }
  return sound ? 0 : error_traits(ErrorCode::kCorrupt).exit_code;
}

// Commands that take a collection and little else.
CLI::App& add_simple(CLI::App& parent, CommandLine& line, const std::string& name, const std::string& description,
                     const std::vector<Example>& examples, bool writes,
                     Result<int> (*run)(const service::CollectionTarget&, Console&)) {
  CLI::App& command = *parent.add_subcommand(name, description);
  auto target = std::make_shared<service::CollectionTarget>();
  add_collection_positional(command, target->location);
  if (writes) {
    add_wait_option(command, *target);
    add_thread_option(command, *target);
  } else {
    add_version_option(command, *target);
  }
  add_common_options(command, line);
  set_examples(command, examples);
  command.callback([=, &line] {
    line.action = [=](Console& console) {
      target->cancel = &cancel_on_interrupt();
      return run(*target, console);
    };
  });
  return command;
}

struct TuneArguments {
  service::CollectionTarget target;
  CollectionTuneOptions options;
};

Result<int> run_tune(const TuneArguments& arguments, Console& console) {
  const auto result = service::tune_collection(arguments.target, arguments.options);
  if (!result) {
    return std::unexpected(result.error());
  }
  const RecallCheck& chosen = result->chosen;
  if (console.json()) {
    Json json{{"k", chosen.k},
              {"queries", chosen.query_count},
              {"recall", chosen.recall},
              {"expansion", chosen.expansion},
              {"curve", Json::array()}};
    for (const TunePoint& point : result->curve) {
      json["curve"].push_back(
          {{"expansion", point.expansion}, {"recall", point.recall}, {"queries_per_second", point.queries_per_second}});
    }
    console.print(json_line(json));
    return 0;
  }
  Table table({"expansion", "recall", "queries/s", ""});
  for (const TunePoint& point : result->curve) {
    table.add({std::to_string(point.expansion), fmt::format("{:.4f}", point.recall),
               format_rate(point.queries_per_second), point.expansion == chosen.expansion ? "chosen" : ""});
  }
  console.print(table.to_string());
  if (chosen.recall < arguments.options.recall) {
    console.warning(
        fmt::format("recall {} is not reached: {:.4f} is the best", arguments.options.recall, chosen.recall));
  }
  return 0;
}

void add_tune(CLI::App& parent, CommandLine& line) {
  CLI::App& command = *parent.add_subcommand(
      "tune", "Find the smallest search of the graph that finds as much as asked; it is used from then on.");
  auto arguments = std::make_shared<TuneArguments>();
  add_collection_positional(command, arguments->target.location);
  command.add_option("--recall", arguments->options.recall, "share of the true nearest to find, 0 to 1 [0.95]")
      ->type_name("R")
      ->check(CLI::Range(0.0, 1.0), "")
      ->group("Running");
  add_count(command, "-k", arguments->options.k, "how many nearest are compared [10]")->group("Running");
  add_count(command, "--queries", arguments->options.query_count, "items that are asked with [200]")->group("Running");
  add_wait_option(command, arguments->target);
  add_thread_option(command, arguments->target);
  add_common_options(command, line);
  set_examples(command, {{"asterism collection tune notes/ --recall 0.99",
                          "prints what each effort finds, compared with an exact search, and what it costs"}});
  command.callback([arguments, &line] {
    line.action = [arguments](Console& console) {
      arguments->target.cancel = &cancel_on_interrupt();
      return run_tune(*arguments, console);
    };
  });
}

}  // namespace

void add_collection(CLI::App& root, CommandLine& line) {
  CLI::App& collection = *root.add_subcommand("collection", "Make, list, tend and drop collections.");
  collection.require_subcommand(0, 1);
  add_common_options(collection, line);
  set_examples(collection, {{"asterism collection create notes/ -m builtin", "an empty collection in a folder"},
                            {"asterism collection show notes/", "what is in it, and how it is kept"}});
  add_create(collection, line);
  add_list(collection, line);
  add_simple(
      collection, line, "show", "Show what a collection holds: counts, model, columns, index, versions, sizes.",
      {{"asterism collection show notes/", "for people"}, {"asterism collection show notes/ --json", "for programs"}},
      false, run_show);
  add_drop(collection, line);
  add_simple(collection, line, "index", "Bring the index up to date with the items.",
             {{"asterism collection index notes/", "after `asterism add --no-index`"}}, true, run_index);
  add_simple(collection, line, "compact", "Give room back to the system, and build the index anew.",
             {{"asterism collection compact notes/", "after many deletions"}}, true, run_compact);
  add_simple(collection, line, "verify", "Check everything a collection keeps; exit code 5 when something is damaged.",
             {{"asterism collection verify notes/", "items, vectors, versions and index files"}}, false, run_verify);
  add_tune(collection, line);
  add_collection_version(collection, line);
  add_collection_files(collection, line);
}

}  // namespace asterism::cli
