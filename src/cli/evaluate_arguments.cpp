#include "cli/evaluate_arguments.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/file.hpp"
#include "base/thread_pool.hpp"
#include "base/writable.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/evaluation_page.hpp"

namespace asterism::cli {
namespace {

std::string value_text(const service::MeasuredValue& measure) {
  if (std::isnan(measure.value)) {
    return "-";
  }
  if (std::isnan(measure.interval.low)) {
    return fmt::format("{:.4f}", measure.value);
  }
  return fmt::format("{:.4f} [{:.4f}, {:.4f}]", measure.value, measure.interval.low, measure.interval.high);
}

// Measures by columns, systems by rows; measures that only some systems have are empty elsewhere.
std::string task_table(const service::TaskResult& task) {
  // As many as fit beside each other on a usual terminal.
  constexpr std::size_t kMeasuresPerTable = 4;
  std::vector<std::string> names;
  for (const service::SystemResult& system : task.systems) {
    for (const service::MeasuredValue& measure : system.measures) {
      if (std::ranges::find(names, measure.name) == names.end()) {
        names.push_back(measure.name);
      }
    }
  }
  std::string text;
  for (std::size_t first = 0; first < names.size(); first += kMeasuresPerTable) {
    const std::size_t last = std::min(first + kMeasuresPerTable, names.size());
    std::vector<std::string> heading{task.task};
    for (std::size_t m = first; m < last; ++m) {
      heading.push_back(find_measure(names[m]).title);
    }
    Table table(std::move(heading));
    for (const service::SystemResult& system : task.systems) {
      std::vector<std::string> cells{system.is_baseline ? "  " + system.name : system.name};
      for (std::size_t m = first; m < last; ++m) {
        const auto found = std::ranges::find(system.measures, names[m], &service::MeasuredValue::name);
        cells.push_back(found == system.measures.end() ? "" : value_text(*found));
      }
      table.add(std::move(cells));
    }
    text += table.to_string();
  }
  return text;
}

}  // namespace

void add_against(CLI::App& command, std::vector<std::string>& against) {
  command.add_option("--against", against, "a model to hold beside MODEL on the same rows (repeatable)")
      ->type_name("MODEL")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("Model");
}

void add_no_baselines(CLI::App& command, bool& without) {
  command.add_flag("--no-baselines", without, "the model alone, without baselines beside it")->group("Evaluation");
}

std::vector<std::string> models_of(const std::string& model, const std::vector<std::string>& against) {
  std::vector<std::string> models{model};
  models.insert(models.end(), against.begin(), against.end());
  return models;
}

void add_bootstrap_options(CLI::App& command, ReportArguments& arguments) {
  add_count(command, "--replicates", arguments.replicate_count, "resamples of the bootstrap [1000]")
      ->group("Intervals");
  command.add_option("--level", arguments.level, "how sure the intervals are, between 0 and 1 [0.95]")
      ->type_name("SHARE")
      ->group("Intervals");
  command.add_option("--interval", arguments.interval, "bca or percentile [bca]")
      ->type_name("KIND")
      ->group("Intervals");
  add_count(command, "--seed", arguments.seed, "of everything that is drawn by chance [0]", 0)->group("Intervals");
  add_count(command, "--threads", arguments.thread_count, "threads in all [every processor this process may use]")
      ->group("Options");
}

void add_report_options(CLI::App& command, ReportArguments& arguments) {
  add_bootstrap_options(command, arguments);
  command
      .add_option("--out", arguments.out,
                  "write the report with the values of every row, for `asterism evaluate compare`")
      ->type_name("FILE.json")
      ->group("Output");
  command.add_option("--report", arguments.report, "write a page with tables and plots, in one file")
      ->type_name("FILE.html")
      ->group("Output");
}

Result<BootstrapOptions> to_bootstrap_options(const ReportArguments& arguments) {
  const auto method = choose<IntervalMethod>(
      "--interval", {{"bca", IntervalMethod::kBca}, {"percentile", IntervalMethod::kPercentile}}, arguments.interval);
  if (!method) {
    return std::unexpected(method.error());
  }
  if (!(arguments.level > 0.0 && arguments.level < 1.0)) {
    return fail(ErrorCode::kUsage,
                fmt::format("--level: expected a number between 0 and 1, found {}", arguments.level));
  }
  return BootstrapOptions{.replicate_count = arguments.replicate_count,
                          .level = arguments.level,
                          .method = *method,
                          .seed = arguments.seed};
}

Result<int> run_and_report(const ReportArguments& arguments, Console& console,
                           const std::function<Result<service::EvaluationReport>(const AnalysisRun&)>& body) {
  using Clock = std::chrono::steady_clock;
  // Work of a moment says nothing.
  constexpr std::chrono::seconds kQuiet{2};
  for (const std::string& file : {arguments.out, arguments.report}) {
    if (auto ok = expect_writable(file); !ok) {
      return std::unexpected(ok.error());
    }
  }
  const auto start = Clock::now();
  ThreadPool pool(arguments.thread_count > 0 ? arguments.thread_count : available_processor_count());
  StepProgress progress(console);
  const AnalysisRun run{.pool = pool,
                        .cancel = &cancel_on_interrupt(),
                        .progress = [&](std::string_view stage, std::size_t done, std::size_t total) {
                          if (Clock::now() - start > kQuiet) {
                            progress.update(std::string(stage), fmt::format("{} of {}", done, total),
                                            total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0.0);
                          }
                        }};
  const auto report = body(run);
  if (!report) {
    progress.finish();
    return std::unexpected(report.error());
  }
  const auto comparisons = service::compare_models(*report, run);
  progress.finish();
  if (!comparisons) {
    return std::unexpected(comparisons.error());
  }
  if (auto printed = print_report(*report, *comparisons, arguments, console); !printed) {
    return std::unexpected(printed.error());
  }
  return 0;
}

Result<int> run_task_and_report(const std::string& input, const ReportArguments& arguments, Console& console,
                                const std::function<Result<service::TaskResult>(const AnalysisRun&)>& body) {
  const auto bootstrap = to_bootstrap_options(arguments);
  if (!bootstrap) {
    return std::unexpected(bootstrap.error());
  }
  return run_and_report(arguments, console, [&](const AnalysisRun& run) -> Result<service::EvaluationReport> {
    auto task = body(run);
    if (!task) {
      return std::unexpected(task.error());
    }
    service::EvaluationReport report{.input = input, .bootstrap = *bootstrap, .tasks = {}};
    report.tasks.push_back(*std::move(task));
    return report;
  });
}

Result<void> print_report(const service::EvaluationReport& report,
                          const std::vector<service::MeasureComparison>& comparisons, const ReportArguments& arguments,
                          Console& console) {
  if (!arguments.out.empty()) {
    const std::string text = json_line(service::report_json(report, true));
    if (auto written = write_file_atomic(arguments.out, text); !written) {
      return written;
    }
    console.note("report written: " + arguments.out);
  }
  if (!arguments.report.empty()) {
    if (auto written = write_file_atomic(arguments.report, service::render_evaluation(report, comparisons)); !written) {
      return written;
    }
    console.note("page written: " + arguments.report);
  }
  if (console.json()) {
    Json json = service::report_json(report, false);
    json["comparisons"] = service::comparisons_json(comparisons);
    console.print(json_line(json));
    return {};
  }
  bool is_first = true;
  for (const service::TaskResult& task : report.tasks) {
    console.print(is_first ? "" : "\n");
    is_first = false;
    console.print(task_table(task));
    for (const std::string& note : task.notes) {
      console.note(fmt::format("{}: {}", task.task, note));
    }
  }
  console.print(comparisons.empty() ? "" : "\n");
  for (const service::MeasureComparison& comparison : comparisons) {
    console.print(comparison.sentence + ".\n");
  }
  console.note(fmt::format("in brackets: {:.0f} % intervals from {} resamples of the rows (seed {})",
                           100.0 * report.bootstrap.level, report.bootstrap.replicate_count, report.bootstrap.seed));
  return {};
}

}  // namespace asterism::cli
