#include "torch/torch_backend.hpp"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <fmt/format.h>
#include <torch/version.h>

#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "torch/blas.hpp"
#include "torch/lowering.hpp"
#include "torch/run_scope.hpp"
#include "torch/tensors.hpp"

namespace asterism {
namespace {

class TorchExecutable final : public Executable {
 public:
  TorchExecutable(LoweredGraph graph, ParameterSlots parameters, const CompileOptions& options)
      : graph_(std::move(graph)), parameters_(std::move(parameters)), options_(options) {}

  // torch runs as many at the same time as ask: streams need no waiting.
  Result<std::vector<Tensor>> run(const std::vector<Feed>& feeds) const override {
    const auto checked = graph_.feeds().check(feeds);
    if (!checked) {
      return std::unexpected(checked.error());
    }
    return without_exceptions("torch could not run the model", [&]() -> Result<std::vector<Tensor>> {
      const RunScope scope(options_.thread_count, Gradients::kNone);
      const AutocastScope autocast(options_.precision, at::kCPU);
      std::vector<Tensor> outputs;
      for (const at::Tensor& output : graph_.run(*checked, parameters_, {.precision = options_.precision})) {
        outputs.push_back(copied(output));
      }
      return outputs;
    });
  }

 private:
  LoweredGraph graph_;
  ParameterSlots parameters_;
  CompileOptions options_;
};

class TorchBackend final : public Backend {
 public:
  std::string_view name() const noexcept override { return "torch"; }

  Result<std::unique_ptr<Executable>> compile(const Graph& graph, const ParameterMap& parameters,
                                              const CompileOptions& options) const override {
    if (auto ok = check_compile(graph, parameters, options); !ok) {
      return std::unexpected(ok.error());
    }
    auto lowered = LoweredGraph::make(graph);
    if (!lowered) {
      return std::unexpected(lowered.error());
    }
    return without_exceptions("torch could not take the model", [&]() -> Result<std::unique_ptr<Executable>> {
      const RunScope scope(options.thread_count, Gradients::kNone);
      std::map<std::string, at::Tensor, std::less<>> tensors;
      for (const Value& value : graph.values()) {
        if (value.op == Op::kParameter) {
          tensors.emplace(value.name, borrowed(parameters.find(value.name)->second.to_f32()).clone());
        }
      }
      ParameterSlots slots = lowered->bind(tensors);
      return std::make_unique<TorchExecutable>(*std::move(lowered), std::move(slots), options);
    });
  }
};

// What bfloat16 gains by on a CPU: tile or dot-product instructions. Source: /proc/cpuinfo, which names them so.
bool has_native_bf16() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("flags") || line.starts_with("Features")) {
      return line.find("avx512_bf16") != std::string::npos || line.find("amx_bf16") != std::string::npos ||
             line.find(" bf16") != std::string::npos;
    }
  }
  return false;
}

}  // namespace

std::unique_ptr<Backend> make_torch_backend() {
  return std::make_unique<TorchBackend>();
}

Result<BackendReport> torch_report() {
  return without_exceptions("torch did not load", []() -> Result<BackendReport> {
    BackendReport report;
    report.version = TORCH_VERSION;
    report.capabilities = {"FP32", "BF16"};
    if (at::hasCUDA()) {
      report.capabilities.emplace_back("CUDA");
    }
    report.bf16_native = has_native_bf16();
    if (const std::string_view kernels = open_blas_kernels(); !kernels.empty()) {
      report.capabilities.push_back(fmt::format("OpenBLAS for {}", kernels));
    }
    if (blas_kind() == BlasKind::kReference) {
      report.warnings.emplace_back(
          "torch multiplies matrices with the plain BLAS, which is some 30 times slower than OpenBLAS: install "
          "libopenblas0-pthread");
    }
    return report;
  });
}

}  // namespace asterism
