// Steps of the learner on networks of the sizes that recipes train.
//
// Each first learns its one batch for a few steps and must get better at it; the label is the loss after that. Images a
// second are those of the data: two views count as one.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>

#include "micro/training_networks.hpp"
#include "torch/torch_backend.hpp"

namespace {

using namespace asterism;         // NOLINT(google-build-using-namespace): a program of its own
using namespace asterism::bench;  // NOLINT(google-build-using-namespace)

using MakeCase = TrainingCase (*)(std::int64_t);

void steps(benchmark::State& state, MakeCase make, std::int64_t rows, ComputePrecision precision) {
  TrainingCase c = make(rows);
  c.spec.thread_count = 2;
  c.spec.precision = precision;
  const auto learner = make_torch_learner(std::move(c.spec));
  if (!learner) {
    state.SkipWithError(learner.error().to_string().c_str());
    return;
  }
  const std::array batches{MicroBatch{c.feeds}};
  const auto step = [&] { return (*learner)->step(batches, {.learning_rate = 1e-3}); };
  const auto first = step();
  auto last = first;
  for (int i = 0; i < 2; ++i) {
    last = step();
  }
  if (!first || !last || last->loss >= first->loss) {
    state.SkipWithError(first ? "the loss did not fall" : first.error().to_string().c_str());
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(step());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * c.image_count);
  state.SetLabel("loss " + std::to_string(last->loss));
}

void add(const std::string& name, MakeCase make, std::int64_t rows) {
  for (const auto& [suffix, precision] :
       {std::pair{"/f32", ComputePrecision::kF32}, std::pair{"/bf16", ComputePrecision::kBF16}}) {
    benchmark::RegisterBenchmark((name + suffix).c_str(), steps, make, rows, precision)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
}

// Networks are registered before benchmark's own main runs.
const bool kRegistered = [] {
  add("lenet", lenet, 128);
  add("resnet18_simclr", resnet18_simclr, 128);
  add("vit_mae", vit_mae, 128);
  return true;
}();

}  // namespace
