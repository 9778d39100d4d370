#include "openvino/packed_ops.hpp"

#include <algorithm>
#include <atomic>
#include <openvino/core/parallel.hpp>
#include <span>
#include <utility>

#include "kernels/attention.hpp"
#include "kernels/pooling.hpp"

namespace asterism {
namespace {

// Below this much work (multiply-adds) waking the other threads costs more than it saves.
constexpr std::size_t kParallelWorkMin = 200'000;

// Parts into which the panels of a linear layer are divided where rows are few.
constexpr std::size_t kPanelGroupCount = 8;

std::size_t dim(const ov::Tensor& tensor, std::ptrdiff_t axis) {
  return tensor.get_shape()[axis];
}

// Takes units from a shared counter, a few at a time, so that one long text does not leave the other threads idle.
template <typename Body>
void for_units(std::size_t unit_count, std::size_t work, std::size_t chunk, const Body& body) {
  const auto thread_count = static_cast<std::size_t>(std::max(1, parallel_get_max_threads()));
  if (thread_count == 1 || work < kParallelWorkMin) {
    body(0, unit_count);
    return;
  }
  std::atomic<std::size_t> next{0};
  ov::parallel_nt(static_cast<int>(thread_count), [&](int, int) {
    for (std::size_t begin = next.fetch_add(chunk); begin < unit_count; begin = next.fetch_add(chunk)) {
      body(begin, std::min(unit_count, begin + chunk));
    }
  });
}

// How the threads share a linear layer: blocks of rows, equal to a tile, and groups of panels.
struct LinearSplit {
  std::size_t row_count = 0;
  std::size_t panel_count = 0;
  std::size_t block_count = 1;
  std::size_t group_count = 1;

  LinearBlock block(std::size_t unit) const {
    const std::size_t index = unit / group_count;
    const std::size_t group = unit % group_count;
    return {row_at(index), row_at(index + 1), panel_count * group / group_count,
            panel_count * (group + 1) / group_count};
  }
  std::size_t row_at(std::size_t index) const {
    const std::size_t tiles = (row_count + kLinearRowStep - 1) / kLinearRowStep;
    return std::min(row_count, tiles * index / block_count * kLinearRowStep);
  }
};

// Many rows: as many blocks for every thread, each reading the whole weight once. Few rows: the weight is divided,
// since reading it is what takes the time.
LinearSplit split_linear(const LinearWeight& weight, std::size_t row_count) {
  LinearSplit split{row_count, weight.panel_count()};
  const auto thread_count = static_cast<std::size_t>(std::max(1, parallel_get_max_threads()));
  split.block_count = (row_count + kLinearRowBlock - 1) / kLinearRowBlock;
  if (thread_count == 1) {
    return split;
  }
  if (split.block_count < thread_count) {
    split.group_count = std::min(weight.panel_count(), kPanelGroupCount);
  } else {
    split.block_count = (split.block_count + thread_count - 1) / thread_count * thread_count;
  }
  return split;
}

PoolKind pool_kind(Pooling pooling) {
  switch (pooling) {
    case Pooling::kCls:
      return PoolKind::kFirst;
    case Pooling::kMax:
      return PoolKind::kMax;
    case Pooling::kMean:
      return PoolKind::kMean;
    case Pooling::kMeanSqrtLen:
      return PoolKind::kMeanSqrtLen;
    case Pooling::kWeightedMean:
      return PoolKind::kWeightedMean;
    case Pooling::kLastToken:
      return PoolKind::kLast;
  }
  return PoolKind::kMean;
}

}  // namespace

PackedLinearOp::PackedLinearOp(const ov::OutputVector& inputs, std::shared_ptr<const LinearWeight> weight,
                               LinearActivation activation, std::string layer)
    : Op(inputs), weight_(std::move(weight)), activation_(activation), layer_(std::move(layer)) {
  constructor_validate_and_infer_types();
}

void PackedLinearOp::validate_and_infer_types() {
  ov::PartialShape shape = get_input_partial_shape(0);
  shape[1] = static_cast<std::int64_t>(weight_->out());
  set_output_type(0, get_input_element_type(0), shape);
}

std::shared_ptr<ov::Node> PackedLinearOp::clone_with_new_inputs(const ov::OutputVector& inputs) const {
  return std::make_shared<PackedLinearOp>(inputs, weight_, activation_, layer_);
}

bool PackedLinearOp::visit_attributes(ov::AttributeVisitor& visitor) {
  visitor.on_attribute("layer", layer_);
  return true;
}

bool PackedLinearOp::evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const {
  const std::size_t row_count = dim(inputs[0], 0);
  outputs[0].set_shape({row_count, weight_->out()});
  const LinearProblem problem{weight_.get(), inputs[0].data<const float>(),
                              inputs.size() == 2 ? inputs[1].data<const float>() : nullptr, outputs[0].data<float>(),
                              activation_};
  const LinearSplit split = split_linear(*weight_, row_count);
  for_units(split.block_count * split.group_count, row_count * weight_->in() * weight_->out(), 1,
            [&](std::size_t begin, std::size_t end) {
              for (std::size_t i = begin; i < end; ++i) {
                linear(problem, split.block(i));
              }
            });
  return true;
}

PackedAttentionOp::PackedAttentionOp(const ov::OutputVector& inputs, const AttentionOptions& options)
    : Op(inputs), options_(options) {
  constructor_validate_and_infer_types();
}

void PackedAttentionOp::validate_and_infer_types() {
  ov::PartialShape shape = get_input_partial_shape(0);
  if (get_input_size() == 2 && shape.rank().is_static() && shape[1].is_static()) {
    shape[1] = shape[1].get_length() / 3;
  }
  set_output_type(0, get_input_element_type(0), shape);
}

std::shared_ptr<ov::Node> PackedAttentionOp::clone_with_new_inputs(const ov::OutputVector& inputs) const {
  return std::make_shared<PackedAttentionOp>(inputs, options_);
}

bool PackedAttentionOp::visit_attributes(ov::AttributeVisitor& visitor) {
  visitor.on_attribute("head_count", options_.head_count);
  visitor.on_attribute("scale", options_.scale);
  visitor.on_attribute("causal", options_.causal);
  return true;
}

bool PackedAttentionOp::evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const {
  if (inputs[0].get_element_type() == ov::element::bf16) {
    run_attention<std::uint16_t>(outputs[0], inputs);
  } else {
    run_attention<float>(outputs[0], inputs);
  }
  return true;
}

// bfloat16 goes by its bits.
template <typename Element>
void PackedAttentionOp::run_attention(ov::Tensor& output, const ov::TensorVector& inputs) const {
  const bool fused = inputs.size() == 2;
  const ov::Tensor& offsets = inputs.back();
  const std::size_t token_count = dim(inputs[0], 0);
  const std::size_t hidden = dim(inputs[0], 1) / (fused ? 3 : 1);
  output.set_shape({token_count, hidden});
  const auto elements = [](const ov::Tensor& tensor) { return static_cast<const Element*>(tensor.data()); };

  BasicAttentionProblem<Element> problem;
  problem.query = elements(inputs[0]);
  problem.key = fused ? problem.query + hidden : elements(inputs[1]);
  problem.value = fused ? problem.query + 2 * hidden : elements(inputs[2]);
  problem.query_stride = problem.key_stride = problem.value_stride = dim(inputs[0], 1);
  problem.output = static_cast<Element*>(output.data());
  problem.output_stride = hidden;
  problem.offsets = {offsets.data<const std::int32_t>(), offsets.get_size()};
  problem.head_count = static_cast<std::size_t>(options_.head_count);
  problem.head_dim = hidden / problem.head_count;
  problem.scale = static_cast<float>(options_.scale);
  problem.causal = options_.causal;

  std::size_t work = 0;
  for (std::size_t i = 0; i < problem.text_count(); ++i) {
    const auto length = static_cast<std::size_t>(problem.offsets[i + 1] - problem.offsets[i]);
    work += 2 * length * length * hidden;
  }
  for_units(problem.unit_count(), work, problem.head_count, [&](std::size_t begin, std::size_t end) {
    AttentionScratch scratch;
    attention(problem, begin, end, scratch);
  });
  const auto used = static_cast<std::size_t>(problem.offsets.back());
  std::fill(problem.output + used * hidden, problem.output + token_count * hidden, Element{});
}

PackedPoolOp::PackedPoolOp(const ov::OutputVector& inputs, Pooling pooling)
    : Op(inputs), pooling_(static_cast<std::int64_t>(pooling)) {
  constructor_validate_and_infer_types();
}

void PackedPoolOp::validate_and_infer_types() {
  const ov::PartialShape& x = get_input_partial_shape(0);
  const ov::PartialShape& ranges = get_input_partial_shape(1);
  set_output_type(0, get_input_element_type(0), ov::PartialShape{ranges[0], x[1]});
}

std::shared_ptr<ov::Node> PackedPoolOp::clone_with_new_inputs(const ov::OutputVector& inputs) const {
  return std::make_shared<PackedPoolOp>(inputs, static_cast<Pooling>(pooling_));
}

bool PackedPoolOp::visit_attributes(ov::AttributeVisitor& visitor) {
  visitor.on_attribute("pooling", pooling_);
  return true;
}

bool PackedPoolOp::evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const {
  const std::size_t hidden = dim(inputs[0], 1);
  const std::size_t text_count = dim(inputs[1], 0);
  outputs[0].set_shape({text_count, hidden});
  const float* rows = inputs[0].data<const float>();
  const auto* ranges = inputs[1].data<const std::int32_t>();
  float* out = outputs[0].data<float>();
  const PoolKind kind = pool_kind(static_cast<Pooling>(pooling_));
  for_units(text_count, dim(inputs[0], 0) * hidden, 4, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const auto begin = static_cast<std::size_t>(ranges[2 * i]);
      const auto end = static_cast<std::size_t>(ranges[2 * i + 1]);
      pool_rows(kind, rows + begin * hidden, end - begin, hidden, hidden, out + i * hidden);
    }
  });
  return true;
}

}  // namespace asterism
