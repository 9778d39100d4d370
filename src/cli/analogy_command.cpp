#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/arithmetic.hpp"
#include "service/evaluate_analogies.hpp"

namespace asterism::cli {
namespace {

constexpr std::size_t kNameColumnCount = 80;
constexpr std::size_t kIdColumnCount = 40;

struct AnalogyArguments {
  std::string expression;
  RowInputArguments input;
  std::string texts_file;
  std::string method = "3cosadd";
  std::size_t top_count = 10;
  std::optional<std::size_t> word_count_max;
  bool keep_inputs = false;
  bool match_case = false;
  std::string questions;
  std::vector<std::string> pairs;
  EncoderArguments encoder;
};

Result<AnalogyMethod> method_of(const std::string& name) {
  return choose<AnalogyMethod>("--method",
                               {{"3cosadd", AnalogyMethod::kCosAdd},
                                {"3cosmul", AnalogyMethod::kCosMul},
                                {"pair-direction", AnalogyMethod::kPairDirection}},
                               name);
}

Result<service::ArithmeticRequest> to_request(const AnalogyArguments& arguments) {
  auto options = to_encoder_options(arguments.encoder);
  if (!options) {
    return std::unexpected(options.error());
  }
  const auto method = method_of(arguments.method);
  if (!method) {
    return std::unexpected(method.error());
  }
  service::ArithmeticRequest request;
  request.expression = arguments.expression;
  request.model = arguments.encoder.model;
  request.encoder = *std::move(options);
  request.method = *method;
  request.top_count = arguments.top_count;
  request.keep_inputs = arguments.keep_inputs;
  request.word_count_max = arguments.word_count_max.value_or(0);
  const auto& inputs = arguments.input.text.inputs;
  if (inputs.size() == 1 && service::holds_vectors(inputs.front())) {
    request.vectors.input = inputs.front();
    request.vectors.texts_file = arguments.texts_file;
    return request;
  }
  if (!arguments.texts_file.empty()) {
    return fail(ErrorCode::kUsage, "--texts: expected a file of vectors as --in beside it, found none",
                "asterism analogy \"a - b + c\" --in vectors.npy --texts texts.txt -m MODEL");
  }
  if (!inputs.empty() || !arguments.input.list.empty()) {
    auto input = to_row_source_options(arguments.input);
    if (!input) {
      return std::unexpected(input.error());
    }
    request.input = *std::move(input);
  }
  return request;
}

std::string_view operand_name(service::OperandKind kind) {
  switch (kind) {
    case service::OperandKind::kText:
      return "text";
    case service::OperandKind::kImage:
      return "image";
    case service::OperandKind::kId:
      return "id";
  }
  return {};
}

Json answers_json(const service::ArithmeticResponse& response, const std::string& method) {
  Json json;
  json["expression"] = response.expression;
  json["model"] = response.model.model;
  json["method"] = method;
  json["terms"] = Json::array();
  for (const service::ArithmeticTerm& term : response.terms) {
    json["terms"].push_back({{"weight", term.weight}, {"kind", operand_name(term.kind)}, {"value", term.value}});
  }
  json["candidates"] = {
      {"kind", response.candidates}, {"count", response.candidate_count}, {"failed", response.failed_row_count}};
  json["results"] = Json::array();
  for (const service::ArithmeticHit& hit : response.hits) {
    json["results"].push_back({{"score", json_number(hit.score)},
                               {"name", hit.name},
                               {"id", hit.id.empty() ? Json(nullptr) : Json(hit.id)},
                               {"row", hit.row}});
  }
  return json;
}

void print_answers(Console& console, const service::ArithmeticResponse& response) {
  const bool has_ids = std::ranges::any_of(
      response.hits, [](const service::ArithmeticHit& hit) { return !hit.id.empty() && hit.id != hit.name; });
  const bool words = response.candidates == "words of the model";
  std::vector<std::string> heading{"score"};
  if (has_ids) {
    heading.emplace_back("id");
  }
  heading.emplace_back(words ? "word" : "name");
  Table table(heading);
  for (const service::ArithmeticHit& hit : response.hits) {
    std::vector<std::string> cells{fmt::format("{:.4f}", hit.score)};
    if (has_ids) {
      cells.push_back(one_line(hit.id, kIdColumnCount));
    }
    cells.push_back(one_line(hit.name, kNameColumnCount));
    table.add(std::move(cells));
  }
  console.print(table.to_string());
}

Result<int> run_expression(const AnalogyArguments& arguments, Console& console) {
  auto request = to_request(arguments);
  if (!request) {
    return std::unexpected(request.error());
  }
  StepProgress progress(console);
  request->fetch = watched_fetch(console, progress);
  const auto response = service::arithmetic(*request);
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  for (const std::string& warning : response->model.warnings) {
    console.warning(warning);
  }
  if (console.json()) {
    console.print(json_line(answers_json(*response, arguments.method)));
  } else {
    print_answers(console, *response);
  }
  console.detail(fmt::format("{} among {} {}", response->expression, format_count(response->candidate_count),
                             response->candidates));
  if (response->failed_row_count > 0) {
    console.warning(fmt::format("{} could not be used", counted(response->failed_row_count, "row")));
    return error_traits(ErrorCode::kPartial).exit_code;
  }
  return 0;
}

std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.1f} %", 100.0 * share);
}

Json section_json(const service::AnalogyEvaluation& evaluation, const service::AnalogySection& section) {
  Json json{{"section", section.name}, {"questions", section.question_count}, {"asked", section.asked_count}};
  for (std::size_t m = 0; m < evaluation.methods.size(); ++m) {
    const double accuracy = evaluation.accuracy(section, m);
    json["methods"][analogy_method_name(evaluation.methods[m])] = {
        {"right", section.right_counts[m]}, {"accuracy", std::isnan(accuracy) ? Json(nullptr) : Json(accuracy)}};
  }
  return json;
}

void print_evaluation(Console& console, const service::AnalogyEvaluation& evaluation) {
  std::vector<std::string> heading{"section", "questions", "asked"};
  for (const AnalogyMethod method : evaluation.methods) {
    heading.emplace_back(analogy_method_name(method));
  }
  Table table(heading);
  const auto add = [&](const service::AnalogySection& section) {
    std::vector<std::string> cells{one_line(section.name, kIdColumnCount), format_count(section.question_count),
                                   format_count(section.asked_count)};
    for (std::size_t m = 0; m < evaluation.methods.size(); ++m) {
      cells.push_back(percent(evaluation.accuracy(section, m)));
    }
    table.add(std::move(cells));
  };
  for (const service::AnalogySection& section : evaluation.sections) {
    add(section);
  }
  add(evaluation.total);
  console.print(table.to_string());
}

Result<int> report_problems(Console& console, const std::vector<std::string>& problems, std::size_t count) {
  for (const std::string& problem : problems) {
    console.warning(problem);
  }
  if (count > problems.size()) {
    console.warning(fmt::format("{} more like these", count - problems.size()));
  }
  return count == 0 ? 0 : error_traits(ErrorCode::kPartial).exit_code;
}

Result<int> run_questions(const AnalogyArguments& arguments, Console& console) {
  service::AnalogyEvaluationRequest request;
  request.model = arguments.encoder.model;
  request.thread_count = arguments.encoder.options.thread_count;
  request.questions = arguments.questions;
  request.vocabulary.word_count_max = arguments.word_count_max.value_or(service::kAnalogyWordCountDefault);
  request.vocabulary.match_case = arguments.match_case;
  if (arguments.method == "all") {
    request.methods = {AnalogyMethod::kCosAdd, AnalogyMethod::kCosMul, AnalogyMethod::kPairDirection};
  } else {
    const auto method = method_of(arguments.method);
    if (!method) {
      return std::unexpected(method.error());
    }
    request.methods = {*method};
  }
  StepProgress progress(console);
  request.fetch = watched_fetch(console, progress);
  const auto evaluation = service::evaluate_analogies(request);
  progress.finish();
  if (!evaluation) {
    return std::unexpected(evaluation.error());
  }
  if (console.json()) {
    Json json{{"model", evaluation->model.model}, {"words", evaluation->word_count}, {"sections", Json::array()}};
    for (const service::AnalogySection& section : evaluation->sections) {
      json["sections"].push_back(section_json(*evaluation, section));
    }
    json["total"] = section_json(*evaluation, evaluation->total);
    json["search_time_s"] = evaluation->search_time_s;
    console.print(json_line(json));
  } else {
    print_evaluation(console, *evaluation);
  }
  console.summary(fmt::format("{} of {} questions asked among {} words, answered in {}",
                              format_count(evaluation->total.asked_count),
                              format_count(evaluation->total.question_count), format_count(evaluation->word_count),
                              format_duration(evaluation->search_time_s)));
  return report_problems(console, evaluation->problems, evaluation->problem_count);
}

Result<int> run_pairs(const AnalogyArguments& arguments, Console& console) {
  service::WordPairsRequest request;
  request.model = arguments.encoder.model;
  request.thread_count = arguments.encoder.options.thread_count;
  request.files = arguments.pairs;
  request.vocabulary = {.word_count_max = arguments.word_count_max.value_or(0), .match_case = arguments.match_case};
  StepProgress progress(console);
  request.fetch = watched_fetch(console, progress);
  const auto evaluations = service::evaluate_word_pairs(request);
  progress.finish();
  if (!evaluations) {
    return std::unexpected(evaluations.error());
  }
  const auto figure = [](double value) { return std::isnan(value) ? "-" : fmt::format("{:.4f}", value); };
  const auto figure_json = [](double value) { return std::isnan(value) ? Json(nullptr) : Json(value); };
  Table table({"file", "pairs", "known", "spearman", "pearson"});
  Json json = Json::array();
  int exit_code = 0;
  for (const service::WordPairsEvaluation& one : *evaluations) {
    table.add({one.file, format_count(one.outcomes.size()), format_count(one.known_count), figure(one.spearman),
               figure(one.pearson)});
    json.push_back({{"file", one.file},
                    {"pairs", one.outcomes.size()},
                    {"known", one.known_count},
                    {"spearman", figure_json(one.spearman)},
                    {"pearson", figure_json(one.pearson)}});
    exit_code = std::max(exit_code, report_problems(console, one.problems, one.problem_count).value_or(0));
  }
  console.print(console.json() ? json_line({{"model", request.model}, {"files", std::move(json)}}) : table.to_string());
  return exit_code;
}

Result<int> run_analogy(const AnalogyArguments& arguments, Console& console) {
  const int asked = (arguments.expression.empty() ? 0 : 1) + (arguments.questions.empty() ? 0 : 1) +
                    (arguments.pairs.empty() ? 0 : 1);
  if (asked != 1) {
    return fail(ErrorCode::kUsage,
                fmt::format("asterism analogy: expected one of an expression, --questions or --pairs, found {}",
                            asked == 0 ? "none" : "several"),
                "asterism analogy \"king - man + woman\" -m glove-6b-50d");
  }
  if (!arguments.questions.empty()) {
    return run_questions(arguments, console);
  }
  return arguments.pairs.empty() ? run_expression(arguments, console) : run_pairs(arguments, console);
}

void add_evaluation_options(CLI::App& command, AnalogyArguments& arguments) {
  command
      .add_option("--questions", arguments.questions,
                  "how many analogies of this file the model has right: \": section\" lines and \"a b c d\" lines")
      ->type_name("FILE")
      ->group("Evaluation");
  command
      .add_option("--pairs", arguments.pairs,
                  "how well cosines go with people's scores: files of two words and a score a line (repeatable)")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("Evaluation");
  command.add_flag("--match-case", arguments.match_case, "of --questions and --pairs: Athens is not athens")
      ->group("Evaluation");
}

}  // namespace

void add_analogy(CLI::App& root, CommandLine& line) {
  CLI::App& command = *root.add_subcommand(
      "analogy", "Find what is nearest to a sum of words, texts, pictures or items: \"king - man + woman\".");
  auto arguments = std::make_shared<AnalogyArguments>();
  command
      .add_option("expression", arguments->expression,
                  "words, \"quoted texts\", @pictures and #ids with + and - between them, and weights: 0.5*word")
      ->type_name("EXPR");
  add_row_search_options(command, arguments->input);
  command.add_option("--texts", arguments->texts_file, "of --in vectors.npy: a file with the text of each row")
      ->type_name("FILE")
      ->group("Input");
  add_count(command, "-k", arguments->top_count, "how many to find [10]")->group("Output");
  command
      .add_option("--method", arguments->method,
                  "3cosadd, 3cosmul or pair-direction; with --questions also all [3cosadd]")
      ->type_name("METHOD")
      ->group("Running");
  command
      .add_option("--words", arguments->word_count_max,
                  "only the model's first N words, its most frequent [all; of --questions 30000]; 0 = all")
      ->type_name("N")
      ->group("Running");
  command.add_flag("--keep-inputs", arguments->keep_inputs, "let the expression's own words and items be answers")
      ->group("Output");
  add_evaluation_options(command, *arguments);
  add_encoder_options(command, arguments->encoder);
  add_image_options(command, arguments->encoder);
  add_common_options(command, line);
  set_examples(command, {{"asterism analogy \"king - man + woman\" -m glove-6b-50d", "among the model's own words"},
                         {"asterism analogy \"paris - france + italy\" -m vectors.bin --method 3cosmul -k 3",
                          "a file of word2vec, GloVe or fastText"},
                         {"asterism analogy '\"late parcel\" - parcel + invoice' --in tickets.txt",
                          "among the lines of a file, by any model for texts"},
                         {"asterism analogy \"#A17 - red + blue\" --in shop/", "among the items of a collection"},
                         {"asterism analogy --questions questions-words.txt -m glove-6b-50d --method all",
                          "how many analogies the model has right, by section"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_analogy(*arguments, console); }; });
}

}  // namespace asterism::cli
