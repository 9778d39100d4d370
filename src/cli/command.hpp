// What every command has in common: it adds itself to the parser and leaves an action to run once parsing is done.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "cli/console.hpp"
#include "dataset/row_source.hpp"
#include "dataset/text_reader.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace asterism::cli {

// The process's exit code on success: 0, or that of kPartial.
using Action = std::function<Result<int>(Console&)>;

struct CommandLine {
  bool json = false;
  bool verbose = false;
  bool quiet = false;
  Action action;  // of the command that was parsed
};

// --json, -v and -q, with these same names on every command.
void add_common_options(CLI::App& command, CommandLine& line);

void add_embed(CLI::App& root, CommandLine& line);
void add_similarity(CLI::App& root, CommandLine& line);
void add_classify(CLI::App& root, CommandLine& line);
void add_tokenize(CLI::App& root, CommandLine& line);
void add_add(CLI::App& root, CommandLine& line);
void add_search(CLI::App& root, CommandLine& line);
void add_get(CLI::App& root, CommandLine& line);
void add_delete(CLI::App& root, CommandLine& line);
void add_duplicates(CLI::App& root, CommandLine& line);
void add_collection(CLI::App& root, CommandLine& line);
void add_models(CLI::App& root, CommandLine& line);
void add_serve(CLI::App& root, CommandLine& line);
void add_train(CLI::App& root, CommandLine& line);
void add_distill(CLI::App& root, CommandLine& line);
void add_reduce(CLI::App& root, CommandLine& line);
void add_cluster(CLI::App& root, CommandLine& line);
void add_inspect(CLI::App& root, CommandLine& line);
void add_doctor(CLI::App& root, CommandLine& line);

// Options that several commands share.

struct InputArguments {
  std::vector<std::string> inputs;
  std::string format = "auto";
  std::string column;
  std::string id_column;
};
void add_input_options(CLI::App& command, InputArguments& arguments);
// Named so because INPUT... is positional for some commands and an option for others.
void add_input_positional(CLI::App& command, InputArguments& arguments);
Result<TextReaderOptions> to_reader_options(const InputArguments& arguments);

// Rows of any kind, for commands that take them.
struct RowInputArguments {
  InputArguments text;
  std::string list;
  std::string kind = "auto";
  bool preprocessed = false;
};
void add_row_input_options(CLI::App& command, RowInputArguments& arguments);
// The column of the ids as --id too, for commands where it is what rows are known by.
void add_row_input_options_with_id(CLI::App& command, RowInputArguments& arguments);
// The same rows as an option, --in, for commands whose arguments are something else; their kind is --in-kind.
void add_row_search_options(CLI::App& command, RowInputArguments& arguments);
Result<RowSourceOptions> to_row_source_options(const RowInputArguments& arguments);

struct EncoderArguments {
  std::string model = std::string(kBuiltinModel);
  std::string prompt_name;
  std::string prompt_text;
  bool normalize = false;
  std::string precision = "auto";
  std::vector<std::string> layers;
  std::string image_size;
  EncoderOptions options;
  // Told apart from their defaults by whether they were given.
  CLI::Option* prompt_text_option = nullptr;
  CLI::Option* normalize_option = nullptr;  // null for a command without it
};
void add_model_option(CLI::App& command, std::string& model);
void add_encoder_options(CLI::App& command, EncoderArguments& arguments);
void add_image_size_option(CLI::App& command, std::string& image_size);
// "" leaves the options as they are.
Result<void> set_image_size(const std::string& image_size, EncoderOptions& options);
// Those that say what to do with images.
void add_image_options(CLI::App& command, EncoderArguments& arguments);
Result<EncoderOptions> to_encoder_options(const EncoderArguments& arguments);

// A whole number of at least `minimum`; the parser names option, expectation and what was found.
CLI::Option* add_count(CLI::App& command, const std::string& names, std::size_t& value, const std::string& description,
                       std::size_t minimum = 1);

template <typename T>
struct Choice {
  std::string_view name;
  T value;
};

Error choice_error(std::string_view option, const std::vector<std::string_view>& expected, std::string_view found);

template <typename T>
Result<T> choose(std::string_view option, std::initializer_list<Choice<T>> choices, std::string_view found) {
  std::vector<std::string_view> names;
  for (const Choice<T>& choice : choices) {
    if (choice.name == found) {
      return choice.value;
    }
    names.push_back(choice.name);
  }
  return std::unexpected(choice_error(option, names, found));
}

}  // namespace asterism::cli
