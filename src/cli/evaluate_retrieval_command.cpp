#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/evaluate_arguments.hpp"
#include "cli/help.hpp"
#include "cli/progress.hpp"
#include "service/evaluate_retrieval.hpp"

namespace asterism::cli {
namespace {

struct RetrievalArguments {
  service::RetrievalTaskRequest request;
  std::string format = "auto";
  std::string query_prompt;
  std::vector<std::string> against;
  bool without_baselines = false;
  EncoderArguments encoder;
  ReportArguments report;
};

Result<void> check_files(const service::RetrievalTaskRequest& request) {
  const bool has_both = !request.corpus.empty() && !request.queries.empty();
  const bool has_one = !request.corpus.empty() || !request.queries.empty();
  if (request.run.empty() ? has_both : !has_one) {
    return {};
  }
  return fail(ErrorCode::kUsage,
              fmt::format("evaluate retrieval: expected --corpus and --queries, or --run alone, found {}",
                          request.run.empty() ? (has_one ? "one of them" : "none") : "both"),
              "asterism evaluate retrieval --corpus corpus.jsonl --queries queries.jsonl --qrels test.tsv");
}

Result<int> run_retrieval(const RetrievalArguments& arguments, Console& console) {
  service::RetrievalTaskRequest request = arguments.request;
  if (auto checked = check_files(request); !checked) {
    return std::unexpected(checked.error());
  }
  const auto options = to_reader_options({.inputs = {}, .format = arguments.format, .column = {}, .id_column = {}});
  auto encoder = to_encoder_options(arguments.encoder);
  const auto bootstrap = to_bootstrap_options(arguments.report);
  if (!options || !encoder || !bootstrap) {
    return std::unexpected(!options ? options.error() : !encoder ? encoder.error() : bootstrap.error());
  }
  request.format = options->format;
  request.models = models_of(arguments.encoder.model, arguments.against);
  request.encoder = *std::move(encoder);
  request.encoder.thread_count = arguments.report.thread_count;
  request.query_encoder = request.encoder;
  if (!arguments.query_prompt.empty()) {
    request.query_encoder.prompt_name = arguments.query_prompt;
    request.query_encoder.prompt.reset();
  }
  request.with_baselines = !arguments.without_baselines;
  request.seed = arguments.report.seed;
  request.bootstrap = *bootstrap;
  StepProgress progress(console);
  request.fetch = watched_fetch(console, progress);
  return run_task_and_report(request.run.empty() ? request.corpus : request.run, arguments.report, console,
                             [&](const AnalysisRun& run) { return service::evaluate_retrieval(request, run); });
}

void add_files(CLI::App& command, RetrievalArguments& arguments) {
  service::RetrievalTaskRequest& request = arguments.request;
  command
      .add_option("--corpus", request.corpus,
                  "documents: csv, tsv or jsonl with a text and an id; or vectors with ids (.npy, collection)")
      ->type_name("FILE")
      ->group("Input");
  command.add_option("--queries", request.queries, "the same of the queries")->type_name("FILE")->group("Input");
  command
      .add_option("--qrels", request.judgements,
                  "which documents are relevant: BEIR's tsv (query, document, grade) or TREC's form (query, iteration, "
                  "document, grade)")
      ->type_name("FILE")
      ->required()
      ->group("Input");
  command
      .add_option(
          "--run", request.run,
          "instead of corpus and queries: what another system found, in TREC's form (query, Q0, document, rank, "
          "score, tag)")
      ->type_name("FILE")
      ->group("Input");
  command.add_option("--format", arguments.format, "csv, tsv, jsonl or auto [auto: by the name]")
      ->type_name("FORMAT")
      ->group("Input");
  command
      .add_option("--column", request.text_column,
                  "jsonl key or csv column that holds the text; a title of a jsonl stands before it [text]")
      ->type_name("NAME")
      ->group("Input");
  command.add_option("--id-column", request.id_column, "column of the ids [id, of jsonl _id too]")
      ->type_name("NAME")
      ->group("Input");
}

}  // namespace

void add_evaluate_retrieval(CLI::App& parent, CommandLine& line) {
  CLI::App& command = *parent.add_subcommand(
      "retrieval", "Say whether relevant documents are found first: nDCG, recall, precision, MRR, MAP.");
  auto arguments = std::make_shared<RetrievalArguments>();
  add_files(command, *arguments);
  add_count(command, "-k", arguments->request.k, "how many of the first documents count [10]")->group("Evaluation");
  command
      .add_flag("--without-same-id", arguments->request.without_same_id,
                "a document with the id of the query is no answer to it (queries that are documents themselves)")
      ->group("Evaluation");
  add_no_baselines(command, arguments->without_baselines);
  add_encoder_options(command, arguments->encoder);
  command.remove_option(command.get_option("--threads"));  // those of the report are for both
  command.add_option("--query-prompt", arguments->query_prompt, "the model's prompt of this name for queries alone")
      ->type_name("NAME")
      ->group("Model");
  add_against(command, arguments->against);
  add_report_options(command, arguments->report);
  add_common_options(command, line);
  set_examples(command,
               {{"asterism evaluate retrieval --corpus corpus.jsonl --queries queries.jsonl --qrels test.tsv "
                 "-m all-MiniLM-L6-v2",
                 "a data set in the form of BEIR"},
                {"asterism evaluate retrieval --run bm25.trec --qrels qrels.txt", "what another system found"}});
  command.callback([arguments, &line] {
    line.action = [arguments](Console& console) { return run_retrieval(*arguments, console); };
  });
}

}  // namespace asterism::cli
