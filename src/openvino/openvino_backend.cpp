#include "openvino/openvino_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include <openvino/runtime/core.hpp>
#include <openvino/runtime/properties.hpp>

#include "openvino/device.hpp"
#include "openvino/executable.hpp"
#include "openvino/lowering.hpp"

namespace asterism {
namespace {

bool counts_rows_only(const Graph& graph) {
  return std::ranges::all_of(
      graph.values(), [](const Value& value) { return value.op != Op::kInput || value.shape.front() == kRowDim; });
}

// With the number of rows known, the plugin plans its memory once and fuses more (decision 0110).
void fix_row_count(ov::Model& model, std::int64_t row_count) {
  std::map<std::size_t, ov::PartialShape> shapes;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    shapes[i] = model.input(i).get_partial_shape();
    shapes[i][0] = row_count;
  }
  model.reshape(shapes);
}

class OpenVinoBackend final : public Backend {
 public:
  std::string_view name() const noexcept override { return "openvino"; }

  Result<std::unique_ptr<Executable>> compile(const Graph& graph, const ParameterMap& parameters,
                                              const CompileOptions& options) const override {
    if (auto ok = check_compile(graph, parameters, options); !ok) {
      return std::unexpected(ok.error());
    }
    auto plan = FeedPlan::make(graph);
    if (!plan) {
      return std::unexpected(plan.error());
    }
    try {
      ov::Core core;
      const bool native = options.precision == ComputePrecision::kBF16 && has_native_bf16(core);
      // Without native bf16 the plugin would emulate it slowly or not at all: the weights are rounded and f32 computes.
      const LoweringOptions lowering{native ? ComputePrecision::kF32 : options.precision,
                                     native ? LinearEngine::kPlugin : LinearEngine::kKernels};
      const LoweredModel lowered = lower(graph, parameters, lowering, weights_);
      const bool sized = options.row_count > 0 && counts_rows_only(graph);
      if (sized) {
        fix_row_count(*lowered.model, options.row_count);
      }
      ov::CompiledModel model = core.compile_model(
          lowered.model, kDevice, compile_properties(options, native ? ov::element::bf16 : ov::element::f32));
      std::vector<Shape> output_shapes;
      for (const ValueId output : graph.outputs()) {
        output_shapes.push_back(graph.value(output).shape);
      }
      const ExecutableOptions execution{.request_count = options.stream_count,
                                        .sizes = native ? RunSizes::kBuckets : RunSizes::kExact,
                                        .row_count = sized ? options.row_count : 0};
      return std::make_unique<OpenVinoExecutable>(std::move(model), std::move(*plan), std::move(output_shapes),
                                                  execution);
    } catch (const std::exception& e) {
      return fail(ErrorCode::kInternal, fmt::format("OpenVINO could not compile the model: {}", e.what()));
    }
  }

 private:
  mutable LinearWeightCache weights_;  // has a lock of its own
};

}  // namespace

std::unique_ptr<Backend> make_openvino_backend() {
  return std::make_unique<OpenVinoBackend>();
}

Result<BackendReport> openvino_report() {
  try {
    ov::Core core;
    BackendReport report;
    report.version = ov::get_openvino_version().buildNumber;
    report.capabilities = core.get_property(kDevice, ov::device::capabilities);
    report.bf16_native = has_native_bf16(core);
    return report;
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInternal, fmt::format("OpenVINO's CPU plugin did not load: {}", e.what()),
                "the libraries of OpenVINO must lie together, as its package installs them");
  }
}

}  // namespace asterism
