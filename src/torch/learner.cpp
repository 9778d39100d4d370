#include "torch/learner.hpp"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "torch/memory.hpp"
#include "torch/run_scope.hpp"
#include "torch/tensors.hpp"
#include "torch/torch_backend.hpp"

namespace asterism {
namespace {

// Keeps the division by the norm finite; torch.nn.utils.clip_grad_norm_ adds the same.
constexpr double kClipEpsilon = 1e-6;

std::unexpected<Error> bad_spec(const std::string& what) {
  return fail(ErrorCode::kInvalidArgument, "learner: " + what);
}

Result<void> check_spec(const LearnerSpec& spec) {
  if (!spec.graphs.contains(kTrainGraph)) {
    return bad_spec(fmt::format("expected a graph \"{}\", found none", kTrainGraph));
  }
  if (spec.thread_count == 0) {
    return bad_spec("expected at least 1 thread, found 0");
  }
  for (const auto& [role, graph] : spec.graphs) {
    if (auto ok = graph.verify(); !ok) {
      return ok;
    }
    if (auto ok = graph.check_bound(spec.parameters); !ok) {
      return ok;
    }
  }
  for (const auto& [name, rule] : spec.rules) {
    if (!spec.parameters.contains(name)) {
      return bad_spec(fmt::format("a rule is given for the parameter \"{}\", which is not there", name));
    }
  }
  for (const LossTerm& term : spec.losses) {
    if (!term.teacher_outputs.empty() && !spec.averaged) {
      return bad_spec(
          fmt::format("loss \"{}\" has a teacher, whose weights are averages: averaged must be set", term.name));
    }
  }
  return {};
}

Result<at::Device> choose_device(LearnerDevice wanted) {
  const bool has_cuda = at::hasCUDA();
  if (wanted == LearnerDevice::kCuda && !has_cuda) {
    return fail(ErrorCode::kUnsupported, "device cuda: this libtorch has no CUDA, or the machine no device for it",
                "use the device \"cpu\", or build with a libtorch for CUDA (Torch_DIR)");
  }
  return has_cuda && wanted != LearnerDevice::kCpu ? at::Device(at::kCUDA) : at::Device(at::kCPU);
}

// Role and outputs as one word that no other pair has.
std::string cut_key(std::string_view role, std::span<const std::string> outputs) {
  std::string key(role);
  for (const std::string& output : outputs) {
    key += '\n';
    key += output;
  }
  return key;
}

}  // namespace

Result<std::unique_ptr<Learner>> make_torch_learner(LearnerSpec spec) {
  return TorchLearner::make(std::move(spec));
}

Result<std::unique_ptr<Learner>> TorchLearner::make(LearnerSpec spec) {
  if (auto ok = check_spec(spec); !ok) {
    return std::unexpected(ok.error());
  }
  auto plan = LossPlan::make(spec);
  if (!plan) {
    return std::unexpected(plan.error());
  }
  return without_exceptions("torch could not take the network", [&]() -> Result<std::unique_ptr<Learner>> {
    const auto device = choose_device(spec.device);
    if (!device) {
      return std::unexpected(device.error());
    }
    const RunScope scope(spec.thread_count, Gradients::kNone);
    keep_freed_memory();
    return std::make_unique<TorchLearner>(std::move(spec), *device, *std::move(plan));
  });
}

TorchLearner::TorchLearner(LearnerSpec spec, at::Device device, LossPlan plan)
    : spec_(std::move(spec)),
      device_(device),
      store_(spec_, device),
      optimizer_(spec_.optimizer, store_),
      plan_(std::move(plan)) {
  spec_.parameters.clear();  // the store has them
  if (!spec_.losses.empty()) {
    learning_ = plan_.train().bind(store_.learning());
    evaluated_ = plan_.train().bind(store_.values());
  }
  if (plan_.teacher() != nullptr) {
    teaching_ = plan_.teacher()->bind(store_.averages());
  }
}

Result<void> TorchLearner::check_batches(std::span<const MicroBatch> batches, const StepSettings& settings,
                                         std::vector<PreparedBatch>& prepared) const {
  if (spec_.losses.empty() || batches.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("step: expected at least one loss and one batch, found {} and {}", spec_.losses.size(),
                            batches.size()));
  }
  if (!std::isfinite(settings.learning_rate) || settings.learning_rate < 0.0 || settings.average_decay < 0.0 ||
      settings.average_decay > 1.0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("step: expected a learning rate of at least 0 and an average's decay of 0 to 1, found {} "
                            "and {}",
                            settings.learning_rate, settings.average_decay));
  }
  for (const MicroBatch& batch : batches) {
    auto checked = plan_.prepare(batch.feeds);
    if (!checked) {
      return std::unexpected(checked.error());
    }
    if (!std::isfinite(batch.weight) || batch.weight <= 0.0) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("batch: expected a weight above 0, found {}", batch.weight));
    }
    if (plan_.train().needs_two_rows() && checked->train.row_count < 2) {
      return fail(ErrorCode::kInvalidArgument,
                  "batch: expected at least 2 rows, since a batch norm needs them, found 1");
    }
    prepared.push_back(*std::move(checked));
  }
  return {};
}

std::vector<at::Tensor> TorchLearner::term_values(const PreparedBatch& batch, RunMode mode) const {
  const RunSettings settings{mode, spec_.batch_norm_momentum, spec_.precision};
  std::vector<at::Tensor> outputs;
  std::vector<at::Tensor> teacher_outputs;
  {
    const AutocastScope autocast(spec_.precision, device_.type());
    if (batch.teacher) {
      const c10::NoGradGuard no_gradients;
      teacher_outputs = plan_.teacher()->run(*batch.teacher, teaching_, {.precision = spec_.precision});
    }
    outputs = plan_.train().run(batch.train, mode == RunMode::kTraining ? learning_ : evaluated_, settings);
  }
  std::vector<at::Tensor> terms;
  for (std::size_t i = 0; i < spec_.losses.size(); ++i) {
    terms.push_back(loss_value(spec_.losses[i], plan_.operands(i, batch, outputs, teacher_outputs)));
  }
  return terms;
}

at::Tensor TorchLearner::weighted_sum(const std::vector<at::Tensor>& terms) const {
  at::Tensor sum;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const at::Tensor part = spec_.losses[i].weight * terms[i];
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

void TorchLearner::clip_gradients(double norm) {
  const double limit = spec_.optimizer.gradient_norm_max;
  if (limit > 0.0 && norm > limit) {
    store_.gradients().mul_(limit / (norm + kClipEpsilon));
  }
}

Result<StepReport> TorchLearner::step(std::span<const MicroBatch> batches, const StepSettings& settings) {
  std::vector<PreparedBatch> prepared;
  if (auto ok = check_batches(batches, settings, prepared); !ok) {
    return std::unexpected(ok.error());
  }
  return without_exceptions("torch could not learn from the batch", [&]() -> Result<StepReport> {
    const RunScope scope(spec_.thread_count, Gradients::kRecorded);
    double total_weight = 0.0;
    for (const MicroBatch& batch : batches) {
      total_weight += batch.weight;
    }
    StepReport report;
    report.terms.assign(spec_.losses.size(), 0.0);
    store_.begin_step();
    for (std::size_t i = 0; i < batches.size(); ++i) {
      const double share = batches[i].weight / total_weight;
      const std::vector<at::Tensor> terms = term_values(prepared[i], RunMode::kTraining);
      const at::Tensor loss = weighted_sum(terms);
      (share * loss).backward();
      report.loss += share * loss.item<double>();
      for (std::size_t term = 0; term < terms.size(); ++term) {
        report.terms[term] += share * terms[term].item<double>();
      }
      report.gradient_norm = store_.gradients().norm().item<double>();
      if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) {
        report.finite = false;
        report.bad_batch = i;
        return report;
      }
    }
    const c10::NoGradGuard no_gradients;
    clip_gradients(report.gradient_norm);
    optimizer_.update(settings.learning_rate);
    store_.keep_statistics();
    if (spec_.averaged) {
      store_.update_averages(settings.average_decay);
    }
    return report;
  });
}

Result<StepReport> TorchLearner::losses(const std::vector<Feed>& feeds) {
  if (spec_.losses.empty()) {
    return fail(ErrorCode::kInvalidArgument, "losses: expected at least one loss, found none");
  }
  const auto prepared = plan_.prepare(feeds);
  if (!prepared) {
    return std::unexpected(prepared.error());
  }
  return without_exceptions("torch could not evaluate the batch", [&]() -> Result<StepReport> {
    const RunScope scope(spec_.thread_count, Gradients::kNone);
    StepReport report;
    const std::vector<at::Tensor> terms = term_values(*prepared, RunMode::kEvaluation);
    for (const at::Tensor& term : terms) {
      report.terms.push_back(term.item<double>());
    }
    report.loss = weighted_sum(terms).item<double>();
    report.finite = std::isfinite(report.loss);
    return report;
  });
}

Result<const TorchLearner::BoundGraph*> TorchLearner::bound(std::string_view role,
                                                            std::span<const std::string> outputs) {
  const std::string key = cut_key(role, outputs);
  if (const auto it = bound_.find(key); it != bound_.end()) {
    return &it->second;
  }
  const auto graph = spec_.graphs.find(role);
  if (graph == spec_.graphs.end()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("run: the learner has no graph \"{}\"", role));
  }
  auto cut = graph->second.cut(outputs);
  if (!cut) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("run: graph \"{}\": {}", role, cut.error().message));
  }
  auto lowered = LoweredGraph::make(*std::move(cut));
  if (!lowered) {
    return std::unexpected(lowered.error());
  }
  ParameterSlots trained = lowered->bind(store_.values());
  ParameterSlots averages = spec_.averaged ? lowered->bind(store_.averages()) : ParameterSlots();
  const auto [it, added] =
      bound_.emplace(key, BoundGraph{*std::move(lowered), std::move(trained), std::move(averages)});
  return &it->second;
}

Result<std::vector<Tensor>> TorchLearner::run(std::string_view role, const std::vector<Feed>& feeds,
                                              std::span<const std::string> outputs, WeightsOf weights) {
  if (weights == WeightsOf::kAverage && !spec_.averaged) {
    return bad_spec("it keeps no averages: averaged must be set");
  }
  const auto graph = bound(role, outputs);
  if (!graph) {
    return std::unexpected(graph.error());
  }
  const auto checked = (*graph)->graph.feeds().check(feeds);
  if (!checked) {
    return std::unexpected(checked.error());
  }
  return without_exceptions("torch could not run the graph", [&]() -> Result<std::vector<Tensor>> {
    const RunScope scope(spec_.thread_count, Gradients::kNone);
    const AutocastScope autocast(spec_.precision, device_.type());
    const ParameterSlots& slots = weights == WeightsOf::kAverage ? (*graph)->averages : (*graph)->trained;
    std::vector<Tensor> results;
    for (const at::Tensor& output : (*graph)->graph.run(*checked, slots, {.precision = spec_.precision})) {
      results.push_back(copied(output));
    }
    return results;
  });
}

std::string_view TorchLearner::device() const noexcept {
  return device_.is_cuda() ? "cuda" : "cpu";
}

}  // namespace asterism
