#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include <openvino/core/preprocess/pre_post_process.hpp>
#include <openvino/runtime/core.hpp>

#include "base/file.hpp"
#include "openvino/device.hpp"
#include "openvino/foreign_executable.hpp"
#include "openvino/foreign_file.hpp"
#include "openvino/foreign_graph.hpp"
#include "openvino/foreign_image.hpp"
#include "openvino/openvino_backend.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

ForeignPort port_of(const ov::Output<ov::Node>& output) {
  return {name_of(output), dims_of(output.get_partial_shape()), output.get_element_type().get_type_name()};
}

// Values whose names share the most with `name`, for a message.
std::string near_names(const std::vector<ForeignNode>& nodes, std::string_view name) {
  constexpr std::size_t kShownMax = 3;
  const auto likeness = [&](const ForeignNode& node) {
    const auto [a, b] = std::ranges::mismatch(node.name, name);
    const auto front = a - node.name.begin();
    const auto [c, d] = std::mismatch(node.name.rbegin(), node.name.rend(), name.rbegin(), name.rend());
    return front + (c - node.name.rbegin());
  };
  std::vector<const ForeignNode*> order;
  for (const ForeignNode& node : nodes) {
    order.push_back(&node);
  }
  std::ranges::stable_sort(order, std::greater{}, [&](const ForeignNode* node) { return likeness(*node); });
  std::string out;
  for (std::size_t i = 0; i < std::min(order.size(), kShownMax); ++i) {
    out += fmt::format("{}{}", i == 0 ? "" : ", ", order[i]->name);
  }
  return out;
}

class OpenVinoForeignModel final : public ForeignModel {
 public:
  OpenVinoForeignModel(ForeignFile file, ForeignModelInfo info, std::vector<ForeignPort> image_ports)
      : file_(std::move(file)), info_(std::move(info)), image_ports_(std::move(image_ports)) {}

  const ForeignModelInfo& info() const noexcept override { return info_; }

  Result<ForeignImageInput> image_input(std::optional<ImageLayout> layout) const override {
    return find_image_input(image_ports_, layout, file_.source());
  }

  Result<ForeignCompiled> compile(const ForeignCompileOptions& options) const override {
    if (options.compile.thread_count == 0 || options.compile.stream_count == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("compile: expected at least 1 thread and 1 stream, found {} and {}",
                              options.compile.thread_count, options.compile.stream_count));
    }
    try {
      return compile_checked(options);
    } catch (const std::exception& e) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: OpenVINO cannot compile it: {}", file_.source(), exception_text(e)));
    }
  }

 private:
  Result<ForeignCompiled> compile_checked(const ForeignCompileOptions& options) const;
  Result<std::string> output_name(const std::string& wanted) const;

  ForeignFile file_;
  ForeignModelInfo info_;
  std::vector<ForeignPort> image_ports_;
};

Result<std::string> OpenVinoForeignModel::output_name(const std::string& wanted) const {
  if (wanted.empty()) {
    return info_.outputs[0].name;
  }
  if (std::ranges::find(info_.nodes, wanted, &ForeignNode::name) != info_.nodes.end()) {
    return wanted;
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("{}: expected a value of the model, found no '{}' among its {}", file_.source(), wanted,
                          info_.nodes.size()),
              fmt::format("near it: {}", near_names(info_.nodes, wanted)));
}

Result<ForeignCompiled> OpenVinoForeignModel::compile_checked(const ForeignCompileOptions& options) const {
  const auto output = output_name(options.output);
  if (!output) {
    return std::unexpected(output.error());
  }
  auto input = image_input(options.layout);
  if (!input) {
    return std::unexpected(input.error());
  }
  if (auto sized = set_image_size(*input, options.height, options.width, file_.source()); !sized) {
    return std::unexpected(sized.error());
  }
  const auto cut = file_.read_cut(*output);
  if (!cut) {
    return std::unexpected(cut.error());
  }
  const auto fitted = fit_to_images(cut->model, *input, file_.source());
  if (!fitted) {
    return std::unexpected(fitted.error());
  }
  ov::Core core;
  const bool bf16 = options.compile.precision == ComputePrecision::kBF16 && has_native_bf16(core);
  ov::CompiledModel model = core.compile_model(
      fitted->model, kDevice, compile_properties(options.compile, bf16 ? ov::element::bf16 : ov::element::f32));
  ForeignCompiled compiled;
  compiled.output = *output;
  compiled.row_shape = fitted->row_shape;
  compiled.input = *input;
  compiled.op_count = cut->op_count;
  compiled.op_count_whole = info_.op_count;
  compiled.one_by_one = fitted->one_by_one;
  compiled.dequantised = cut->dequantised;
  compiled.precision = bf16 ? ComputePrecision::kBF16 : ComputePrecision::kF32;
  compiled.executable = std::make_unique<ForeignExecutable>(
      std::move(model), ForeignExecutableOptions{options.compile.stream_count,
                                                 {input->channels, input->height, input->width},
                                                 fitted->row_shape,
                                                 fitted->one_by_one,
                                                 file_.source()});
  return compiled;
}

Result<std::unique_ptr<ForeignModel>> read_model(const fs::path& path, ForeignFormat format) {
  ForeignFile file(path, format);
  const ForeignContents contents = file.read();
  ForeignModelInfo info;
  info.format = format;
  for (const auto& input : contents.model->inputs()) {
    info.inputs.push_back(port_of(input));
  }
  for (const auto& output : contents.model->outputs()) {
    info.outputs.push_back(port_of(output));
    if (info.outputs.back().name.empty()) {
      info.outputs.back().name = output.get_node()->get_input_node_ptr(0)->get_friendly_name();
    }
  }
  if (info.outputs.empty()) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: expected a model with an output, found none", file.source()));
  }
  info.op_count = count_ops(*contents.model);
  info.nodes = list_nodes(*with_one_row(contents.with_inner_values));
  std::vector<ForeignPort> ports = info.inputs;
  return std::make_unique<OpenVinoForeignModel>(std::move(file), std::move(info), std::move(ports));
}

}  // namespace

Result<std::unique_ptr<ForeignModel>> open_foreign_model(const fs::path& path) {
  const auto format = foreign_format(path);
  if (!format) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: expected a .onnx, .tflite or .xml file", path.string()));
  }
  if (auto checked = check_files(path, *format); !checked) {
    return std::unexpected(checked.error());
  }
  try {
    return read_model(path, *format);
  } catch (const std::exception& e) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: OpenVINO cannot read it as {}: {}", path.string(), foreign_format_name(*format),
                            exception_text(e)),
                "the file is damaged, or uses an operation that OpenVINO does not have");
  }
}

}  // namespace asterism
