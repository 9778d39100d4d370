// The commands below `asterism collection` that stand in files of their own.
#pragma once

#include "cli/command.hpp"

namespace asterism::cli {

void add_collection_version(CLI::App& collection, CommandLine& line);
// export and import
void add_collection_files(CLI::App& collection, CommandLine& line);

}  // namespace asterism::cli
