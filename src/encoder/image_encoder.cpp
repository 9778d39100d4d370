#include "encoder/image_encoder.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "encoder/backend_choice.hpp"
#include "encoder/image_checkpoint.hpp"
#include "encoder/image_graph.hpp"
#include "encoder/image_runner.hpp"
#include "image/preprocess_text.hpp"
#include "models/vector_projection.hpp"

namespace asterism {
namespace {

std::string pooling_of(const ImageGraph& graph) {
  return graph.pooling.empty() ? "none" : graph.pooling;
}

EncoderInfo describe(const std::filesystem::path& path, const ImageModel& model, const ImageSettings& settings) {
  EncoderInfo info;
  info.family = model.family;
  info.folder = path.string();
  info.takes_images = true;
  info.image_shape = {model.channels, model.height, model.width};
  info.preprocess = describe_preprocess(settings.preprocess);
  info.preprocess_json = preprocess_json(settings.preprocess).dump();
  info.architecture = model.architecture;
  info.dialect = model.dialect;
  if (const auto& scale = model.logit_scale.log_scale) {
    info.logit_scale = std::exp(*scale);
  }
  info.logit_bias = model.logit_scale.bias;
  info.modules = {fmt::format("{} ({})", model.architecture, model.dialect)};
  if (auto projection = describe_vector_projection(model.graph)) {
    info.modules.push_back(*std::move(projection));
  }
  info.warnings = settings.warnings;
  return info;
}

// `path` is empty for the model inside the library.
Result<std::unique_ptr<Encoder::Impl>> make_encoder_of(Result<ImageModelFiles> files, const std::filesystem::path& path,
                                                       const EncoderOptions& options) {
  if (!files) {
    return std::unexpected(files.error());
  }
  EncoderInfo info = describe(path, files->model, files->settings);
  ImageRunnerParts parts;
  parts.input_name = kImageInput;
  parts.preprocess = files->settings.preprocess;
  parts.decode.allow_truncated = options.allow_truncated;
  parts.image_shape = {files->model.channels, files->model.height, files->model.width};
  auto graph = build_image_graph(std::move(files->model), options);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  const auto backend = choose_backend(options.precision, info.warnings);
  if (!backend) {
    return std::unexpected(backend.error());
  }
  info.precision = backend->precision_name;
  info.dim = graph->dim;
  info.outputs = graph->outputs;
  info.pooling = pooling_of(*graph);
  info.normalized = graph->normalized;
  info.op_count = graph->graph.op_count();
  info.op_count_whole = graph->op_count_whole;
  parts.outputs = graph->outputs;
  parts.is_input = graph->is_input;
  parts.dim = graph->dim;
  Executables::Compile compile;
  if (graph->runs()) {
    compile = compile_graph(backend->module->make_backend(), std::move(graph->graph), std::move(graph->parameters));
  }
  set_execution(parts, std::move(compile), backend->precision, options);
  return make_image_runner(std::move(parts), std::move(info));
}

}  // namespace

Result<std::unique_ptr<Encoder::Impl>> make_image_encoder(const std::filesystem::path& path,
                                                          const EncoderOptions& options) {
  return make_encoder_of(read_image_model(path, options), path, options);
}

Result<std::unique_ptr<Encoder::Impl>> make_builtin_image_encoder(const EncoderOptions& options) {
  return make_encoder_of(read_builtin_image_model(options), {}, options);
}

}  // namespace asterism
