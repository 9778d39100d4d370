#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/thread_pool.hpp"
#include "cli/command.hpp"
#include "cli/evaluate_arguments.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/analysis_rows.hpp"
#include "service/classify.hpp"
#include "service/evaluate.hpp"
#include "service/evaluate_compare.hpp"
#include "service/evaluate_pairs.hpp"

namespace asterism::cli {
namespace {

struct EvaluateArguments {
  RowInputArguments input;
  std::string labels;
  std::string labels_file;
  std::string one_hot;
  std::string test;
  double test_share = 0.2;
  std::vector<std::string> against;
  bool without_baselines = false;
  std::string prompt_template = "{}";
  service::LabelTaskOptions label_options;
  NeighborhoodOptions neighborhood;
  std::string metric = "euclidean";
  EncoderArguments encoder;
  CLI::Option* model_option = nullptr;  // null for a command without it
  ReportArguments report;
};

Result<Metric> metric_of(const std::string& name) {
  return choose<Metric>("--metric", {{"euclidean", Metric::kEuclidean}, {"cosine", Metric::kCosine}}, name);
}

Result<service::EvaluationDataRequest> to_data_request(const EvaluateArguments& arguments,
                                                       const std::vector<std::string>& inputs) {
  RowInputArguments rows = arguments.input;
  rows.text.inputs = inputs;
  auto input = to_row_source_options(rows);
  if (!input) {
    return std::unexpected(input.error());
  }
  auto encoder = to_encoder_options(arguments.encoder);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  service::EvaluationDataRequest request;
  request.input = *std::move(input);
  request.encoder = *std::move(encoder);
  request.encoder.thread_count = arguments.report.thread_count;
  request.labels_column = arguments.labels;
  request.labels_file = arguments.labels_file;
  request.one_hot_columns = service::split_labels(arguments.one_hot, ',');
  request.is_for_baselines = !arguments.without_baselines;
  // A jsonl may hold texts beside its vectors: those that a model was named for.
  const bool model_is_named = arguments.model_option != nullptr && arguments.model_option->count() > 0;
  const bool is_vectors = inputs.size() == 1 && service::is_vector_input(inputs.front()) &&
                          !(model_is_named && service::is_vector_jsonl(inputs.front()));
  if (!is_vectors) {
    request.models = models_of(arguments.encoder.model, arguments.against);
  } else if (!arguments.against.empty()) {
    return fail(ErrorCode::kUsage,
                fmt::format("--against: expected texts or pictures that models can embed, found the "
                            "vectors {}",
                            inputs.front()),
                "`asterism evaluate compare A.json B.json` compares reports of two sets of vectors");
  }
  return request;
}

Result<service::EvaluateRequest> to_request(const EvaluateArguments& arguments,
                                            const std::vector<service::LabelTask>& tasks) {
  if (arguments.input.text.inputs.empty() && arguments.input.list.empty()) {
    return fail(ErrorCode::kUsage, "evaluate: expected an input, found none",
                "asterism evaluate reviews.csv --labels stars; or one of the commands of `asterism evaluate --help`");
  }
  auto data = to_data_request(arguments, arguments.input.text.inputs);
  if (!data) {
    return std::unexpected(data.error());
  }
  auto bootstrap = to_bootstrap_options(arguments.report);
  if (!bootstrap) {
    return std::unexpected(bootstrap.error());
  }
  const auto metric = metric_of(arguments.metric);
  if (!metric) {
    return std::unexpected(metric.error());
  }
  service::EvaluateRequest request;
  request.data = *std::move(data);
  request.asked_share = arguments.test_share;
  request.tasks = tasks;
  request.labels = arguments.label_options;
  request.labels.bootstrap = *bootstrap;
  request.labels.seed = arguments.report.seed;
  request.neighborhood = arguments.neighborhood;
  request.neighborhood.seed = arguments.report.seed;
  request.neighborhood.metric_a = *metric;
  request.neighborhood.metric_b = *metric;
  request.prompt_template = arguments.prompt_template;
  request.with_baselines = !arguments.without_baselines;
  if (!arguments.test.empty()) {
    auto asked = to_data_request(arguments, {arguments.test});
    if (!asked) {
      return std::unexpected(asked.error());
    }
    request.asked = std::move(asked->input);
  }
  return request;
}

Result<int> run_tasks(const EvaluateArguments& arguments, const std::vector<service::LabelTask>& tasks,
                      Console& console) {
  auto request = to_request(arguments, tasks);
  if (!request) {
    return std::unexpected(request.error());
  }
  StepProgress progress(console);
  request->data.fetch = watched_fetch(console, progress);
  return run_and_report(arguments.report, console,
                        [&](const AnalysisRun& run) { return service::evaluate(*request, run); });
}

void add_data_options(CLI::App& command, EvaluateArguments& arguments) {
  add_row_input_options(command, arguments.input);
  command.get_option("input")->required(false);
  command
      .add_option("--labels", arguments.labels,
                  "column that holds the class of a row; of pictures \"folder\" is the folder that they are in")
      ->type_name("COLUMN")
      ->group("Input");
  command
      .add_option("--labels-file", arguments.labels_file,
                  "for vectors: a file with a row for each vector that holds the columns, or a label a line")
      ->type_name("FILE")
      ->group("Input");
  command
      .add_option("--one-hot", arguments.one_hot,
                  "columns of categories, separated by commas, as a baseline where there is no text or picture")
      ->type_name("COLUMNS")
      ->group("Evaluation");
  add_no_baselines(command, arguments.without_baselines);
}

void add_split_options(CLI::App& command, EvaluateArguments& arguments) {
  command.add_option("--test", arguments.test, "rows to ask; the input is then what is learnt from")
      ->type_name("INPUT")
      ->group("Evaluation");
  command
      .add_option("--test-share", arguments.test_share,
                  "without --test: the share of each class that is asked and not learnt from [0.2]")
      ->type_name("SHARE")
      ->group("Evaluation");
}

void add_model_options(CLI::App& command, EvaluateArguments& arguments) {
  add_encoder_options(command, arguments.encoder);
  arguments.model_option = command.get_option("--model");
  command.remove_option(command.get_option("--threads"));  // those of the report are for both
  add_image_options(command, arguments.encoder);
  add_against(command, arguments.against);
}

// A task by itself, with the options that it knows.
struct TaskCommand {
  const char* name;
  const char* description;
  service::LabelTask task;
  std::vector<Example> examples;
};

void add_task(CLI::App& parent, CommandLine& line, const TaskCommand& task) {
  CLI::App& command = *parent.add_subcommand(task.name, task.description);
  auto arguments = std::make_shared<EvaluateArguments>();
  add_data_options(command, *arguments);
  switch (task.task) {
    case service::LabelTask::kProbe:
      add_split_options(command, *arguments);
      command
          .add_option("--inverse-penalty", arguments->label_options.inverse_penalty,
                      "C of the logistic regression: larger trusts the rows more [1]")
          ->type_name("C")
          ->group("Evaluation");
      break;
    case service::LabelTask::kKnn:
      add_split_options(command, *arguments);
      add_count(command, "-k", arguments->label_options.neighbor_count, "neighbours that vote [20]")
          ->group("Evaluation");
      break;
    case service::LabelTask::kClustering:
      add_count(command, "-k", arguments->label_options.cluster_count, "clusters [as many as classes]")
          ->group("Evaluation");
      break;
    default:
      command
          .add_option("--template", arguments->prompt_template,
                      "the text that is embedded for a class: every {} stands for its name [{}]")
          ->type_name("TEXT")
          ->group("Evaluation");
      break;
  }
  add_model_options(command, *arguments);
  add_report_options(command, arguments->report);
  add_common_options(command, line);
  set_examples(command, task.examples);
  command.callback([arguments, task = task.task, &line] {
    line.action = [arguments, task](Console& console) { return run_tasks(*arguments, {task}, console); };
  });
}

struct NeighborArguments {
  std::string original;
  std::string compared;
  EvaluateArguments shared;
};

Result<int> run_neighbors(const NeighborArguments& arguments, Console& console) {
  const EvaluateArguments& shared = arguments.shared;
  const auto metric = metric_of(shared.metric);
  const auto bootstrap = to_bootstrap_options(shared.report);
  if (!metric || !bootstrap) {
    return std::unexpected(metric ? bootstrap.error() : metric.error());
  }
  service::EvaluateNeighborsRequest request;
  request.original.input.inputs = {arguments.original};
  request.original.labels_column = shared.labels;
  request.original.labels_file = shared.labels_file;
  request.compared.input.inputs = {arguments.compared};
  request.neighborhood = shared.neighborhood;
  request.neighborhood.metric_a = *metric;
  request.neighborhood.metric_b = *metric;
  request.neighborhood.seed = shared.report.seed;
  request.bootstrap = *bootstrap;
  request.with_baselines = !shared.without_baselines;
  return run_and_report(shared.report, console,
                        [&](const AnalysisRun& run) { return service::evaluate_two_spaces(request, run); });
}

void add_neighborhood_options(CLI::App& command, EvaluateArguments& arguments) {
  command.add_option("--metric", arguments.metric, "euclidean or cosine, in both spaces [euclidean]")
      ->type_name("METRIC")
      ->group("Evaluation");
  add_count(command, "--sample", arguments.neighborhood.query_row_count_max,
            "of more rows than this, so many are asked, by chance; each against all others [2000]")
      ->group("Evaluation");
}

void add_neighbors(CLI::App& parent, CommandLine& line) {
  CLI::App& command = *parent.add_subcommand(
      "neighbors", "Say whether what is near in one space is near in another: overlap, trustworthiness and more.");
  auto arguments = std::make_shared<NeighborArguments>();
  command.add_option("original", arguments->original, "vectors: .npy, .safetensors, .jsonl, or a collection")
      ->type_name("ORIGINAL")
      ->required();
  command
      .add_option("compared", arguments->compared,
                  "vectors of the same rows: with the same ids, or in the same order where there are none")
      ->type_name("COMPARED")
      ->required();
  add_count(command, "-k", arguments->shared.neighborhood.neighbor_count, "neighbours of a row [15]")
      ->group("Evaluation");
  add_neighborhood_options(command, arguments->shared);
  command.add_option("--labels", arguments->shared.labels, "column that holds the class of a row, for label agreement")
      ->type_name("COLUMN")
      ->group("Input");
  command
      .add_option("--labels-file", arguments->shared.labels_file,
                  "a file with a row for each vector that holds the column")
      ->type_name("FILE")
      ->group("Input");
  add_no_baselines(command, arguments->shared.without_baselines);
  add_report_options(command, arguments->shared.report);
  add_common_options(command, line);
  set_examples(command, {{"asterism evaluate neighbors vectors.npy map.npy", "what a map kept of its vectors"},
                         {"asterism evaluate neighbors minilm.npy builtin.npy -k 10 --metric cosine",
                          "whether two models find the same neighbours"}});
  command.callback([arguments, &line] {
    line.action = [arguments](Console& console) { return run_neighbors(*arguments, console); };
  });
}

struct PairArguments {
  std::string file;
  std::string format = "auto";
  std::string columns;
  std::vector<std::string> against;
  bool without_baselines = false;
  EncoderArguments encoder;
  ReportArguments report;
};

Result<int> run_pairs(const PairArguments& arguments, Console& console) {
  service::PairTaskRequest request;
  request.file.path = arguments.file;
  const auto options = to_reader_options({.inputs = {}, .format = arguments.format, .column = {}, .id_column = {}});
  auto encoder = to_encoder_options(arguments.encoder);
  const auto bootstrap = to_bootstrap_options(arguments.report);
  if (!options || !encoder || !bootstrap) {
    return std::unexpected(!options ? options.error() : !encoder ? encoder.error() : bootstrap.error());
  }
  request.file.format = options->format;
  const std::vector<std::string> names = service::split_labels(arguments.columns, ',');
  if (!names.empty() && names.size() != request.file.columns.size()) {
    return fail(ErrorCode::kUsage, fmt::format("--columns: expected three names, found {}", names.size()),
                "--columns sentence1,sentence2,score");
  }
  std::ranges::copy(names, request.file.columns.begin());
  request.models = models_of(arguments.encoder.model, arguments.against);
  request.encoder = *std::move(encoder);
  request.encoder.thread_count = arguments.report.thread_count;
  request.bootstrap = *bootstrap;
  request.seed = arguments.report.seed;
  request.with_baselines = !arguments.without_baselines;
  StepProgress progress(console);
  request.fetch = watched_fetch(console, progress);
  return run_task_and_report(arguments.file, arguments.report, console,
                             [&](const AnalysisRun& run) { return service::evaluate_pairs(request, run); });
}

void add_pairs(CLI::App& parent, CommandLine& line) {
  CLI::App& command = *parent.add_subcommand(
      "pairs", "Hold the cosines of pairs of texts against the scores that people gave them (STS).");
  auto arguments = std::make_shared<PairArguments>();
  command
      .add_option("file", arguments->file,
                  "csv, tsv or jsonl: two texts and a score; csv in the STS form, without "
                  "a header, too")
      ->type_name("FILE")
      ->required();
  command.add_option("--format", arguments->format, "csv, tsv, jsonl or auto [auto: by the name]")
      ->type_name("FORMAT")
      ->group("Input");
  command
      .add_option("--columns", arguments->columns,
                  "names of the columns of both texts and the score, separated by commas [the usual ones: sentence1, "
                  "sentence_A, text1, ..., score]")
      ->type_name("NAMES")
      ->group("Input");
  add_no_baselines(command, arguments->without_baselines);
  add_encoder_options(command, arguments->encoder);
  command.remove_option(command.get_option("--threads"));  // those of the report are for both
  add_against(command, arguments->against);
  add_report_options(command, arguments->report);
  add_common_options(command, line);
  set_examples(command, {{"asterism evaluate pairs sts-dev.csv -m all-MiniLM-L6-v2", "with baselines beside it"},
                         {"asterism evaluate pairs pairs.jsonl --columns left,right,same --against builtin",
                          "two models on the same pairs"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_pairs(*arguments, console); }; });
}

struct CompareArguments {
  std::string a;
  std::string b;
  ReportArguments report;
};

Result<int> run_compare(const CompareArguments& arguments, Console& console) {
  const auto bootstrap = to_bootstrap_options(arguments.report);
  if (!bootstrap) {
    return std::unexpected(bootstrap.error());
  }
  const auto a = service::read_report(arguments.a);
  const auto b = service::read_report(arguments.b);
  if (!a || !b) {
    return std::unexpected(a ? b.error() : a.error());
  }
  ThreadPool pool(arguments.report.thread_count > 0 ? arguments.report.thread_count : available_processor_count());
  const auto comparisons =
      service::compare_reports(*a, *b, *bootstrap, {.pool = pool, .cancel = &cancel_on_interrupt()});
  if (!comparisons) {
    return std::unexpected(comparisons.error());
  }
  if (console.json()) {
    console.print(json_line(service::comparisons_json(*comparisons)));
    return 0;
  }
  for (const service::MeasureComparison& comparison : *comparisons) {
    console.print(comparison.sentence + ".\n");
  }
  return 0;
}

void add_compare(CLI::App& parent, CommandLine& line) {
  CLI::App& command = *parent.add_subcommand(
      "compare", "Say which of two evaluations of the same rows is better, and whether by more than chance.");
  auto arguments = std::make_shared<CompareArguments>();
  command.add_option("a", arguments->a, "a report that --out wrote")->type_name("A.json")->required();
  command.add_option("b", arguments->b, "another, of the same rows")->type_name("B.json")->required();
  add_bootstrap_options(command, arguments->report);
  add_common_options(command, line);
  set_examples(command, {{"asterism evaluate compare minilm.json builtin.json",
                          "after `asterism evaluate pairs ... --out minilm.json` and the same with another model"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_compare(*arguments, console); }; });
}

void add_tasks(CLI::App& command, CommandLine& line) {
  add_task(command, line,
           {"probe",
            "Train a linear classifier on the vectors: what an encoder knows of the labels.",
            service::LabelTask::kProbe,
            {{"asterism evaluate probe train.csv --test test.csv --labels category -m all-MiniLM-L6-v2",
              "learnt from one file, asked on the other"},
             {"asterism evaluate probe vectors.npy --labels-file rows.csv --labels kind", "of vectors"}}});
  add_task(command, line,
           {"knn",
            "Let nearest neighbours vote: quality without learning anything further.",
            service::LabelTask::kKnn,
            {{"asterism evaluate knn photos/ --labels folder -k 5", "of pictures, whose folders are their classes"}}});
  add_task(command, line,
           {"clustering",
            "Cluster the vectors by k-means and hold the clusters against the labels.",
            service::LabelTask::kClustering,
            {{"asterism evaluate clustering news.csv --labels class", "V-measure, NMI, AMI, ARI and silhouette"}}});
  add_task(command, line,
           {"zero-shot",
            "Classify rows by the names of the classes alone, embedded by the same model.",
            service::LabelTask::kZeroShot,
            {{"asterism evaluate zero-shot photos/ --labels folder --template \"a photo of a {}\" -m MODEL",
              "with a model of texts and images"}}});
}

}  // namespace

void add_evaluate(CLI::App& root, CommandLine& line) {
  CLI::App& command = *root.add_subcommand(
      "evaluate", "Say how good an embedding is: by use, by neighbours, beside baselines, with intervals.");
  auto arguments = std::make_shared<EvaluateArguments>();
  command.require_subcommand(0, 1);
  add_data_options(command, *arguments);
  add_split_options(command, *arguments);
  add_count(command, "-k", arguments->neighborhood.neighbor_count, "neighbours of a row in the neighbour measures [15]")
      ->group("Evaluation");
  add_neighborhood_options(command, *arguments);
  add_model_options(command, *arguments);
  add_report_options(command, arguments->report);
  add_common_options(command, line);
  add_tasks(command, line);
  add_neighbors(command, line);
  add_pairs(command, line);
  add_evaluate_retrieval(command, line);
  add_evaluate_eye(command, line);
  add_evaluate_analogies(command, line);
  add_compare(command, line);
  set_examples(command, {{"asterism evaluate reviews.csv --labels stars -m all-MiniLM-L6-v2 --report report.html",
                          "all that the data allows, with baselines, as tables and as a page"},
                         {"asterism evaluate photos/ --labels folder --against efficientnet-lite0",
                          "two models of pictures on the same rows"},
                         {"asterism evaluate vectors.npy --labels-file rows.csv --labels kind",
                          "vectors that are there already"}});
  command.callback([arguments, &command, &line] {
    if (command.get_subcommands().empty()) {
      line.action = [arguments](Console& console) { return run_tasks(*arguments, {}, console); };
    }
  });
}

}  // namespace asterism::cli
