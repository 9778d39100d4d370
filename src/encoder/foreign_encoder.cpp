#include "encoder/foreign_encoder.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "encoder/backend_choice.hpp"
#include "encoder/image_checkpoint.hpp"
#include "encoder/image_graph.hpp"
#include "encoder/image_runner.hpp"
#include "encoder/image_sidecar.hpp"
#include "graph/foreign_model.hpp"
#include "image/preprocess_text.hpp"

namespace asterism {
namespace {

// Of the graph that pools what the file's own network gives.
constexpr std::string_view kAfterInput = "foreign";

// One network after the other: the result of the first is what the second is fed.
class ChainedExecutable final : public Executable {
 public:
  ChainedExecutable(std::unique_ptr<Executable> first, std::unique_ptr<Executable> second)
      : first_(std::move(first)), second_(std::move(second)) {}

  Result<std::vector<Tensor>> run(const std::vector<Feed>& feeds) const override {
    auto between = first_->run(feeds);
    if (!between) {
      return between;
    }
    return second_->run({{std::string(kAfterInput), between->front()}});
  }

 private:
  std::unique_ptr<Executable> first_;
  std::unique_ptr<Executable> second_;
};

Result<std::string> layer_of(const EncoderOptions& options, const std::optional<ImageSidecar>& sidecar) {
  if (options.layers.size() > 1) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("expected one layer of a model in a file, found {}", options.layers.size()),
                "ask for one layer at a time");
  }
  if (!options.layers.empty()) {
    return options.layers.front();
  }
  return sidecar ? sidecar->output : std::string();
}

// What the options ask for beyond the file's own network: channels first, pooled, cut, normalised.
Result<ImageGraph> graph_after(const ForeignCompiled& compiled, const EncoderOptions& options) {
  ImageModel model;
  GraphBuilder builder;
  Shape shape = compiled.row_shape;
  shape.insert(shape.begin(), kRowDim);
  ValueId value = builder.input(std::string(kAfterInput), DType::kF32, shape);
  value = shape.size() == 4 && compiled.input.layout == ImageLayout::kChannelsLast
              ? builder.transpose(compiled.output, value, {0, 3, 1, 2})
              : builder.activation(compiled.output, value, Activation::kIdentity);
  auto graph = builder.finish(std::array{value});
  if (!graph) {
    return std::unexpected(graph.error());
  }
  model.graph = *std::move(graph);
  EncoderOptions after = options;
  after.layers.clear();
  return build_image_graph(std::move(model), after);
}

// An opened file and how it is to be used.
struct OpenedModel {
  std::shared_ptr<ForeignModel> model;
  ImageSettings settings;
  ForeignCompileOptions options;  // but for the form
  bool only_input = false;

  Result<ForeignCompiled> compile(const CompileOptions& form) const {
    ForeignCompileOptions asked = options;
    asked.compile = form;
    return model->compile(asked);
  }
};

EncoderInfo describe(const std::filesystem::path& path, const ForeignModel& model, const ForeignCompiled& compiled,
                     const ImageSettings& settings) {
  EncoderInfo info;
  info.family = foreign_format_name(model.info().format);
  info.folder = path.string();
  info.takes_images = true;
  info.image_shape = {compiled.input.channels, compiled.input.height, compiled.input.width};
  info.preprocess = describe_preprocess(settings.preprocess);
  info.modules = {fmt::format("{} up to \"{}\"", info.family, compiled.output)};
  info.warnings = settings.warnings;
  if (compiled.one_by_one) {
    info.warnings.push_back(
        fmt::format("{}: the file fixes a batch of one image: they run one at a time", path.string()));
  }
  info.op_count = compiled.op_count;
  info.op_count_whole = compiled.op_count_whole;
  info.precision = compiled.precision == ComputePrecision::kBF16 ? "bf16" : "f32";
  return info;
}

// What the options say wins over the file beside the model.
Result<void> override_sidecar(std::optional<ImageSidecar>& sidecar, const EncoderOptions& options) {
  const auto overrides = preprocess_overrides(options);
  if (!overrides) {
    return std::unexpected(overrides.error());
  }
  if (*overrides == ImagePreprocessOverrides{}) {
    return {};
  }
  ImageSidecar changed = sidecar.value_or(ImageSidecar{});
  if (overrides->fit && *overrides->fit == ImageFit::kBorder) {
    return fail(ErrorCode::kUnsupported, "crop mode: expected center or squash for a model in a file, found border");
  }
  changed.size = overrides->size ? overrides->size : changed.size;
  changed.interpolation = overrides->interpolation ? overrides->interpolation : changed.interpolation;
  changed.mean = overrides->mean ? overrides->mean : changed.mean;
  changed.std = overrides->std ? overrides->std : changed.std;
  if (overrides->fit) {
    changed.crop = *overrides->fit == ImageFit::kCenter ? CropMode::kCenter : CropMode::kNone;
  }
  sidecar = changed;
  return {};
}

Result<OpenedModel> open_model(const std::filesystem::path& path, const BackendModule& module,
                               const EncoderOptions& options) {
  auto sidecar = read_image_sidecar(path);
  if (!sidecar) {
    return std::unexpected(sidecar.error());
  }
  auto layer = layer_of(options, *sidecar);
  if (!layer) {
    return std::unexpected(layer.error());
  }
  auto model = module.open_foreign_model(path);
  if (!model) {
    return std::unexpected(model.error());
  }
  const auto input = (*model)->image_input(*sidecar ? (*sidecar)->layout : std::nullopt);
  if (!input) {
    return std::unexpected(input.error());
  }
  if (auto overridden = override_sidecar(*sidecar, options); !overridden) {
    return std::unexpected(overridden.error());
  }
  auto settings = sidecar_image_settings(*sidecar, *input, path.string());
  if (!settings) {
    return std::unexpected(settings.error());
  }
  OpenedModel opened;
  opened.model = *std::move(model);
  opened.settings = *std::move(settings);
  opened.only_input = *layer == kImageInput;
  opened.options.output = opened.only_input ? "" : *std::move(layer);
  opened.options.layout = *sidecar ? (*sidecar)->layout : std::nullopt;
  opened.options.height = opened.settings.size.height;
  opened.options.width = opened.settings.size.width;
  return opened;
}

// The outputs of a model that runs no further than its input.
ImageGraph input_alone(const ForeignImageInput& input) {
  ImageGraph graph;
  const auto size = static_cast<std::size_t>(input.channels * input.height * input.width);
  graph.outputs = {{.name = std::string(kImageInput),
                    .shape = {input.channels, input.height, input.width},
                    .offset = 0,
                    .size = size}};
  graph.is_input = {true};
  graph.dim = size;
  return graph;
}

// The file's network, then what the options ask for. `ready` was compiled to learn what the network gives; the first to
// ask for its form gets it.
Executables::Compile compile_both(OpenedModel opened, ImageGraph graph, std::unique_ptr<Executable> ready,
                                  const CompileOptions& ready_form, const BackendModule& module) {
  auto after = compile_graph(module.make_backend(), std::move(graph.graph), {});
  auto shared = std::make_shared<std::unique_ptr<Executable>>(std::move(ready));
  return [opened = std::move(opened), after = std::move(after), shared,
          ready_form](const CompileOptions& form) -> Result<std::unique_ptr<Executable>> {
    auto second = after(form);
    if (!second) {
      return second;
    }
    if (*shared != nullptr && form.stream_count == ready_form.stream_count &&
        form.thread_count == ready_form.thread_count) {
      return std::make_unique<ChainedExecutable>(std::move(*shared), *std::move(second));
    }
    auto first = opened.compile(form);
    if (!first) {
      return std::unexpected(first.error());
    }
    return std::make_unique<ChainedExecutable>(std::move(first->executable), *std::move(second));
  };
}

}  // namespace

Result<std::unique_ptr<Encoder::Impl>> make_foreign_encoder(const std::filesystem::path& path,
                                                            const EncoderOptions& options) {
  std::vector<std::string> warnings;
  const auto backend = choose_backend(options.precision, warnings);
  if (!backend) {
    return std::unexpected(backend.error());
  }
  auto opened = open_model(path, *backend->module, options);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  const std::size_t threads = options.thread_count != 0 ? options.thread_count : available_processor_count();
  const CompileOptions bulk{.precision = backend->precision, .thread_count = 1, .stream_count = threads};
  auto compiled = opened->compile(bulk);
  if (!compiled) {
    return std::unexpected(compiled.error());
  }
  auto graph = opened->only_input ? Result<ImageGraph>(input_alone(compiled->input)) : graph_after(*compiled, options);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  EncoderInfo info = describe(path, *opened->model, *compiled, opened->settings);
  info.warnings.insert(info.warnings.end(), warnings.begin(), warnings.end());
  info.dim = graph->dim;
  info.outputs = graph->outputs;
  info.pooling = graph->pooling.empty() ? "none" : graph->pooling;
  info.normalized = graph->normalized;

  ImageRunnerParts parts;
  parts.preprocess = opened->settings.preprocess;
  parts.decode.allow_truncated = options.allow_truncated;
  parts.image_shape = {info.image_shape.begin(), info.image_shape.end()};
  parts.input_name = kForeignInputName;
  parts.outputs = graph->outputs;
  parts.is_input = graph->is_input;
  parts.dim = graph->dim;
  const bool runs = !opened->only_input;
  set_execution(parts,
                runs ? compile_both(*std::move(opened), *std::move(graph), std::move(compiled->executable), bulk,
                                    *backend->module)
                     : Executables::Compile(),
                backend->precision, options);
  return make_image_runner(std::move(parts), std::move(info));
}

}  // namespace asterism
