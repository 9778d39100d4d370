// asterism atlas
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/disposable_folder.hpp"
#include "cli/collection_arguments.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/open_browser.hpp"
#include "cli/server_run.hpp"
#include "cli/text_format.hpp"
#include "hub/model_id.hpp"
#include "service/atlas_run.hpp"
#include "service/atlas_session.hpp"
#include "service/collection_model.hpp"

namespace asterism::cli {
namespace {

namespace fs = std::filesystem;

struct AtlasArguments {
  std::string input;
  std::string export_folder;
  service::AtlasRequest atlas;
  service::LooseVectors loose;
  std::vector<std::string> texts;
  std::vector<std::string> steps;
  bool versions = false;
  std::string metric = "cosine";
  std::string method;
  std::size_t dim = service::kMapDimMin;
  std::size_t seed = service::MapRequest{}.seed;
  std::size_t port = 8474;
  bool no_open = false;
};

bool is_array_file(const std::string& path) {
  return path.ends_with(".npy");
}

Result<void> check(const AtlasArguments& arguments) {
  if (arguments.input.empty() == arguments.loose.projector.empty()) {
    return fail(ErrorCode::kUsage, fmt::format("expected a collection, a .npy file or --projector, found {}",
                                               arguments.input.empty() ? "none" : "two of them"));
  }
  const bool loose = !arguments.loose.projector.empty() || is_array_file(arguments.input);
  if (!loose && (!arguments.texts.empty() || !arguments.loose.model.empty())) {
    return fail(ErrorCode::kUsage, "--texts and --model: expected with a .npy file or --projector, found a collection");
  }
  if (arguments.dim < service::kMapDimMin || arguments.dim > service::kMapDimMax) {
    return fail(ErrorCode::kUsage, fmt::format("--dim: expected 2 or 3, found {}", arguments.dim));
  }
  if (arguments.port > kLargestPort) {
    return fail(ErrorCode::kUsage, fmt::format("--port: expected at most {}, found {}", kLargestPort, arguments.port));
  }
  const bool series = arguments.versions || !arguments.steps.empty();
  if (series && (loose || service::is_run_folder(arguments.input))) {
    return fail(ErrorCode::kUsage, "--versions and --steps: expected with a collection, which has named versions");
  }
  if (series && (!arguments.atlas.version.empty() || !arguments.atlas.projection.empty())) {
    return fail(ErrorCode::kUsage, "--versions and --steps: expected without --at-version and --projection");
  }
  if (!arguments.method.empty() && !arguments.atlas.projection.empty()) {
    return fail(ErrorCode::kUsage, "--method and --projection: expected one of them, found both");
  }
  return {};
}

Result<void> collect(AtlasArguments& arguments, const DisposableFolder& folder, Console& console) {
  const auto metric = choose<Metric>(
      "--metric", {{"cosine", Metric::kCosine}, {"dot", Metric::kDot}, {"euclidean", Metric::kEuclidean}},
      arguments.metric);
  if (!metric) {
    return std::unexpected(metric.error());
  }
  service::LooseVectors loose = arguments.loose;
  loose.vectors = loose.projector.empty() ? arguments.input : std::string();
  loose.metric = *metric;
  loose.rows.inputs = arguments.texts;
  loose.cancel = &cancel_on_interrupt();
  StepProgress progress(console);
  loose.on_progress = stage_sink(progress);
  const fs::path source = loose.projector.empty() ? arguments.input : loose.projector;
  arguments.atlas.location = (folder.path() / service::served_name(source.stem().string())).string();
  const auto count = service::collect_vectors(loose, arguments.atlas.location);
  progress.finish();
  return count ? Result<void>{} : std::unexpected(count.error());
}

// A run as a collection with a version for each evaluation.
Result<void> collect_evaluations(AtlasArguments& arguments, const DisposableFolder& folder, Console& console) {
  arguments.atlas.location = (folder.path() / service::served_name(arguments.input)).string();
  StepProgress progress(console);
  const auto collected =
      service::collect_run(arguments.input, arguments.atlas.location, &cancel_on_interrupt(), stage_sink(progress));
  progress.finish();
  if (!collected) {
    return std::unexpected(collected.error());
  }
  arguments.atlas.series.emplace();
  arguments.atlas.series->versions = collected->versions;
  arguments.atlas.series->name = "training";
  return {};
}

void describe_steps(const service::AtlasState& state, Console& console) {
  for (const service::SeriesStep& step : state.steps) {
    console.detail(fmt::format("{}: {}, {} new, {} gone; what stayed moved by {:.1f}% of the map (median)", step.label,
                               counted(step.row_count, "item"), step.new_count, step.gone_count,
                               100.0 * step.median_move));
  }
  if (!state.steps.empty()) {
    console.note(fmt::format("{} from {} to {}", counted(state.steps.size(), "step"), state.steps.front().label,
                             state.steps.back().label));
  }
}

Json steps_json(const service::AtlasState& state) {
  Json out = Json::array();
  for (const service::SeriesStep& step : state.steps) {
    out.push_back({{"projection", step.projection},
                   {"version", step.version.empty() ? Json(nullptr) : Json(step.version)},
                   {"label", step.label},
                   {"items", step.row_count},
                   {"kept", step.kept_count},
                   {"new", step.new_count},
                   {"gone", step.gone_count},
                   {"median_move", step.median_move}});
  }
  return out;
}

Result<int> write_folder(const AtlasArguments& arguments, Console& console) {
  StepProgress progress(console);
  service::AtlasRequest request = arguments.atlas;
  request.on_progress = stage_sink(progress);
  const auto response = service::write_atlas(request, arguments.export_folder);
  progress.finish();
  if (!response) {
    return std::unexpected(response.error());
  }
  const std::string page = (fs::path(arguments.export_folder) / "index.html").string();
  if (console.json()) {
    console.print(json_line({{"folder", arguments.export_folder},
                             {"page", page},
                             {"items", response->state.row_count},
                             {"projection", response->state.projection},
                             {"steps", steps_json(response->state)},
                             {"files", response->written.file_count},
                             {"size_bytes", response->written.size_bytes}}));
  } else {
    describe_steps(response->state, console);
    console.summary(
        fmt::format("{} in {}: open {}", counted(response->state.row_count, "item"), arguments.export_folder, page));
  }
  return 0;
}

Result<service::AtlasState> prepare(const AtlasArguments& arguments, Console& console) {
  StepProgress progress(console);
  service::AtlasRequest request = arguments.atlas;
  request.on_progress = stage_sink(progress);
  auto state = service::prepare_atlas(request);
  progress.finish();
  return state;
}

server::EmbedServerOptions server_options(const AtlasArguments& arguments, const service::AtlasState& state) {
  server::EmbedServerOptions options;
  // Without its model a collection can still be looked at; a search by text says what is missing.
  const auto inputs = service::model_inputs({.id = state.model}, {});
  options.models = {inputs ? state.model : std::string(kBuiltinModel)};
  options.http.port = static_cast<std::uint16_t>(arguments.port);
  options.pool.encoder.thread_count = arguments.atlas.thread_count;
  const fs::path place = fs::absolute(arguments.atlas.location).lexically_normal();
  options.collections_folder = (place.has_filename() ? place : place.parent_path()).parent_path().string();
  options.collection = server::ServedCollection{.name = state.name, .path = place};
  if (!arguments.atlas.series) {
    options.map = arguments.atlas.map;
  }
  options.compression_size_bytes_min = std::size_t{64} << 10U;
  return options;
}

Result<int> serve_page(const AtlasArguments& arguments, Console& console) {
  const auto state = prepare(arguments, console);
  if (!state) {
    return std::unexpected(state.error());
  }
  if (state->unplaced_row_count > 0) {
    console.note(fmt::format("{} came after the map {} was made and have no place on it: --method makes it anew",
                             counted(state->unplaced_row_count, "item"), state->projection));
  }
  describe_steps(*state, console);
  const StopSignals signals;
  return run_server(signals, server_options(arguments, *state), console,
                    [&](const std::vector<std::string>& addresses) {
                      std::string address = fmt::format("{}/atlas/{}", addresses.front(), state->name);
                      if (!state->version.empty()) {
                        address += fmt::format("#v={}", url_encode_component(state->version));
                      }
                      if (console.json()) {
                        console.print(json_line({{"address", address},
                                                 {"items", state->row_count},
                                                 {"projection", state->projection},
                                                 {"steps", steps_json(*state)}}));
                      } else {
                        console.print(fmt::format("{}\n", address));
                      }
                      (void)console.flush();
                      console.note(fmt::format("{} on the map; Ctrl-C ends", counted(state->row_count, "item")));
                      if (!arguments.no_open) {
                        (void)open_browser(address);
                      }
                    });
}

Result<int> run(AtlasArguments arguments, Console& console) {
  if (auto checked = check(arguments); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  arguments.atlas.cancel = &cancel_on_interrupt();
  arguments.atlas.location = arguments.input;
  if (!arguments.method.empty()) {
    arguments.atlas.map = service::MapRequest{.method = arguments.method, .dim = arguments.dim, .seed = arguments.seed};
  } else if (arguments.dim != service::kMapDimMin) {
    return fail(ErrorCode::kUsage, "--dim: expected with --method, found alone");
  }
  if (arguments.versions || !arguments.steps.empty()) {
    arguments.atlas.series.emplace();
    arguments.atlas.series->versions = arguments.steps;
  }
  std::optional<DisposableFolder> folder;
  const bool is_run = service::is_run_folder(arguments.input);
  if (!arguments.loose.projector.empty() || is_array_file(arguments.input) || is_run) {
    auto made = DisposableFolder::make("asterism-atlas");
    if (!made) {
      return std::unexpected(std::move(made.error()));
    }
    folder.emplace(*std::move(made));
    if (auto collected =
            is_run ? collect_evaluations(arguments, *folder, console) : collect(arguments, *folder, console);
        !collected) {
      return std::unexpected(std::move(collected.error()));
    }
  }
  return arguments.export_folder.empty() ? serve_page(arguments, console) : write_folder(arguments, console);
}

void add_input_options(CLI::App& command, AtlasArguments& arguments) {
  command
      .add_option(
          "input", arguments.input,
          "a collection's folder; a training run's, to see how its space forms; or vectors that are neither, as a "
          ".npy file [rows, dim]")
      ->type_name("COLLECTION|RUN|VECTORS.npy");
  command
      .add_option("--texts", arguments.texts,
                  "with a .npy file: a text or picture for each of its rows (lines, jsonl, csv, a folder of pictures); "
                  "other columns become metadata")
      ->type_name("FILE")
      ->group("Input");
  command.add_option("--column", arguments.loose.rows.column, "the column of --texts that holds the text [text]")
      ->type_name("NAME")
      ->group("Input");
  command
      .add_option("--projector", arguments.loose.projector,
                  "instead: TensorBoard's projector_config.json, with the files that it names")
      ->type_name("FILE")
      ->group("Input");
  command
      .add_option("-m,--model", arguments.loose.model,
                  "of vectors that are no collection: the model that made them, to search by text [none]")
      ->type_name("MODEL")
      ->group("Input");
  command
      .add_option("--metric", arguments.metric, "of vectors that are no collection: cosine, dot or euclidean [cosine]")
      ->type_name("METRIC")
      ->group("Input");
  command
      .add_option("--at-version", arguments.atlas.version,
                  "look at this named version (`asterism collection version`) [what is there now]")
      ->type_name("NAME")
      ->group("Input");
}

void add_map_options(CLI::App& command, AtlasArguments& arguments) {
  command
      .add_flag("--versions", arguments.versions,
                "lay out the named versions one from the other, the oldest first, then what is there now: a slider "
                "moves through them")
      ->group("Map");
  command.add_option("--steps", arguments.steps, "the same with these versions in this order, with ',' between them")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->group("Map");
  command
      .add_option("--projection", arguments.atlas.projection,
                  "show this projection first, of those that `asterism reduce` kept [the first]")
      ->type_name("NAME")
      ->group("Map");
  command
      .add_option("--method", arguments.method,
                  "compute a map by this method where there is none: umap, pca and what `asterism reduce` knows [umap; "
                  "of few items pca]")
      ->type_name("METHOD")
      ->group("Map");
  command.add_option("--dim", arguments.dim, "with --method: 2 or 3 [2]")->type_name("N")->group("Map");
  command.add_option("--seed", arguments.seed, "with --method: of its random numbers [42]")
      ->type_name("N")
      ->group("Map");
}

}  // namespace

void add_atlas(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("atlas", "See a collection as a map: in the browser, or as a folder to give away.");
  auto arguments = std::make_shared<AtlasArguments>();
  add_input_options(command, *arguments);
  add_map_options(command, *arguments);
  command
      .add_option("--export", arguments->export_folder,
                  "write the page and its data into this folder, which opens by double click, instead of serving it")
      ->type_name("FOLDER")
      ->group("Output");
  add_count(command, "--port", arguments->port, "TCP port of the page on 127.0.0.1; 0: one that is free [8474]", 0)
      ->group("Output");
  command.add_flag("--no-open", arguments->no_open, "do not open the browser")->group("Output");
  add_count(command, "--threads", arguments->atlas.thread_count,
            "threads in all [every processor this process may use]")
      ->group("Running");
  add_common_options(command, line);
  set_examples(command,
               {{"asterism atlas photos/", "map, search and selections in the browser"},
                {"asterism atlas photos/ --export photos-map/", "the same as a folder; open its index.html"},
                {"asterism atlas notes/ --method pca --dim 3", "a map in three dimensions"},
                {"asterism atlas notes/ --versions", "how the collection grew, version by version"},
                {"asterism atlas runs/photos", "how the space of an encoder formed while it was trained"},
                {"asterism atlas vectors.npy --texts rows.jsonl", "vectors of one's own with what they are of"},
                {"asterism atlas --projector projector_config.json", "what TensorBoard's projector shows"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run(*arguments, console); }; });
}

}  // namespace asterism::cli
