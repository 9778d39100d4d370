#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/collection_arguments.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/text_format.hpp"
#include "service/collection_items.hpp"
#include "service/collection_json.hpp"

namespace asterism::cli {
namespace {

// Ids are there to be copied: only absurd ones are cut.
constexpr std::size_t kIdColumnCount = 120;

struct GetArguments {
  service::CollectionTarget target;
  std::vector<std::string> ids;
  std::vector<std::string> with;
};

void print_item(Console& console, const Item& item) {
  Fields fields;
  fields.add("id:", item.id);
  fields.add("kind:", std::string(item_kind_name(item.kind)));
  if (!item.content.empty()) {
    fields.add(item.kind == ItemKind::kImage ? "path:" : "text:", item.content);
  }
  fields.add("metadata:", item.metadata);
  console.print(fields.to_string());
}

Result<int> run_get(const GetArguments& arguments, Console& console) {
  const auto parts = to_parts(arguments.with, console.json());
  if (!parts) {
    return std::unexpected(parts.error());
  }
  const auto items = service::get_items(arguments.target, arguments.ids, *parts);
  if (!items) {
    return std::unexpected(items.error());
  }
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < items->size(); ++i) {
    if (!(*items)[i]) {
      missing.push_back(arguments.ids[i]);
    } else if (console.json()) {
      console.print(json_line(service::item_json(*(*items)[i], *parts)));
    } else {
      console.print(i == 0 ? "" : "\n");
      print_item(console, *(*items)[i]);
    }
  }
  if (!missing.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: there is no item \"{}\"", service::shown_location(arguments.target.location),
                            join(missing, "\", \"")));
  }
  return 0;
}

struct DeleteArguments {
  service::EraseRequest request;
};

Result<int> run_delete(const service::EraseRequest& request, Console& console) {
  const auto response = service::erase_items(request);
  if (!response) {
    return std::unexpected(response.error());
  }
  for (const std::string& id : response->not_found) {
    console.warning(
        fmt::format("{}: there is no item \"{}\"", service::shown_location(request.collection.location), id));
  }
  if (console.json()) {
    console.print(json_line({{"deleted", request.dry_run ? 0 : response->count},
                             {"matched", response->count},
                             {"not_found", response->not_found}}));
  } else {
    console.print(
        fmt::format("{} {}\n", counted(response->count, "item"), request.dry_run ? "would be deleted" : "deleted"));
  }
  return 0;
}

Result<int> run_duplicates(const service::DuplicatesRequest& request, Console& console) {
  StepProgress progress(console);
  const auto response = service::find_duplicates(request, stage_sink(progress));
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  const Metric metric = response->settings.metric;
  if (console.json()) {
    for (const DuplicatePair& pair : response->pairs) {
      console.print(json_line({{"id", pair.id},
                               {"duplicate", pair.duplicate_id},
                               {"score", pair.equal_content ? Json(nullptr) : json_number(pair.score)},
                               {"equal_content", pair.equal_content}}));
    }
    return 0;
  }
  if (!response->pairs.empty()) {
    console.print(fmt::format("score: {}\n", score_text(metric_name(metric), larger_is_nearer(metric))));
    Table table({"score", "content", "id", "duplicate"});
    for (const DuplicatePair& pair : response->pairs) {
      table.add({pair.equal_content ? "" : fmt::format("{:.4f}", pair.score), pair.equal_content ? "equal" : "near",
                 one_line(pair.id, kIdColumnCount), one_line(pair.duplicate_id, kIdColumnCount)});
    }
    console.print(table.to_string());
  }
  console.summary(
      fmt::format("{} among {}", counted(response->pairs.size(), "pair"), counted(response->item_count, "item")));
  return 0;
}

}  // namespace

void add_get(CLI::App& root, CommandLine& line) {
  CLI::App& command = *root.add_subcommand("get", "Show items of a collection by their ids.");
  auto arguments = std::make_shared<GetArguments>();
  add_collection_positional(command, arguments->target.location);
  command.add_option("id", arguments->ids, "ids of items")->type_name("ID")->required();
  add_with_option(command, arguments->with);
  add_version_option(command, arguments->target);
  add_common_options(command, line);
  set_examples(command, {{"asterism get notes/ texts.txt:7", "text and metadata of an item"},
                         {"asterism get notes/ a b --json --with vector", "a line of JSON each, with the vectors"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_get(*arguments, console); }; });
}

void add_delete(CLI::App& root, CommandLine& line) {
  CLI::App& command = *root.add_subcommand("delete", "Remove items from a collection, by id or by filter.");
  auto request = std::make_shared<service::EraseRequest>();
  add_collection_positional(command, request->collection.location);
  command.add_option("id", request->ids, "ids of items")->type_name("ID");
  command.add_option("--filter", request->filter, "remove all items whose metadata fit (docs/filters.md)")
      ->type_name("EXPR")
      ->group("Input");
  command.add_flag("--dry-run", request->dry_run, "only say how many that would be")->group("Running");
  add_wait_option(command, request->collection);
  add_common_options(command, line);
  set_examples(command, {{"asterism delete notes/ texts.txt:7 texts.txt:9", "two items"},
                         {"asterism delete shop/ --filter \"stock = 0\" --dry-run", "how many a filter would remove"}});
  command.callback([request, &line] {
    line.action = [request](Console& console) {
      request->collection.cancel = &cancel_on_interrupt();
      return run_delete(*request, console);
    };
  });
}

void add_duplicates(CLI::App& root, CommandLine& line) {
  CLI::App& command = *root.add_subcommand("duplicates", "Find items of a collection that are there twice, or nearly.");
  auto request = std::make_shared<service::DuplicatesRequest>();
  add_collection_positional(command, request->collection.location);
  command
      .add_option("--threshold", request->score_limit,
                  "also pairs whose score is at least S (euclidean: whose distance is at most S) [equal contents only]")
      ->type_name("S")
      ->group("Results");
  add_version_option(command, request->collection);
  add_thread_option(command, request->collection);
  add_common_options(command, line);
  set_examples(command, {{"asterism duplicates notes/", "equal texts or files under two ids"},
                         {"asterism duplicates photos/ --threshold 0.98", "near ones too; every pair is compared"}});
  command.callback([request, &line] {
    line.action = [request](Console& console) {
      request->collection.cancel = &cancel_on_interrupt();
      return run_duplicates(*request, console);
    };
  });
}

}  // namespace asterism::cli
