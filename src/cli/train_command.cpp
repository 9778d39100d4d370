#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/text_format.hpp"
#include "service/train.hpp"

namespace asterism::cli {
namespace {

struct TrainArguments {
  service::TrainRequest request;
  bool again = false;
  std::size_t thread_count = 0;
  std::string device;
};

std::string metrics_text(const std::map<std::string, double, std::less<>>& metrics) {
  std::string out;
  for (const auto& [name, value] : metrics) {
    out += name.ends_with("accuracy") ? fmt::format("  {} {:.1f}%", name, 100.0 * value)
                                      : fmt::format("  {} {:.4f}", name, value);
  }
  return out;
}

// One line that is rewritten after each step on a terminal, and a line for each epoch everywhere.
void show(Console& console, const TrainEvent& event) {
  switch (event.kind) {
    case TrainEventKind::kResumed:
      console.note(fmt::format("goes on from step {} of {}", event.step, event.step_count));
      break;
    case TrainEventKind::kStep:
      if (console.stderr_is_terminal()) {
        console.set_live_line(fmt::format("epoch {}/{}  step {}/{}  loss {:.4f}  rate {:.2g}  {:.0f} rows/s  {} left",
                                          event.epoch, event.epoch_count, event.step, event.step_count, event.loss,
                                          event.learning_rate, event.rows_per_second,
                                          format_duration(event.seconds_left)));
      }
      break;
    case TrainEventKind::kEpoch:
      console.set_live_line("");
      console.summary(fmt::format("epoch {}/{}{}  {:.0f} rows/s  {} left", event.epoch, event.epoch_count,
                                  metrics_text(event.metrics), event.rows_per_second,
                                  format_duration(event.seconds_left)));
      break;
    case TrainEventKind::kCheckpoint:
      console.detail(fmt::format("checkpoint of step {}", event.step));
      break;
    case TrainEventKind::kStage:
      if (console.stderr_is_terminal()) {
        console.set_live_line(event.text);
      } else {
        console.detail(event.text);
      }
      break;
  }
}

std::string quality_text(const Json& quality) {
  const auto value = [&](const char* key) {
    return quality.contains(key) ? fmt::format("{:.1f}%", 100.0 * quality.at(key).get<double>()) : std::string("-");
  };
  std::string out =
      fmt::format("neighbour accuracy {:>6}  linear probe {:>6}", value("neighbour_accuracy"), value("probe_accuracy"));
  return quality.contains("class_accuracy") ? out + fmt::format("  classifier {:>6}", value("class_accuracy")) : out;
}

Result<int> run_train(TrainArguments& arguments, Console& console) {
  service::TrainRequest& request = arguments.request;
  request.start = arguments.again ? RunStart::kAgain : RunStart::kResume;
  request.cancel = &cancel_on_interrupt();
  request.log = console.log_sink();
  request.on_event = [&console](const TrainEvent& event) { show(console, event); };
  if (arguments.thread_count > 0) {
    request.overrides.push_back(fmt::format("training.threads={}", arguments.thread_count));
  }
  if (!arguments.device.empty()) {
    request.overrides.push_back(fmt::format("training.device=\"{}\"", arguments.device));
  }
  const auto response = service::train(request);
  console.set_live_line("");
  if (!response) {
    return std::unexpected(response.error());
  }
  if (console.json()) {
    Json out = response->run;
    out["folder"] = response->folder;
    console.print(json_line(out));
    return 0;
  }
  if (response->already_finished) {
    console.note(fmt::format("{} holds a finished run; --again starts over", response->folder));
  }
  const Json& result = response->run.at("result");
  for (const auto* name : {"trained", "untrained", "raw", "fused", "content", "columns", "concatenated"}) {
    if (result.contains(name)) {
      console.summary(fmt::format("{:<12} {} ({} split)", name, quality_text(result.at(name)),
                                  result.at("split").get<std::string>()));
    }
  }
  console.summary(fmt::format("report: {}/report.html", response->folder));
  const std::string kind = response->run.value("kind", "");
  console.summary(fmt::format("use it: asterism embed {} -m {} -o vectors.npy",
                              kind == "tabular_autoencoder" || kind == "fusion" ? "TABLE.csv" : "PICTURES",
                              response->folder));
  return 0;
}

}  // namespace

void add_train(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("train", "Train an encoder on your own pictures or tables, as a recipe says.");
  auto arguments = std::make_shared<TrainArguments>();
  service::TrainRequest& request = arguments->request;
  command.add_option("recipe", request.recipe, "the recipe, a TOML file (recipes/README.md)")
      ->type_name("RECIPE.toml")
      ->required();
  command.add_option("-o,--output", request.output, "folder of the run, which is also the model [runs/NAME]")
      ->type_name("RUN");
  command.add_option("--input", request.inputs, "learn from this instead of the recipe's inputs; repeatable")
      ->type_name("PATH");
  command.add_option("--set", request.overrides, "another value for a key of the recipe; repeatable")
      ->type_name("SECTION.KEY=VALUE");
  command.add_option("--device", arguments->device, "auto, cpu or cuda [auto]")->type_name("DEVICE");
  add_count(command, "--threads", arguments->thread_count, "threads in all [every processor this process may use]");
  command.add_flag("--again", arguments->again, "start over, whatever the folder holds of an earlier run");
  add_common_options(command, line);
  set_examples(command,
               {{"asterism train recipes/simclr.toml --input photos -o runs/photos", "learn from a folder of pictures"},
                {"asterism train recipes/lenet-digits.toml --set training.epochs=3", "the same recipe, shorter"},
                {"asterism embed photos -m runs/photos -o vectors.npy", "use what was learnt"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_train(*arguments, console); }; });
}

}  // namespace asterism::cli
