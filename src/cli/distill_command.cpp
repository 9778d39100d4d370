#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/distill.hpp"

namespace asterism::cli {
namespace {

struct DistillArguments {
  std::string teacher;
  std::string output;
  std::string storage = "int8";
  bool keep_unreachable = false;
  DistillOptions options;
};

Result<service::DistillRequest> to_request(const DistillArguments& arguments) {
  auto storage = choose<StaticStorage>(
      "--quantize", {{"int8", StaticStorage::kInt8}, {"f16", StaticStorage::kF16}, {"f32", StaticStorage::kF32}},
      arguments.storage);
  if (!storage) {
    return std::unexpected(storage.error());
  }
  service::DistillRequest request{
      .teacher = arguments.teacher, .output = arguments.output, .options = arguments.options, .fetch = {}};
  request.options.storage = *storage;
  request.options.drop_unreachable = !arguments.keep_unreachable;
  return request;
}

Json to_json(const service::DistillResponse& response, const std::string& folder) {
  const DistillResult& result = response.result;
  return {{"folder", folder},
          {"tokens", result.token_count},
          {"tokens_dropped", result.token_count_dropped},
          {"dim", result.dim},
          {"size_bytes", result.size_bytes},
          {"explained_variance", result.explained_variance_ratio},
          {"seconds", response.seconds}};
}

Result<int> run_distill(const DistillArguments& arguments, Console& console) {
  auto request = to_request(arguments);
  if (!request) {
    return std::unexpected(request.error());
  }
  StepProgress progress(console);
  request->fetch = watched_fetch(console, progress);
  request->options.on_progress = [&](const DistillProgress& now) {
    progress.update(
        "embedding the vocabulary",
        fmt::format("{} of {}", format_count(now.token_count_done), counted(now.token_count, "token")),
        static_cast<double>(now.token_count_done) / static_cast<double>(std::max<std::size_t>(1, now.token_count)));
  };
  auto response = service::distill(*request);
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  if (console.json()) {
    console.print(json_line(to_json(*response, request->output)));
    return 0;
  }
  const DistillResult& result = response->result;
  console.summary(fmt::format("{}, {} dimensions, {:.1f}% of the variance kept, {} in {}",
                              counted(result.token_count, "token"), result.dim, 100.0 * result.explained_variance_ratio,
                              format_size(result.size_bytes), format_duration(response->seconds)));
  console.summary(fmt::format("use it: asterism embed texts.txt -m {}", request->output));
  return 0;
}

}  // namespace

void add_distill(CLI::App& root, CommandLine& line) {
  CLI::App& command = *root.add_subcommand(
      "distill", "Make a small, fast static model of an encoder: one vector for each token of its vocabulary.");
  auto arguments = std::make_shared<DistillArguments>();
  command.add_option("model", arguments->teacher, "the encoder to learn from, as for `asterism embed --model`")
      ->type_name("MODEL")
      ->required();
  command.add_option("-o,--output", arguments->output, "folder to write, in the model2vec layout")
      ->type_name("DIR")
      ->required();
  add_count(command, "--dim", arguments->options.dim, "dimensions kept, by principal components [256]");
  command
      .add_option("--sif", arguments->options.sif_coefficient,
                  "how strongly frequent tokens are weighed down: a of a / (a + frequency); 0 = not at all [1e-4]")
      ->type_name("A")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--quantize", arguments->storage, "int8, f16 or f32 [int8]")->type_name("TYPE");
  command.add_flag("--keep-unreachable", arguments->keep_unreachable,
                   "keep tokens that the tokenizer never gives; the vectors are the same, the files larger");
  add_count(command, "--threads", arguments->options.thread_count,
            "threads in all [every processor this process may use]");
  add_common_options(command, line);
  set_examples(command, {{"asterism distill all-MiniLM-L6-v2 -o minilm-static --dim 256", "a model of a few megabytes"},
                         {"asterism embed texts.txt -m minilm-static -o vectors.npy", "and its use"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_distill(*arguments, console); }; });
}

}  // namespace asterism::cli
