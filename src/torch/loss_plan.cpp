#include "torch/loss_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "torch/loss_check.hpp"
#include "torch/tensors.hpp"

namespace asterism {
namespace {

bool is_trained(const LearnerSpec& spec, const std::string& name) {
  const auto rule = spec.rules.find(name);
  return rule == spec.rules.end() || rule->second.trained;
}

// Whether anything that the loss can change is above it. Statistics of batch norms are no such thing.
Result<void> check_reached(const LossTerm& term, const Graph& train, const LearnerSpec& spec) {
  const auto part = train.cut(term.outputs);
  if (!part) {
    return std::unexpected(part.error());
  }
  for (const Value& value : part->values()) {
    for (std::size_t i = 0; i < value.inputs.size(); ++i) {
      const Value& input = part->value(value.inputs[i]);
      const bool is_statistic = value.op == Op::kBatchNorm && i >= 3;
      if (input.op == Op::kParameter && !is_statistic && is_trained(spec, input.name)) {
        return {};
      }
    }
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("loss \"{}\": expected a parameter that can be learnt before \"{}\", found none", term.name,
                          term.outputs.front()),
              "freeze less, or leave the loss out");
}

std::size_t place_of(std::vector<std::string>& names, const std::string& name) {
  const auto it = std::ranges::find(names, name);
  const auto place = static_cast<std::size_t>(it - names.begin());
  if (it == names.end()) {
    names.push_back(name);
  }
  return place;
}

std::vector<std::string> frozen_weights(const LearnerSpec& spec) {
  std::vector<std::string> names;
  for (const auto& [name, rule] : spec.rules) {
    if (!rule.trained) {
      names.push_back(name);
    }
  }
  return names;
}

Result<std::optional<LoweredGraph>> lowered(const Graph& graph, const std::vector<std::string>& outputs,
                                            const std::vector<std::string>& frozen) {
  if (outputs.empty()) {
    return std::optional<LoweredGraph>();
  }
  auto cut = graph.cut(outputs);
  if (!cut) {
    return std::unexpected(cut.error());
  }
  auto made = LoweredGraph::make(*std::move(cut), frozen);
  if (!made) {
    return std::unexpected(made.error());
  }
  return std::optional(*std::move(made));
}

}  // namespace

Result<LossPlan> LossPlan::make(const LearnerSpec& spec) {
  const Graph& train = spec.graphs.find(kTrainGraph)->second;
  const auto found = spec.graphs.find(kTeacherGraph);
  const Graph* teacher = found == spec.graphs.end() ? nullptr : &found->second;
  LossPlan plan;
  plan.terms_ = spec.losses;
  std::vector<std::string> outputs;
  std::vector<std::string> teacher_outputs;
  for (const LossTerm& term : spec.losses) {
    if (auto ok = check_loss(term, train, teacher); !ok) {
      return std::unexpected(ok.error());
    }
    if (auto ok = check_reached(term, train, spec); !ok) {
      return std::unexpected(ok.error());
    }
    TermPlaces& places = plan.places_.emplace_back();
    for (const std::string& name : term.outputs) {
      places.outputs.push_back(place_of(outputs, name));
    }
    for (const std::string& name : term.teacher_outputs) {
      places.teacher_outputs.push_back(place_of(teacher_outputs, name));
    }
  }
  auto train_part = lowered(train, outputs, frozen_weights(spec));
  if (!train_part) {
    return std::unexpected(train_part.error());
  }
  plan.train_ = *std::move(train_part);
  if (!teacher_outputs.empty()) {
    auto teacher_part = lowered(*teacher, teacher_outputs, {});
    if (!teacher_part) {
      return std::unexpected(teacher_part.error());
    }
    plan.teacher_ = *std::move(teacher_part);
  }
  return plan;
}

Result<PreparedBatch> LossPlan::prepare(const std::vector<Feed>& feeds) const {
  PreparedBatch batch;
  auto train = train_->feeds().check(feeds);
  if (!train) {
    return std::unexpected(train.error());
  }
  batch.train = *std::move(train);
  if (batch.train.row_count == 0 && batch.train.token_count == 0) {
    return fail(ErrorCode::kInvalidArgument, "batch: expected at least one row, found none");
  }
  if (teacher_) {
    auto teacher = teacher_->feeds().check(feeds);
    if (!teacher) {
      return std::unexpected(teacher.error());
    }
    batch.teacher = *std::move(teacher);
  }
  for (const LossTerm& term : terms_) {
    auto found = loss_feeds(term, train_->graph(), batch.train, feeds);
    if (!found) {
      return std::unexpected(found.error());
    }
    batch.loss_feeds.push_back(*std::move(found));
  }
  return batch;
}

LossOperands LossPlan::operands(std::size_t term, const PreparedBatch& batch, const std::vector<at::Tensor>& outputs,
                                const std::vector<at::Tensor>& teacher_outputs) const {
  LossOperands operands;
  for (const std::size_t place : places_[term].outputs) {
    operands.outputs.push_back(outputs[place].to(at::kFloat));
  }
  for (const std::size_t place : places_[term].teacher_outputs) {
    operands.teacher_outputs.push_back(teacher_outputs[place].to(at::kFloat));
  }
  for (const Tensor* feed : batch.loss_feeds[term]) {
    operands.feeds.push_back(borrowed(*feed).to(outputs.front().device()));
  }
  return operands;
}

}  // namespace asterism
