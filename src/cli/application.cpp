#include "cli/application.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>

#include "asterism/version.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/suggest.hpp"

namespace asterism::cli {
namespace {

// The shell's number for a process that a closed pipe ended, should raising the signal not end us.
constexpr int kSigpipeExitCode = 128 + SIGPIPE;

CLI::App& deepest_command(CLI::App& root) {
  CLI::App* command = &root;
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
  }
  return *command;
}

std::vector<std::string> names_of_subcommands(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); })) {
    names.push_back(sub->get_name());
  }
  return names;
}

std::vector<std::string> names_of_options(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

// "models pull: " before what is wrong with it; the program's own name is before every error already.
std::string subject(const CLI::App& command) {
  return command.get_parent() == nullptr ? std::string{}
                                         : full_name(command).substr(std::string_view("asterism ").size()) + ": ";
}

std::string help_hint(const CLI::App& command) {
  return fmt::format("`{} --help` lists what it takes", full_name(command));
}

Error unexpected_argument(CLI::App& command, const std::string& found) {
  const bool is_option = found.starts_with("-") && found.size() > 1;
  const auto subcommands = names_of_subcommands(command);
  std::string_view kind = is_option ? "option" : subcommands.empty() ? "argument" : "command";
  Error error{ErrorCode::kUsage, fmt::format("{}unknown {} '{}'", subject(command), kind, found), help_hint(command)};
  const std::string word = found.substr(0, found.find('='));
  const auto suggestion = closest(word, is_option ? names_of_options(command) : subcommands);
  if (suggestion && *suggestion == word) {  // known, and in the wrong place
    error.message =
        fmt::format("{}option '{}': expected behind the command's name, found before it", subject(command), found);
    error.hint = fmt::format("{} ... {}", full_name(command), found);
  } else if (suggestion) {
    error.hint = fmt::format("did you mean {}? {}", *suggestion, error.hint);
  } else if (is_option) {
    error.hint += "; a text that starts with - goes after --";
  }
  return error;
}

Error missing_command(const CLI::App& command) {
  return Error{ErrorCode::kUsage, subject(command) + "expected a command, found none",
               fmt::format("one of {}; {}", fmt::join(names_of_subcommands(command), ", "), help_hint(command))};
}

// "Could not convert: --min-score = x" in our own words; any other wording as it is.
std::string conversion_problem(const std::string& what) {
  constexpr std::string_view kStart = "Could not convert: ";
  const std::size_t sign = what.find(" = ");
  if (!what.starts_with(kStart) || sign == std::string::npos) {
    return what;
  }
  return fmt::format("{}: expected a number, found '{}'",
                     std::string_view(what).substr(kStart.size(), sign - kStart.size()), what.substr(sign + 3));
}

// "--recall: Value 2 not in range 0.000000 to 1.000000" in our own words; any other wording as it is.
std::string range_problem(const std::string& what) {
  constexpr std::string_view kValue = ": Value ";
  constexpr std::string_view kRange = " not in range ";
  constexpr std::string_view kTo = " to ";
  const std::size_t value = what.find(kValue);
  const std::size_t range = what.find(kRange);
  const std::size_t to = range == std::string::npos ? range : what.find(kTo, range + kRange.size());
  if (value == std::string::npos || to == std::string::npos || range < value) {
    return what;
  }
  const auto bound = [](const std::string& text) { return fmt::format("{}", std::strtod(text.c_str(), nullptr)); };
  const std::size_t found = value + kValue.size();
  const std::size_t low = range + kRange.size();
  return fmt::format("{}: expected a number from {} to {}, found '{}'", what.substr(0, value),
                     bound(what.substr(low, to - low)), bound(what.substr(to + kTo.size())),
                     what.substr(found, range - found));
}

// CLI11's wording, with the command it is about.
Error parse_error(CLI::App& command, const CLI::ParseError& e) {
  std::string what = e.what();
  std::replace(what.begin(), what.end(), '\n', ' ');
  if (dynamic_cast<const CLI::RequiredError*>(&e) != nullptr) {
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_required() && option->count() == 0) {
        const std::string name =
            option->get_positional() ? option->get_type_name() : "--" + option->get_lnames().front();
        what = fmt::format("{} is missing, expected {}", name, option->get_description());
        break;
      }
    }
  }
  if (dynamic_cast<const CLI::ConversionError*>(&e) != nullptr) {
    what = conversion_problem(what);
  }
  if (dynamic_cast<const CLI::ValidationError*>(&e) != nullptr) {
    what = range_problem(what);
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&e) != nullptr) {
    what = what.substr(0, what.find(':')) + ": expected a value, found none";
  }
  return Error{ErrorCode::kUsage, subject(command) + what, help_hint(command)};
}

void build_parser(CLI::App& root, CommandLine& line, bool& help_markdown) {
  root.name("asterism");
  root.description("Texts to vectors: fast, exact, offline.");
  root.set_help_flag("-h,--help", "show this text")->group("Common");
  root.set_version_flag("--version", fmt::format("asterism {}", kVersion), "show the version")->group("Common");
  root.add_flag("--help-markdown", help_markdown, "print docs/cli.md")->group("");
  root.require_subcommand(0, 1);
  root.option_defaults()->group("Options");
  add_embed(root, line);
  add_similarity(root, line);
  add_analogy(root, line);
  add_classify(root, line);
  add_add(root, line);
  add_search(root, line);
  add_get(root, line);
  add_delete(root, line);
  add_duplicates(root, line);
  add_collection(root, line);
  add_reduce(root, line);
  add_atlas(root, line);
  add_cluster(root, line);
  add_inspect(root, line);
  add_tokenize(root, line);
  add_models(root, line);
  add_serve(root, line);
  add_train(root, line);
  add_distill(root, line);
  add_evaluate(root, line);
  add_doctor(root, line);
  set_examples(root, {{"asterism embed texts.txt -o vectors.npy", "embed one text a line with the built-in model"},
                      {"asterism similarity \"a cat sat\" \"a dog lay\"", "how alike two texts are"},
                      {"asterism add notes/ texts.txt && asterism search notes/ \"late parcel\"",
                       "keep texts with their vectors in a folder, and search them"},
                      {"asterism doctor", "what this machine has, and what Asterism makes of it"}});
}

struct Parsed {
  std::optional<int> exit_code;  // set when there is nothing left to run
};

Parsed parse(CLI::App& root, CommandLine& line, bool& help_markdown, Console& console, int argument_count,
             const char* const* arguments) {
  const auto refuse = [&](const Error& error) {
    console.error(error);
    return Parsed{error_traits(error.code).exit_code};
  };
  try {
    root.parse(argument_count, arguments);
  } catch (const CLI::CallForHelp&) {
    console.print(render_help(deepest_command(root)));
    return Parsed{0};
  } catch (const CLI::CallForVersion&) {
    console.print(fmt::format("asterism {}\n", kVersion));
    return Parsed{0};
  } catch (const CLI::ExtrasError&) {
    CLI::App& command = deepest_command(root);
    auto remaining = root.remaining(true);
    return refuse(unexpected_argument(command, remaining.empty() ? std::string{} : remaining.front()));
  } catch (const CLI::ParseError& e) {
    return refuse(parse_error(deepest_command(root), e));
  }
  if (help_markdown) {
    console.print(render_markdown(root));
    return Parsed{0};
  }
  if (root.get_subcommands().empty()) {
    console.print(render_help(root));
    return Parsed{0};
  }
  if (!line.action) {
    return refuse(missing_command(deepest_command(root)));
  }
  return Parsed{};
}

Result<int> run_action(const CommandLine& line, Console& console) {
  try {
    return line.action(console);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kLimitExceeded, "out of memory",
                "use fewer threads, a smaller --max-length, or more memory");
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInternal, fmt::format("unexpected failure: {}", e.what()),
                "this is a bug: please report it with the command that caused it");
  }
}

// Ends as a program does that a closed pipe stops: silently, with the signal's own status.
int end_by_sigpipe() {
  ::signal(SIGPIPE, SIG_DFL);
  ::raise(SIGPIPE);
  return kSigpipeExitCode;
}

}  // namespace

int run_application(int argument_count, const char* const* arguments) {
  // A closed pipe or socket is an error of the write that met it, not the end of the process amid other work.
  ::signal(SIGPIPE, SIG_IGN);
  Console console;
  // Errors of the parser itself must already know how to speak.
  console.set_json(std::any_of(arguments, arguments + argument_count,
                               [](const char* argument) { return std::string_view(argument) == "--json"; }));
  CommandLine line;
  bool help_markdown = false;
  CLI::App root;
  build_parser(root, line, help_markdown);
  if (const Parsed parsed = parse(root, line, help_markdown, console, argument_count, arguments); parsed.exit_code) {
    const auto flushed = console.flush();
    return flushed ? *parsed.exit_code : error_traits(flushed.error().code).exit_code;
  }
  console.set_json(line.json);
  console.set_verbosity(line.quiet ? Verbosity::kQuiet : line.verbose ? Verbosity::kVerbose : Verbosity::kNormal);
  Result<int> outcome = run_action(line, console);
  console.set_live_line({});
  if (const auto flushed = console.flush(); !flushed && outcome) {
    outcome = std::unexpected(flushed.error());
  }
  if (outcome) {
    return *outcome;
  }
  if (outcome.error().code == ErrorCode::kIo && stdout_reader_gone()) {
    return end_by_sigpipe();
  }
  console.error(outcome.error());
  return error_traits(outcome.error().code).exit_code;
}

}  // namespace asterism::cli
