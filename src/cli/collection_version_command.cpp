#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/collection_arguments.hpp"
#include "cli/collection_command.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/text_format.hpp"
#include "service/collection_json.hpp"

namespace asterism::cli {
namespace {

struct VersionArguments {
  service::CollectionTarget target;
  std::string name;
};

Result<int> run_create(const VersionArguments& arguments, Console& console) {
  const auto version = service::create_collection_version(arguments.target, arguments.name);
  if (!version) {
    return std::unexpected(version.error());
  }
  if (console.json()) {
    console.print(json_line({{"name", version->name},
                             {"created_at", version->created_at},
                             {"version", version->number},
                             {"items", version->item_count}}));
  } else {
    console.print(fmt::format("version {}: {}\n", version->name, counted(version->item_count, "item")));
  }
  return 0;
}

Result<int> run_drop(const VersionArguments& arguments, Console& console) {
  if (auto dropped = service::drop_collection_version(arguments.target, arguments.name); !dropped) {
    return std::unexpected(dropped.error());
  }
  if (console.json()) {
    console.print(json_line({{"dropped", arguments.name}}));
  } else {
    console.note("version dropped: " + arguments.name);
  }
  return 0;
}

Result<int> run_restore(const VersionArguments& arguments, Console& console) {
  const auto status = service::restore_collection_version(arguments.target, arguments.name);
  if (!status) {
    return std::unexpected(status.error());
  }
  if (console.json()) {
    console.print(json_line(service::status_json(service::shown_location(arguments.target.location), *status)));
  } else {
    console.print(fmt::format("as in version {}: {}\n", arguments.name, counted(status->item_count, "item")));
  }
  return 0;
}

void add_one(CLI::App& parent, CommandLine& line, const std::string& name, const std::string& description,
             const std::vector<Example>& examples, Result<int> (*run)(const VersionArguments&, Console&)) {
  CLI::App& command = *parent.add_subcommand(name, description);
  auto arguments = std::make_shared<VersionArguments>();
  add_collection_positional(command, arguments->target.location);
  command.add_option("name", arguments->name, "the version's name")->type_name("NAME")->required();
  add_wait_option(command, arguments->target);
  add_common_options(command, line);
  set_examples(command, examples);
  command.callback([arguments, run, &line] {
    line.action = [arguments, run](Console& console) {
      arguments->target.cancel = &cancel_on_interrupt();
      return run(*arguments, console);
    };
  });
}

}  // namespace

void add_collection_version(CLI::App& collection, CommandLine& line) {
  CLI::App& version =
      *collection.add_subcommand("version", "Name states of a collection, to search them and to go back to them.");
  version.require_subcommand(0, 1);
  add_common_options(version, line);
  set_examples(version, {{"asterism collection version create notes/ monday", "keep what is there now under a name"},
                         {"asterism search notes/ \"late parcel\" --at-version monday", "search it later"}});
  add_one(version, line, "create", "Name the present state. It takes room only for what changes later.",
          {{"asterism collection version create notes/ monday", "`asterism collection show` lists the names"}},
          run_create);
  add_one(version, line, "drop", "Forget a named version; items that only it held are gone.",
          {{"asterism collection version drop notes/ monday", "the present items stay"}}, run_drop);
  add_one(version, line, "restore", "Make the items of a version the present ones; the version stays.",
          {{"asterism collection version restore notes/ monday",
            "what was added since is gone, unless another version names it"}},
          run_restore);
}

}  // namespace asterism::cli
