#include "torch/lowering.hpp"

#include <ATen/Functions.h>
#include <c10/util/SmallVector.h>

#include <algorithm>
#include <utility>

#include "torch/op_lowering.hpp"
#include "torch/tensors.hpp"

namespace asterism {
namespace {

std::size_t index_of(ValueId id) {
  return static_cast<std::size_t>(id);
}

// The product of everything after the channels.
std::int64_t values_per_channel(const Shape& shape) {
  std::int64_t count = 1;
  for (std::size_t axis = 2; axis < shape.size(); ++axis) {
    count *= shape[axis];
  }
  return count;
}

at::Device device_of(const ParameterSlots& parameters) {
  const auto it = std::ranges::find_if(parameters, [](const at::Tensor& tensor) { return tensor.defined(); });
  return it == parameters.end() ? at::Device(at::kCPU) : it->device();
}

}  // namespace

Result<LoweredGraph> LoweredGraph::make(Graph graph, std::span<const std::string> fixed_batch_norms) {
  auto feeds = FeedPlan::make(graph);
  if (!feeds) {
    return std::unexpected(feeds.error());
  }
  LoweredGraph lowered(std::move(graph));
  lowered.feeds_ = *std::move(feeds);
  lowered.plan_releases();
  lowered.plan_layouts();
  lowered.plan_batch_norms(fixed_batch_norms);
  return lowered;
}

void LoweredGraph::plan_releases() {
  const auto values = graph_.values();
  std::vector<std::size_t> last_use(values.size(), 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (const ValueId input : values[i].inputs) {
      last_use[index_of(input)] = i;
    }
  }
  releases_.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool is_output = std::ranges::count(graph_.outputs(), ValueId{static_cast<std::uint32_t>(i)}) > 0;
    if (!is_output && last_use[i] > i) {
      releases_[last_use[i]].push_back(i);
    }
  }
}

void LoweredGraph::plan_layouts() {
  is_convolved_.assign(graph_.values().size(), false);
  for (const Value& value : graph_.values()) {
    if (value.op == Op::kConv2d) {
      is_convolved_[index_of(value.inputs[0])] = true;
    }
  }
}

void LoweredGraph::plan_batch_norms(std::span<const std::string> fixed_batch_norms) {
  learns_statistics_.assign(graph_.values().size(), false);
  for (std::size_t i = 0; i < graph_.values().size(); ++i) {
    const Value& value = graph_.values()[i];
    if (value.op == Op::kBatchNorm) {
      learns_statistics_[i] = std::ranges::count(fixed_batch_norms, graph_.value(value.inputs[1]).name) == 0;
      needs_two_rows_ = needs_two_rows_ || (learns_statistics_[i] && values_per_channel(value.shape) == 1);
    }
  }
}

ParameterSlots LoweredGraph::bind(const std::map<std::string, at::Tensor, std::less<>>& all) const {
  ParameterSlots slots(graph_.values().size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (graph_.values()[i].op == Op::kParameter) {
      slots[i] = all.find(graph_.values()[i].name)->second;
    }
  }
  return slots;
}

// Convolutions are up to twice as fast when channels come last in memory.
at::Tensor LoweredGraph::fed(const Tensor& tensor, std::size_t index, at::Device device) const {
  const at::Tensor fed = borrowed(tensor).to(device);
  return is_convolved_[index] ? fed.contiguous(at::MemoryFormat::ChannelsLast) : fed;
}

std::vector<at::Tensor> LoweredGraph::run(const CheckedFeeds& feeds, const ParameterSlots& parameters,
                                          const RunSettings& settings) const {
  const at::Device device = device_of(parameters);
  std::vector<at::Tensor> slots = parameters;
  for (std::size_t i = 0; i < feeds.tensors.size(); ++i) {
    const FeedSlot& slot = feeds_.slots()[i];
    const bool is_read_by_host = slot.role == FeedRole::kOffsets || slot.role == FeedRole::kRanges;
    slots[index_of(slot.value)] =
        fed(*feeds.tensors[i], index_of(slot.value), is_read_by_host ? at::Device(at::kCPU) : device);
  }
  std::map<const void*, PaddedTexts> texts;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Value& value = graph_.values()[i];
    if (value.op == Op::kInput || value.op == Op::kParameter) {
      continue;
    }
    c10::SmallVector<at::Tensor, 5> inputs;
    for (const ValueId input : value.inputs) {
      inputs.push_back(slots[index_of(input)]);
    }
    const bool learns = settings.mode == RunMode::kTraining && learns_statistics_[i];
    slots[i] = lower_op({value,
                         {inputs.begin(), inputs.size()},
                         learns ? std::optional(settings.batch_norm_momentum) : std::nullopt,
                         texts,
                         settings.precision == ComputePrecision::kF32});
    for (const std::size_t released : releases_[i]) {
      slots[released] = at::Tensor();
    }
  }
  std::vector<at::Tensor> outputs;
  for (const ValueId output : graph_.outputs()) {
    outputs.push_back(slots[index_of(output)]);
  }
  return outputs;
}

}  // namespace asterism
