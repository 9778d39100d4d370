#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/similarity.hpp"

namespace asterism::cli {
namespace {

constexpr std::size_t kTextColumnCount = 60;

struct SimilarityArguments {
  std::vector<std::string> texts;
  InputArguments input;
  std::size_t top_count = 10;
  EncoderArguments encoder;
};

void print_matrix(Console& console, const std::vector<std::string>& texts, const std::vector<float>& scores) {
  const std::size_t count = texts.size();
  std::vector<std::string> heading{""};
  for (std::size_t j = 0; j < count; ++j) {
    heading.push_back(fmt::format("{:>7}", j + 1));
  }
  heading.emplace_back("text");
  Table table(std::move(heading));
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::string> cells{std::to_string(i + 1)};
    for (std::size_t j = 0; j < count; ++j) {
      cells.push_back(fmt::format("{:7.4f}", scores[i * count + j]));
    }
    cells.push_back(one_line(texts[i], kTextColumnCount));
    table.add(std::move(cells));
  }
  console.print(table.to_string());
}

Json scores_json(const service::SimilarityResponse& response, const std::vector<std::string>& texts) {
  const std::size_t count = texts.size();
  Json json;
  json["model"] = response.model.model;
  json["texts"] = texts;
  if (count == 2) {
    json["score"] = json_number(response.scores[1]);
    return json;
  }
  json["scores"] = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < count; ++j) {
      row.push_back(json_number(response.scores[i * count + j]));
    }
    json["scores"].push_back(std::move(row));
  }
  return json;
}

Result<int> run_between_texts(const SimilarityArguments& arguments, EncoderOptions options, Console& console) {
  if (arguments.texts.size() < 2) {
    return fail(ErrorCode::kUsage, "asterism similarity: expected two texts or more, found one",
                "asterism similarity \"a cat sat\" \"a dog lay\"; or give --in FILE to compare one text with the rows "
                "of a file");
  }
  StepProgress progress(console);
  auto response = service::similarity({.model = arguments.encoder.model,
                                       .encoder = std::move(options),
                                       .fetch = watched_fetch(console, progress),
                                       .texts = arguments.texts});
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  for (std::size_t i = 0; i < arguments.texts.size(); ++i) {
    if (const RowReport& report = response->reports[i]; report.truncated()) {
      console.warning(
          fmt::format("text {}: cut from {} to {} tokens", i + 1, report.token_count_given, report.token_count_used));
    }
  }
  if (console.json()) {
    console.print(json_line(scores_json(*response, arguments.texts)));
  } else if (arguments.texts.size() == 2) {
    console.print(fmt::format("{:.4f}\n", response->scores[1]));
  } else {
    print_matrix(console, arguments.texts, response->scores);
  }
  return 0;
}

std::string place_of(const service::NearestText& hit) {
  const std::string place = fmt::format("{}:{}", hit.source, hit.line);
  return hit.id.empty() ? place : fmt::format("{} ({})", place, hit.id);
}

void print_nearest(Console& console, const service::NearestTextsResponse& response) {
  Table table({"score", "row", "text"});
  for (const service::NearestText& hit : response.nearest) {
    table.add({fmt::format("{:.4f}", hit.score), place_of(hit), one_line(hit.text, kTextColumnCount)});
  }
  console.print(table.to_string());
}

Json nearest_json(const service::NearestTextsResponse& response, const std::string& query) {
  Json json;
  json["model"] = response.model.model;
  json["query"] = query;
  json["rows"] = response.row_count;
  json["failed"] = response.failed_row_count;
  json["nearest"] = Json::array();
  for (const service::NearestText& hit : response.nearest) {
    Json entry;
    entry["score"] = json_number(hit.score);
    entry["source"] = hit.source;
    entry["line"] = hit.line;
    entry["id"] = hit.id.empty() ? Json(nullptr) : Json(hit.id);
    entry["text"] = hit.text;
    json["nearest"].push_back(std::move(entry));
  }
  return json;
}

Result<int> run_against_file(const SimilarityArguments& arguments, EncoderOptions options, Console& console) {
  if (arguments.texts.size() != 1) {
    return fail(ErrorCode::kUsage,
                fmt::format("asterism similarity --in: expected one text to compare with the rows, found {}",
                            arguments.texts.size()),
                "asterism similarity \"late parcel\" --in texts.txt --top 5");
  }
  auto input = to_reader_options(arguments.input);
  if (!input) {
    return std::unexpected(input.error());
  }
  service::NearestTextsRequest request;
  request.model = arguments.encoder.model;
  request.encoder = std::move(options);
  request.query = arguments.texts.front();
  request.input = std::move(*input);
  request.top_count = arguments.top_count;
  StepProgress progress(console);
  request.fetch = watched_fetch(console, progress);
  auto response = service::nearest_texts(request);
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  if (console.json()) {
    console.print(json_line(nearest_json(*response, request.query)));
  } else {
    print_nearest(console, *response);
  }
  if (response->failed_row_count > 0) {
    console.warning(fmt::format("{} of {} could not be read", format_count(response->failed_row_count),
                                counted(response->row_count, "row")));
    return error_traits(ErrorCode::kPartial).exit_code;
  }
  return 0;
}

Result<int> run_similarity(const SimilarityArguments& arguments, Console& console) {
  auto options = to_encoder_options(arguments.encoder);
  if (!options) {
    return std::unexpected(options.error());
  }
  return arguments.input.inputs.empty() ? run_between_texts(arguments, std::move(*options), console)
                                        : run_against_file(arguments, std::move(*options), console);
}

}  // namespace

void add_similarity(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("similarity", "Compare texts with each other, or one text with the rows of a file.");
  auto arguments = std::make_shared<SimilarityArguments>();
  command.add_option("text", arguments->texts, "two texts, or more for a table of all pairs; with --in, one")
      ->type_name("TEXT")
      ->required();
  command
      .add_option("--in", arguments->input.inputs,
                  "compare the one TEXT with the rows of this file (repeatable; - is stdin)")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("Input");
  add_count(command, "--top", arguments->top_count, "how many rows to show with --in, nearest first [10]")
      ->group("Input");
  add_input_options(command, arguments->input);
  add_encoder_options(command, arguments->encoder);
  add_common_options(command, line);
  set_examples(command, {{"asterism similarity \"a cat sat on the mat\" \"a kitten is on the rug\"",
                          "the cosine of the angle between two texts: 1 is the same direction, 0 unrelated"},
                         {"asterism similarity \"late parcel\" \"where is my order\" \"how do I cook rice\"",
                          "every pair, as a table"},
                         {"asterism similarity \"late parcel\" --in tickets.csv --column body --top 5",
                          "the five rows of a file that are nearest to a text"}});
  command.callback([arguments, &line] {
    line.action = [arguments](Console& console) { return run_similarity(*arguments, console); };
  });
}

}  // namespace asterism::cli
