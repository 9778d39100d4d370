#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/json_text.hpp"
#include "cli/progress.hpp"
#include "cli/text_format.hpp"
#include "service/models.hpp"

namespace asterism::cli {
namespace {

std::string yes_no(bool value) {
  return value ? "yes" : "no";
}

std::string_view ok_word(bool ok) {
  return ok ? "OK" : "FAILED";
}

std::string number_or_dash(std::int64_t value) {
  return value <= 0 ? "-" : std::to_string(value);
}

Json to_json(const std::vector<service::ModelFileInfo>& files) {
  Json json = Json::array();
  for (const service::ModelFileInfo& file : files) {
    json.push_back({{"name", file.name}, {"size_bytes", file.size_bytes}});
  }
  return json;
}

std::string files_text(const std::vector<service::ModelFileInfo>& files) {
  std::uint64_t total = 0;
  for (const service::ModelFileInfo& file : files) {
    total += file.size_bytes;
  }
  return fmt::format("{}, {}", counted(files.size(), "file"), format_size(total));
}

std::vector<std::string> source_labels(const CatalogueEntry& entry) {
  std::vector<std::string> labels;
  for (const CatalogueSource& source : entry.sources) {
    labels.push_back(source.label());
  }
  return labels;
}

Json list_json(const std::vector<service::ListedModel>& models) {
  Json json = Json::array();
  for (const service::ListedModel& model : models) {
    const CatalogueEntry& entry = model.entry;
    json.push_back({{"id", entry.id},
                    {"description", entry.description},
                    {"family", entry.family},
                    {"licence", entry.licence},
                    {"dim", entry.dimension},
                    {"token_count_max", entry.token_count_max},
                    {"pooling", entry.pooling},
                    {"size_bytes", model.size_bytes},
                    {"sources", source_labels(entry)},
                    {"verified", entry.verified()},
                    {"here", model.here},
                    {"folder", model.folder}});
  }
  return json;
}

Result<int> run_list(Console& console) {
  auto models = service::list_models();
  if (!models) {
    return std::unexpected(models.error());
  }
  if (console.json()) {
    console.print(json_line(list_json(*models)));
    return 0;
  }
  Table table({"model", "here", "dim", "tokens", "size", "licence", "description"});
  for (const service::ListedModel& model : *models) {
    const CatalogueEntry& entry = model.entry;
    table.add({entry.id, yes_no(model.here), number_or_dash(entry.dimension), number_or_dash(entry.token_count_max),
               model.size_bytes == 0 ? "-" : format_size(model.size_bytes), entry.licence, entry.description});
  }
  console.print(table.to_string());
  console.detail("any BERT, DistilBERT or model2vec folder, and org/name on the Hugging Face hub, works too");
  return 0;
}

struct ShowArguments {
  EncoderArguments encoder;
};

std::string prompts_text(const EncoderInfo& info) {
  std::vector<std::string> parts;
  for (const auto& [name, text] : info.prompts) {
    parts.push_back(fmt::format("{}: \"{}\"{}", name, text, name == info.default_prompt_name ? " (default)" : ""));
  }
  return parts.empty() ? "none" : join(parts, "; ");
}

std::string ops_text(const EncoderInfo& info) {
  return info.op_count < info.op_count_whole ? fmt::format("{} of {}", info.op_count, info.op_count_whole)
                                             : std::to_string(info.op_count);
}

// "texts", "images", "texts and images".
std::string takes_text(const EncoderInfo& info) {
  if (info.takes_records) {
    return "rows of a table";
  }
  return info.takes_texts && info.takes_images ? "texts and images" : info.takes_images ? "images" : "texts";
}

std::string architecture_text(const EncoderInfo& info) {
  return info.architecture.empty() ? "" : fmt::format("{} (names of {})", info.architecture, info.dialect);
}

// "1,280", or with the shape where it says more: "62,720 = [1280, 7, 7]".
std::string dimensions_text(const EncoderInfo& info) {
  std::string text = format_count(info.dim);
  if (info.outputs.size() == 1 && info.outputs.front().shape.size() > 1) {
    text += fmt::format(" = [{}]", fmt::join(info.outputs.front().shape, ", "));
  }
  return text;
}

std::string details_text(const service::ModelDetails& details) {
  const EncoderInfo& info = details.encoder;
  Fields fields;
  const auto add_if = [&](const char* name, const std::string& value) {
    if (!value.empty()) {
      fields.add(name, value);
    }
  };
  fields.add("model", info.model);
  add_if("description", details.description);
  fields.add("takes", takes_text(info));
  fields.add("family", info.family);
  add_if("architecture", architecture_text(info));
  fields.add("dimensions", dimensions_text(info));
  if (info.takes_images) {
    fields.add("image", fmt::format("[{}] (channels, height, width)", fmt::join(info.image_shape, ", ")));
    fields.add("preprocessing", info.preprocess);
  }
  if (info.takes_texts) {
    fields.add("tokens, at most", info.token_count_max == 0 ? "no limit" : format_count(info.token_count_max));
    fields.add("tokenizer", info.tokenizer);
  }
  if (info.takes_records) {
    fields.add("columns", join(info.columns.names, ", "));
  }
  if (!info.takes_images || info.pooling != "none") {
    add_if("pooling", info.pooling);
  }
  fields.add("normalised", yes_no(info.normalized));
  if (info.logit_scale) {
    fields.add("logit of a pair", fmt::format("{:.6g} x cosine{}", *info.logit_scale,
                                              info.logit_bias ? fmt::format(" {:+.6g}", *info.logit_bias) : ""));
  }
  if (info.takes_texts) {
    fields.add("prompts", prompts_text(info));
    fields.add("chain", join(info.modules, " -> "));
  }
  fields.add("precision here", info.precision);
  if (info.op_count_whole > 0) {
    fields.add("graph ops", ops_text(info));
  }
  add_if("licence", details.licence);
  add_if("sources", join(details.sources, "; "));
  fields.add("loaded from", info.source);
  add_if("folder", info.folder);
  std::string text = fields.to_string();
  if (!details.files.empty()) {
    text += fmt::format("\n{}\n", files_text(details.files));
    for (const service::ModelFileInfo& file : details.files) {
      text += fmt::format("  {:>9}  {}\n", format_size(file.size_bytes), file.name);
    }
  }
  return text;
}

// What only texts, and only images, have. A key without a meaning is left out.
void add_kind_json(const EncoderInfo& info, Json& json) {
  if (info.takes_texts) {
    json["token_count_max"] = info.token_count_max;
    json["tokenizer"] = info.tokenizer;
    json["prompts"] = Json::object();
    for (const auto& [name, text] : info.prompts) {
      json["prompts"][name] = text;
    }
    json["default_prompt"] = info.default_prompt_name.empty() ? Json(nullptr) : Json(info.default_prompt_name);
  }
  if (info.takes_records) {
    json["columns"] = info.columns.names;
    json["file_columns"] = info.columns.files;
  }
  if (info.takes_images) {
    json["architecture"] = info.architecture;
    json["dialect"] = info.dialect;
    json["image_shape"] = info.image_shape;
    json["preprocess_text"] = info.preprocess;
    // The encoder's own text: it parses.
    json["preprocess"] = Json::parse(info.preprocess_json, nullptr, false);
    json["outputs"] = Json::array();
    for (const EmbeddingOutput& output : info.outputs) {
      json["outputs"].push_back({{"name", output.name}, {"shape", output.shape}});
    }
  }
  if (info.logit_scale) {
    json["logit_scale"] = json_number(*info.logit_scale);
    json["logit_bias"] = info.logit_bias ? json_number(*info.logit_bias) : Json(nullptr);
  }
}

Json details_json(const service::ModelDetails& details) {
  const EncoderInfo& info = details.encoder;
  Json json{{"model", info.model},
            {"description", details.description},
            {"family", info.family},
            {"dim", info.dim},
            {"takes_texts", info.takes_texts},
            {"takes_images", info.takes_images},
            {"takes_records", info.takes_records},
            {"pooling", info.pooling},
            {"normalized", info.normalized},
            {"modules", info.modules},
            {"precision", info.precision},
            {"ops", info.op_count},
            {"ops_whole", info.op_count_whole},
            {"licence", details.licence},
            {"sources", details.sources},
            {"source", info.source},
            {"folder", info.folder},
            {"files", to_json(details.files)},
            {"warnings", info.warnings}};
  add_kind_json(info, json);
  return json;
}

Result<int> run_show(const ShowArguments& arguments, Console& console) {
  auto options = to_encoder_options(arguments.encoder);
  if (!options) {
    return std::unexpected(options.error());
  }
  StepProgress progress(console);
  auto details = service::show_model(
      {.model = arguments.encoder.model, .encoder = std::move(*options), .fetch = watched_fetch(console, progress)});
  progress.finish();
  if (!details) {
    return std::unexpected(details.error());
  }
  for (const std::string& warning : details->encoder.warnings) {
    console.warning(warning);
  }
  console.print(console.json() ? json_line(details_json(*details)) : details_text(*details));
  return 0;
}

Result<int> run_pull(const std::string& model, Console& console) {
  StepProgress progress(console);
  auto pulled = service::pull_model(model, watched_fetch(console, progress));
  progress.finish();
  if (!pulled) {
    return std::unexpected(pulled.error());
  }
  const ModelLocation& location = pulled->location;
  if (console.json()) {
    console.print(json_line({{"model", location.id},
                             {"folder", location.folder.string()},
                             {"source", location.source},
                             {"revision", location.revision.empty() ? Json(nullptr) : Json(location.revision)},
                             {"files", to_json(pulled->files)}}));
    return 0;
  }
  if (location.folder.empty()) {
    console.summary(fmt::format("{}: {}", location.id, location.source));
    return 0;
  }
  console.summary(fmt::format("{}: {}, from {}", location.id, files_text(pulled->files), location.source));
  console.print(location.folder.string() + "\n");
  return 0;
}

std::string problem_of(const FileCheck& file) {
  return file.sha256_found.empty()
             ? "missing"
             : fmt::format("expected sha256 {}, found {}", file.sha256_expected, file.sha256_found);
}

std::string references_text(const service::ModelVerification& check) {
  std::vector<std::string> parts;
  if (check.text_count > 0) {
    parts.push_back(counted(check.text_count, "reference text"));
  }
  if (check.image_count > 0) {
    parts.push_back(counted(check.image_count, "reference picture"));
  }
  return join(parts, " and ");
}

std::string verification_text(const service::ModelVerification& check) {
  std::string text;
  for (const FileCheck& file : check.files) {
    text +=
        fmt::format("{:6}  {}{}\n", ok_word(file.matches()), file.path, file.matches() ? "" : ": " + problem_of(file));
  }
  if (check.reference_count > 0) {
    text += fmt::format(
        "{:6}  {} against the original library in f32: largest difference {:.2g} (allowed {:.2g}), cosine at least "
        "{:.7f}\n",
        ok_word(check.reference_failed_count == 0), references_text(check), check.difference_max,
        check.difference_allowed, check.cosine_min);
  } else if (check.ok()) {
    text += "        no reference vectors are recorded for this model: its files were checked, its numbers were not\n";
  }
  return text + fmt::format("{}: {}\n", check.model, ok_word(check.ok()));
}

Json verification_json(const service::ModelVerification& check) {
  Json json{{"model", check.model},
            {"folder", check.folder},
            {"files", Json::array()},
            {"references", check.reference_count},
            {"reference_texts", check.text_count},
            {"reference_images", check.image_count},
            {"references_failed", check.reference_failed_count},
            {"difference_max", check.difference_max},
            {"difference_allowed", check.difference_allowed},
            {"cosine_min", check.cosine_min},
            {"ok", check.ok()}};
  for (const FileCheck& file : check.files) {
    Json entry{{"name", file.path}, {"ok", file.matches()}};
    if (!file.matches()) {
      entry["problem"] = problem_of(file);
    }
    json["files"].push_back(std::move(entry));
  }
  return json;
}

Result<int> run_verify(const std::string& model, Console& console) {
  auto check = service::verify_model(model);
  if (!check) {
    return std::unexpected(check.error());
  }
  console.print(console.json() ? json_line(verification_json(*check)) : verification_text(*check));
  return check->ok() ? 0 : error_traits(ErrorCode::kMismatch).exit_code;
}

struct LayersArguments {
  EncoderArguments encoder;  // of which the model and the size of images count
  std::string kind = "auto";
};

Json layers_json(const LayerList& list) {
  Json json = Json::array();
  for (const LayerInfo& layer : list.layers) {
    json.push_back({{"name", layer.name},
                    {"op", layer.op},
                    {"shape", layer.shape},
                    {"aliases", layer.aliases},
                    {"multiply_adds", layer.multiply_adds}});
  }
  return json;
}

Result<service::ModelLayersRequest> to_layers_request(const LayersArguments& arguments) {
  enum class Asked : std::uint8_t { kAuto, kText, kImage };
  auto kind = choose<Asked>("--kind", {{"auto", Asked::kAuto}, {"text", Asked::kText}, {"image", Asked::kImage}},
                            arguments.kind);
  if (!kind) {
    return std::unexpected(kind.error());
  }
  service::ModelLayersRequest request;
  request.model = arguments.encoder.model;
  request.tower_asked = *kind != Asked::kAuto;
  request.options.tower = *kind == Asked::kText ? Tower::kText : Tower::kImage;
  EncoderOptions size;
  if (auto ok = set_image_size(arguments.encoder.image_size, size); !ok) {
    return std::unexpected(ok.error());
  }
  request.options.image_height = size.image_height;
  request.options.image_width = size.image_width;
  return request;
}

Result<int> run_layers(const LayersArguments& arguments, Console& console) {
  auto request = to_layers_request(arguments);
  if (!request) {
    return std::unexpected(request.error());
  }
  StepProgress progress(console);
  request->fetch = watched_fetch(console, progress);
  auto list = service::model_layers(*request);
  progress.finish();
  if (!list) {
    return std::unexpected(list.error());
  }
  if (list->kind == ModelKind::kTextAndImage && !request->tower_asked) {
    console.note("these are the layers for images, which --layer takes; those for texts: --kind text");
  }
  if (console.json()) {
    console.print(json_line(layers_json(*list)));
    return 0;
  }
  const std::string_view unit = list->tower == Tower::kImage  ? "multiply-adds, an image"
                                : list->tower == Tower::kText ? "multiply-adds, a token"
                                                              : "multiply-adds, a row";
  Table table({"layer", "op", "shape", std::string(unit), "also called"});
  for (const LayerInfo& layer : list->layers) {
    table.add(
        {layer.name, layer.op, layer.shape, format_multiply_adds(layer.multiply_adds), join(layer.aliases, ", ")});
  }
  console.print(table.to_string());
  return 0;
}

// `models NAME MODEL` for the commands that take nothing but a model.
void add_model_command(CLI::App& models, CommandLine& line, const std::string& name, const std::string& description,
                       const std::vector<Example>& examples, Result<int> (*run)(const std::string&, Console&)) {
  CLI::App& command = *models.add_subcommand(name, description);
  auto model = std::make_shared<std::string>();
  command.add_option("model", *model, "a model, as for `asterism embed --model`")->type_name("MODEL")->required();
  add_common_options(command, line);
  set_examples(command, examples);
  command.callback(
      [model, run, &line] { line.action = [model, run](Console& console) { return run(*model, console); }; });
}

void add_list(CLI::App& models, CommandLine& line) {
  CLI::App& command = *models.add_subcommand("list", "List the models of the catalogue, and which are here.");
  add_common_options(command, line);
  set_examples(command, {{"asterism models list", "names for --model"},
                         {"asterism models list --json", "the same, for programs"}});
  command.callback([&line] { line.action = run_list; });
}

void add_show(CLI::App& models, CommandLine& line) {
  CLI::App& command = *models.add_subcommand("show", "Show what a model is and how it will run here.");
  auto arguments = std::make_shared<ShowArguments>();
  command.add_option("model", arguments->encoder.model, "a model, as for `asterism embed --model`")
      ->type_name("MODEL")
      ->required();
  add_encoder_options(command, arguments->encoder);
  add_image_size_option(command, arguments->encoder.image_size);
  command.remove_option(command.get_option("--model"));
  add_common_options(command, line);
  set_examples(command, {{"asterism models show builtin", "dimensions, tokenizer, pooling, prompts, licence, files"},
                         {"asterism models show efficientnet-lite0", "the size and the preprocessing of images"},
                         {"asterism models show all-MiniLM-L6-v2 --layer encoder.layer.3",
                          "how many ops are left when cut there"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_show(*arguments, console); }; });
}

void add_layers(CLI::App& models, CommandLine& line) {
  CLI::App& command =
      *models.add_subcommand("layers", "List the names that --layer takes, in the order they are computed.");
  auto arguments = std::make_shared<LayersArguments>();
  command.add_option("model", arguments->encoder.model, "a model, as for `asterism embed --model`")
      ->type_name("MODEL")
      ->required();
  add_image_size_option(command, arguments->encoder.image_size);
  command
      .add_option("--kind", arguments->kind,
                  "text or image: which tower of a model that takes both [auto: image where there is one]")
      ->type_name("KIND")
      ->group("Model");
  add_common_options(command, line);
  set_examples(command, {{"asterism models layers all-MiniLM-L6-v2", "name, op and shape of every value of the graph"},
                         {"asterism models layers efficientnet-lite0 --image-size 320",
                          "shapes and costs at another size of images"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_layers(*arguments, console); }; });
}

}  // namespace

void add_models(CLI::App& root, CommandLine& line) {
  CLI::App& models = *root.add_subcommand("models", "Find, fetch, check and look into models.");
  models.require_subcommand(0, 1);
  add_common_options(models, line);
  set_examples(models,
               {{"asterism models list", "what the catalogue has"},
                {"asterism models pull all-MiniLM-L6-v2", "fetch a model once; embedding it then needs no network"}});
  add_list(models, line);
  add_show(models, line);
  add_model_command(models, line, "pull", "Fetch a model's files, check them, and print their folder.",
                    {{"asterism models pull all-MiniLM-L6-v2", "a model of the catalogue"},
                     {"asterism models pull intfloat/e5-small-v2@main", "a model on the Hugging Face hub"}},
                    run_pull);
  add_model_command(models, line, "verify", "Check a model's files, and its vectors against the original library's.",
                    {{"asterism models verify all-MiniLM-L6-v2", "proves that this machine computes the same numbers"},
                     {"asterism models verify efficientnet-lite0", "the same from pixels on, with pictures it draws"}},
                    run_verify);
  add_layers(models, line);
}

}  // namespace asterism::cli
