#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/evaluate_arguments.hpp"
#include "cli/help.hpp"
#include "cli/progress.hpp"
#include "service/analogy_task.hpp"
#include "service/classify.hpp"

namespace asterism::cli {
namespace {

struct AnalogyTaskArguments {
  service::AnalogyTaskRequest request;
  std::string model;
  std::string methods = "3cosadd";
  std::vector<std::string> against;
  ReportArguments report;
};

Result<int> run_analogies(const AnalogyTaskArguments& arguments, Console& console) {
  service::AnalogyTaskRequest request = arguments.request;
  request.methods.clear();
  for (const std::string& name : service::split_labels(arguments.methods, ',')) {
    const auto method = choose<AnalogyMethod>("--method",
                                              {{"3cosadd", AnalogyMethod::kCosAdd},
                                               {"3cosmul", AnalogyMethod::kCosMul},
                                               {"pair-direction", AnalogyMethod::kPairDirection}},
                                              name);
    if (!method) {
      return std::unexpected(method.error());
    }
    request.methods.push_back(*method);
  }
  if (request.methods.empty()) {
    return fail(ErrorCode::kUsage, "--method: expected 3cosadd, 3cosmul or pair-direction, found none");
  }
  const auto bootstrap = to_bootstrap_options(arguments.report);
  if (!bootstrap) {
    return std::unexpected(bootstrap.error());
  }
  request.bootstrap = *bootstrap;
  request.models = models_of(arguments.model, arguments.against);
  StepProgress progress(console);
  request.fetch = watched_fetch(console, progress);
  return run_task_and_report(request.questions, arguments.report, console,
                             [&](const AnalysisRun& run) { return service::evaluate_analogy_task(request, run); });
}

}  // namespace

void add_evaluate_analogies(CLI::App& parent, CommandLine& line) {
  CLI::App& command = *parent.add_subcommand(
      "analogies", "Ask word vectors what is to c as b is to a (questions-words.txt), by section.");
  auto arguments = std::make_shared<AnalogyTaskArguments>();
  command
      .add_option("questions", arguments->request.questions, "lines of four words, a b c d, below lines \": SECTION\"")
      ->type_name("FILE")
      ->required();
  command.add_option("-m,--model", arguments->model, "a model of word vectors: a file, a folder, or glove-6b-50d")
      ->type_name("MODEL")
      ->required()
      ->group("Model");
  add_against(command, arguments->against);
  command
      .add_option("--method", arguments->methods,
                  "3cosadd, 3cosmul or pair-direction, or several separated by commas [3cosadd]")
      ->type_name("METHODS")
      ->group("Evaluation");
  add_count(command, "--words", arguments->request.vocabulary.word_count_max,
            "answers are sought among the first N words; 0 is all [30000]", 0)
      ->group("Evaluation");
  command.add_flag("--match-case", arguments->request.vocabulary.match_case, "Athens is not athens")
      ->group("Evaluation");
  add_report_options(command, arguments->report);
  add_common_options(command, line);
  set_examples(command, {{"asterism evaluate analogies questions-words.txt -m glove-6b-50d",
                          "the share right, in all and by section"}});
  command.callback([arguments, &line] {
    line.action = [arguments](Console& console) { return run_analogies(*arguments, console); };
  });
}

}  // namespace asterism::cli
