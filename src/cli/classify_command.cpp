#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/classify.hpp"

namespace asterism::cli {
namespace {

constexpr std::size_t kLabelColumnCount = 40;
constexpr std::size_t kLabelsFileSizeBytesMax = std::size_t{16} << 20;

struct ClassifyArguments {
  RowInputArguments input;
  EncoderArguments encoder;
  std::string labels;
  std::string labels_file;
  std::string prompt_template = "{}";
  std::size_t top_count = 5;
};

Result<std::vector<std::string>> labels_of(const ClassifyArguments& arguments) {
  if (!arguments.labels.empty() && !arguments.labels_file.empty()) {
    return fail(ErrorCode::kUsage, "--labels and --labels-file: expected one of them, found both");
  }
  if (arguments.labels_file.empty()) {
    return service::split_labels(arguments.labels, ',');
  }
  const auto text = read_file(arguments.labels_file, kLabelsFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  auto labels = service::split_labels(*text, '\n');
  if (labels.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a label a line, found none", arguments.labels_file));
  }
  return labels;
}

Result<service::ClassifyRequest> to_request(const ClassifyArguments& arguments) {
  auto labels = labels_of(arguments);
  if (!labels) {
    return std::unexpected(labels.error());
  }
  auto options = to_encoder_options(arguments.encoder);
  if (!options) {
    return std::unexpected(options.error());
  }
  auto input = to_row_source_options(arguments.input);
  if (!input) {
    return std::unexpected(input.error());
  }
  service::ClassifyRequest request;
  request.model = arguments.encoder.model;
  request.encoder = std::move(*options);
  request.input = std::move(*input);
  request.labels = std::move(*labels);
  request.prompt_template = arguments.prompt_template;
  request.top_count = arguments.top_count;
  return request;
}

Json row_json(const service::ClassifiedRow& classified) {
  const Row& row = classified.row;
  Json json;
  json["source"] = row.source;
  json["line"] = row.line == 0 ? Json(nullptr) : Json(row.line);
  json["id"] = row.id.empty() ? Json(nullptr) : Json(row.id);
  if (classified.error) {
    json["error"] = {{"code", error_traits(classified.error->code).name}, {"message", classified.error->message}};
    return json;
  }
  json["top"] = Json::array();
  for (const service::ClassScore& score : classified.top) {
    json["top"].push_back({{"index", score.index},
                           {"label", score.label.empty() ? Json(nullptr) : Json(score.label)},
                           {"probability", score.probability},
                           {"logit", json_number(score.logit)}});
  }
  return json;
}

std::string label_of(const service::ClassScore& score) {
  return score.label.empty() ? fmt::format("class {}", score.index) : one_line(score.label, kLabelColumnCount);
}

std::string row_text(const service::ClassifiedRow& classified) {
  std::string text = place_text(classified.row.source, classified.row.line) + '\n';
  if (classified.error) {
    return text + fmt::format("  failed: {}\n", one_line(classified.error->message, 200));
  }
  for (const service::ClassScore& score : classified.top) {
    text += fmt::format("  {:6.2f} %  {}\n", 100.0 * score.probability, label_of(score));
  }
  return text;
}

Result<int> run_classify(const ClassifyArguments& arguments, Console& console) {
  auto request = to_request(arguments);
  if (!request) {
    return std::unexpected(request.error());
  }
  StepProgress progress(console);
  request->fetch = watched_fetch(console, progress);
  auto response = service::classify(*request, [&](const service::ClassifiedRow& row) -> Result<void> {
    progress.finish();
    console.print(console.json() ? json_line(row_json(row)) : row_text(row));
    return {};
  });
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  for (const std::string& warning : response->model.warnings) {
    console.warning(warning);
  }
  if (response->failed_row_count > 0) {
    console.warning(
        fmt::format("{} of {} failed", format_count(response->failed_row_count), counted(response->row_count, "row")));
    return error_traits(ErrorCode::kPartial).exit_code;
  }
  return 0;
}

}  // namespace

void add_classify(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("classify", "Say what images show: among labels of your own, or among a model's classes.");
  auto arguments = std::make_shared<ClassifyArguments>();
  add_row_input_options(command, arguments->input);
  command
      .add_option("--labels", arguments->labels,
                  "what the images may show, separated by commas; needs a model of texts and images (CLIP, SigLIP) "
                  "[the classes of the model's own classifier]")
      ->type_name("LABELS")
      ->group("Input");
  command.add_option("--labels-file", arguments->labels_file, "the same, one label a line")
      ->type_name("FILE")
      ->group("Input");
  command
      .add_option("--template", arguments->prompt_template,
                  "the text that is compared with the images: every {} stands for the label [{}]")
      ->type_name("TEXT")
      ->group("Input");
  add_count(command, "--top", arguments->top_count, "how many labels to show of each image, likeliest first [5]")
      ->group("Output");
  add_encoder_options(command, arguments->encoder);
  for (const char* without_meaning : {"--layer", "--pooling", "--dim", "--normalize"}) {
    command.remove_option(command.get_option(without_meaning));
  }
  arguments->encoder.normalize_option = nullptr;
  add_image_options(command, arguments->encoder);
  add_common_options(command, line);
  set_examples(command, {{"asterism classify photos/ --labels \"a dog,a cat,a car\" -m MODEL",
                          "with a model of texts and images"},
                         {"asterism classify photos/ --labels-file animals.txt --template \"a photo of a {}\" -m MODEL",
                          "a label a line, each put into a sentence"},
                         {"asterism classify photos/ -m efficientnet-lite0 --top 3 --json",
                          "the three likeliest classes of the model's own, one JSON object an image"}});
  command.callback([arguments, &line] {
    line.action = [arguments](Console& console) { return run_classify(*arguments, console); };
  });
}

}  // namespace asterism::cli
