// What the commands around collections share: how one is named, and how its items and its state are shown.
#pragma once

#include <string>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/progress.hpp"
#include "service/collections.hpp"

namespace asterism::cli {

// COLLECTION, the first argument.
void add_collection_positional(CLI::App& command, std::string& location);
// --wait, of commands that write.
void add_wait_option(CLI::App& command, service::CollectionTarget& target);
// --at-version, of commands that read.
void add_version_option(CLI::App& command, service::CollectionTarget& target);
void add_thread_option(CLI::App& command, service::CollectionTarget& target);

// Settings of a collection that is to be made, without its model.
struct SettingsArguments {
  std::string metric = "cosine";
  std::string vector_type = "f32";
  CollectionSettings settings;
};
void add_settings_options(CLI::App& command, SettingsArguments& arguments);
Result<CollectionSettings> to_settings(const SettingsArguments& arguments);

// What an answer carries beside id, content and metadata, as --with names it: "vector", "file".
void add_with_option(CLI::App& command, std::vector<std::string>& with);
Result<ItemParts> to_parts(const std::vector<std::string>& with, bool json);

// A sink that shows the stages of long work; borrows `progress`.
ProgressSink stage_sink(StepProgress& progress);

// "cosine, larger is nearer".
std::string score_text(std::string_view score_name, bool larger_is_nearer);
// "price: 120, colour: blue", the members of a JSON object for people.
std::string metadata_text(const std::string& metadata);

}  // namespace asterism::cli
