#include "cli/help.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "asterism/error.hpp"
#include "cli/text_format.hpp"

namespace asterism::cli {
namespace {

constexpr std::size_t kHelpColumnCount = 100;
constexpr std::size_t kNameColumnCountMax = 28;

struct HelpLine {
  std::string name;
  std::string description;
};

struct HelpGroup {
  std::string title;
  std::vector<HelpLine> lines;
};

bool is_hidden(const CLI::App& command) {
  return command.get_group().empty();
}

std::vector<const CLI::App*> visible_subcommands(const CLI::App& command) {
  auto all = command.get_subcommands([](const CLI::App* c) { return !is_hidden(*c); });
  return {all.begin(), all.end()};
}

std::string positional_name(const CLI::Option& option) {
  return option.get_type_name() + (option.get_expected_max() > 1 ? "..." : "");
}

// "-m, --model MODEL".
std::string option_name(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) {
    names.push_back("-" + name);
  }
  for (const auto& name : option.get_lnames()) {
    names.push_back("--" + name);
  }
  std::string text = join(names, ", ");
  if (option.get_expected_max() > 0 && !option.get_type_name().empty()) {
    text += " " + option.get_type_name();
  }
  return text;
}

std::vector<HelpGroup> option_groups(const CLI::App& command) {
  std::vector<HelpGroup> groups;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) {
      continue;
    }
    const std::string title = option->get_positional() ? "Arguments" : option->get_group();
    auto it = std::find_if(groups.begin(), groups.end(), [&](const HelpGroup& g) { return g.title == title; });
    if (it == groups.end()) {
      it = groups.insert(groups.end(), HelpGroup{title, {}});
    }
    const std::string name = option->get_positional() ? positional_name(*option) : option_name(*option);
    it->lines.push_back({name, option->get_description()});
  }
  // CLI11 adds --help first; people look for it last.
  std::stable_sort(groups.begin(), groups.end(), [](const HelpGroup& a, const HelpGroup& b) {
    const auto rank = [](const HelpGroup& g) { return g.title == "Arguments" ? 0 : g.title == "Common" ? 2 : 1; };
    return rank(a) < rank(b);
  });
  return groups;
}

std::string usage(const CLI::App& command) {
  std::string text = full_name(command);
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) {
      text += " " + (option->get_required() ? positional_name(*option) : fmt::format("[{}]", positional_name(*option)));
    }
  }
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional() && option->get_required()) {
      text += fmt::format(" --{} {}", option->get_lnames().front(), option->get_type_name());
    }
  }
  return text + (visible_subcommands(command).empty() ? " [options]" : " COMMAND [options]");
}

void append_group(std::string& text, const HelpGroup& group) {
  std::size_t name_columns = 0;
  for (const HelpLine& line : group.lines) {
    name_columns = std::max(name_columns, std::min(display_width(line.name), kNameColumnCountMax));
  }
  const std::size_t indent = name_columns + 4;
  text += fmt::format("\n{}:\n", group.title);
  for (const HelpLine& line : group.lines) {
    text += "  " + line.name;
    const std::size_t width = display_width(line.name);
    if (width > name_columns) {
      text += '\n' + std::string(indent, ' ');
    } else {
      text.append(indent - 2 - width, ' ');
    }
    text += wrap(line.description, kHelpColumnCount - indent, indent) + "\n";
  }
}

std::string exit_code_table() {
  std::string text =
      "| Exit code | Name in JSON errors | When |\n|---|---|---|\n| 0 | | everything asked for was done |\n";
  const auto meaning = [](ErrorCode code) -> std::string_view {
    switch (code) {
      case ErrorCode::kUsage:
        return "the command line does not parse";
      case ErrorCode::kInvalidArgument:
        return "a value is outside what is allowed";
      case ErrorCode::kNotFound:
        return "a file, model, column, layer or prompt is not there";
      case ErrorCode::kCorrupt:
        return "a file contradicts itself or its format";
      case ErrorCode::kUnsupported:
        return "well-formed, but something Asterism does not implement";
      case ErrorCode::kMismatch:
        return "two inputs disagree: configuration and weights, or a digest and its file";
      case ErrorCode::kLimitExceeded:
        return "past a limit that the message names";
      case ErrorCode::kIo:
        return "the operating system refused: permission, short read";
      case ErrorCode::kNetwork:
        return "a download failed, or is not allowed (offline)";
      case ErrorCode::kCancelled:
        return "stopped by Ctrl-C or SIGTERM; what was complete is kept";
      case ErrorCode::kPartial:
        return "finished and the output is complete, but some rows failed";
      case ErrorCode::kInternal:
        return "a bug, or an unexplained failure of a library";
      case ErrorCode::kOverloaded:
        return "a queue is full: the same again later";
      case ErrorCode::kUnavailable:
        return "shutting down, or a worker that does not answer";
      case ErrorCode::kTimeout:
        return "the time given was over first";
      case ErrorCode::kNoSpace:
        return "a disk is full, or a quota used up; what was complete is kept";
    }
    return "";
  };
  std::vector<ErrorTraits> rows(error_table().begin(), error_table().end());
  std::sort(rows.begin(), rows.end(),
            [](const ErrorTraits& a, const ErrorTraits& b) { return a.exit_code < b.exit_code; });
  for (const ErrorTraits& traits : rows) {
    text += fmt::format("| {} | `{}` | {} |\n", traits.exit_code, traits.name, meaning(traits.code));
  }
  return text;
}

std::string escape_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '|' ? "\\|" : std::string(1, c);
  }
  return out;
}

void append_markdown(std::string& text, const CLI::App& command, int level) {
  text += fmt::format("\n{} {}\n\n{}\n\n```text\n{}\n```\n", std::string(static_cast<std::size_t>(level), '#'),
                      full_name(command), command.get_description(), usage(command));
  for (const HelpGroup& group : option_groups(command)) {
    if (group.title == "Common") {
      continue;
    }
    text += fmt::format("\n| {} | |\n|---|---|\n", group.title);
    for (const HelpLine& line : group.lines) {
      text += fmt::format("| `{}` | {} |\n", escape_cell(line.name), escape_cell(line.description));
    }
  }
  if (const std::string footer = command.get_footer(); !footer.empty()) {
    text += fmt::format("\n```text\n{}\n```\n", footer);
  }
  for (const CLI::App* sub : visible_subcommands(command)) {
    append_markdown(text, *sub, level + 1);
  }
}

}  // namespace

void set_examples(CLI::App& command, const std::vector<Example>& examples) {
  std::string text = "Examples:";
  for (const Example& example : examples) {
    text += fmt::format("\n  {}\n      {}", example.command, example.meaning);
  }
  command.footer(text);
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

std::string render_help(const CLI::App& command) {
  std::string text =
      fmt::format("{}\n\nUsage: {}\n", wrap(command.get_description(), kHelpColumnCount, 0), usage(command));
  HelpGroup commands{"Commands", {}};
  for (const CLI::App* sub : visible_subcommands(command)) {
    commands.lines.push_back({sub->get_name(), sub->get_description()});
  }
  if (!commands.lines.empty()) {
    append_group(text, commands);
  }
  for (const HelpGroup& group : option_groups(command)) {
    append_group(text, group);
  }
  if (const std::string footer = command.get_footer(); !footer.empty()) {
    text += "\n" + footer + "\n";
  }
  if (!commands.lines.empty()) {
    text += fmt::format("\n`{} COMMAND --help` shows a command's options.\n", full_name(command));
  }
  return text;
}

std::string render_markdown(const CLI::App& root) {
  std::string text =
      "# Command line\n\n"
      "This page is generated from the parser by `asterism --help-markdown`; a test fails when it is out of date.\n\n"
      "Results go to stdout; progress, remarks and errors go to stderr. An error is `asterism: error: MESSAGE` and a "
      "line "
      "that says what to do; with `--json` it is one line, "
      "`{\"error\":{\"code\":...,\"message\":...,\"hint\":...}}`.\n\n" +
      exit_code_table() + "\nEvery command also takes:\n\n| Common | |\n|---|---|\n";
  for (const HelpGroup& group : option_groups(*visible_subcommands(root).front())) {
    if (group.title == "Common") {
      for (const HelpLine& line : group.lines) {
        text += fmt::format("| `{}` | {} |\n", escape_cell(line.name), escape_cell(line.description));
      }
    }
  }
  for (const CLI::App* sub : visible_subcommands(root)) {
    append_markdown(text, *sub, 2);
  }
  return text;
}

}  // namespace asterism::cli
