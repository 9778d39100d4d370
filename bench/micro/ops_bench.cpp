// Every op of the graph at the sizes of MiniLM, from the descriptions that the conformance tests use.
//
// Each benchmark first compares its answer with the reference interpreter (on a small build of the same description),
// so that a wrong kernel cannot be fast; the label is a checksum of the timed output.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "conform/op_cases.hpp"
#include "openvino/openvino_backend.hpp"
#include "reference/reference_backend.hpp"

namespace {

using namespace asterism;           // NOLINT(google-build-using-namespace): a program of its own
using namespace asterism::conform;  // NOLINT(google-build-using-namespace)

Result<Tensor> run_once(const Backend& backend, const BuiltCase& built) {
  auto executable = backend.compile(built.graph, built.parameters, {});
  if (!executable) {
    return std::unexpected(executable.error());
  }
  auto outputs = (*executable)->run(built.feeds);
  if (!outputs) {
    return std::unexpected(outputs.error());
  }
  return outputs->at(0);
}

// Empty when the small build of the case agrees with the reference.
std::string check(const OpCase& op_case) {
  const auto built = build_case(op_case, test_size(), 0);
  if (!built) {
    return built.error().to_string();
  }
  const auto expected = run_once(*make_reference_backend(), *built);
  const auto found = run_once(*make_openvino_backend(), *built);
  if (!expected || !found) {
    return (expected ? found : expected).error().to_string();
  }
  double largest = 0.0;
  double difference = 0.0;
  for (std::size_t i = 0; i < expected->element_count(); ++i) {
    const auto wanted = static_cast<double>(expected->as<float>()[i]);
    largest = std::max(largest, std::abs(wanted));
    difference = std::max(difference, std::abs(static_cast<double>(found->as<float>()[i]) - wanted));
  }
  return difference <= op_case.tolerance * largest ? "" : "the answer differs from the reference";
}

void run_case(benchmark::State& state, const OpCase& op_case) {
  if (const std::string wrong = check(op_case); !wrong.empty()) {
    state.SkipWithError(wrong.c_str());
    return;
  }
  const CaseSize size = benchmark_size();
  const auto built = build_case(op_case, size, 0);
  const auto executable = make_openvino_backend()->compile(built->graph, built->parameters,
                                                           {.thread_count = static_cast<std::size_t>(state.range(0))});
  if (!executable) {
    state.SkipWithError(executable.error().to_string().c_str());
    return;
  }
  double checksum = 0.0;
  for (auto _ : state) {
    const auto outputs = (*executable)->run(built->feeds);
    if (!outputs) {
      state.SkipWithError(outputs.error().to_string().c_str());
      return;
    }
    checksum = static_cast<double>(outputs->at(0).as<float>()[0]);
    benchmark::DoNotOptimize(checksum);
  }
  state.SetItemsProcessed(state.iterations() * size.token_count());
  state.SetLabel("checksum " + std::to_string(checksum));
}

// Before main() parses the command line: one benchmark a description and thread count.
const bool kRegistered = [] {
  for (const OpCase& op_case : op_cases()) {
    benchmark::RegisterBenchmark(op_case.name.c_str(), run_case, op_case)
        ->ArgName("threads")
        ->Arg(1)
        ->Arg(2)
        ->UseRealTime();
  }
  return true;
}();

}  // namespace
