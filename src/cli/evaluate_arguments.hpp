// What the commands around evaluation share: their common options, and how a report is shown.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "cli/command.hpp"
#include "service/evaluate_compare.hpp"
#include "service/evaluation_report.hpp"

namespace asterism::cli {

// --against and --no-baselines.
void add_against(CLI::App& command, std::vector<std::string>& against);
void add_no_baselines(CLI::App& command, bool& without);
// The model and those that it is held against.
std::vector<std::string> models_of(const std::string& model, const std::vector<std::string>& against);

struct ReportArguments {
  std::size_t replicate_count = 1000;
  double level = 0.95;
  std::string interval = "bca";
  std::size_t seed = 0;
  std::size_t thread_count = 0;
  std::string out;     // FILE.json
  std::string report;  // FILE.html
};
// --replicates, --level, --interval, --seed, --threads.
void add_bootstrap_options(CLI::App& command, ReportArguments& arguments);
// The same, and --out and --report.
void add_report_options(CLI::App& command, ReportArguments& arguments);
Result<BootstrapOptions> to_bootstrap_options(const ReportArguments& arguments);

// A run on the threads that were asked for, with progress and Ctrl-C; what `body` gives goes out as print_report does.
Result<int> run_and_report(const ReportArguments& arguments, Console& console,
                           const std::function<Result<service::EvaluationReport>(const AnalysisRun&)>& body);

// The same for one task.
Result<int> run_task_and_report(const std::string& input, const ReportArguments& arguments, Console& console,
                                const std::function<Result<service::TaskResult>(const AnalysisRun&)>& body);

// `asterism evaluate retrieval`, `eye` and `analogies`.
void add_evaluate_retrieval(CLI::App& parent, CommandLine& line);
void add_evaluate_eye(CLI::App& parent, CommandLine& line);
void add_evaluate_analogies(CLI::App& parent, CommandLine& line);

// Tables and sentences, or one JSON object with --json; files where they were asked for.
Result<void> print_report(const service::EvaluationReport& report,
                          const std::vector<service::MeasureComparison>& comparisons, const ReportArguments& arguments,
                          Console& console);

}  // namespace asterism::cli
