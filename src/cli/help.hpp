// Help texts and docs/cli.md from one source: the parser's own options, descriptions and examples.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace asterism::cli {

struct Example {
  std::string_view command;  // "asterism embed texts.txt -o vectors.npy"
  std::string_view meaning;
};

// Examples are kept with the command as its footer; each command has at least one.
void set_examples(CLI::App& command, const std::vector<Example>& examples);

std::string render_help(const CLI::App& command);
// The whole of docs/cli.md.
std::string render_markdown(const CLI::App& root);
// "asterism models pull".
std::string full_name(const CLI::App& command);

}  // namespace asterism::cli
