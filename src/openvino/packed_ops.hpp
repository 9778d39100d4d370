// Our own ops inside an OpenVINO model: the ones that see texts inside the packed rows. Private to src/openvino.
//
// Each is an ov::op::Op whose evaluate() calls src/kernels on the plugin's own threads. Their inputs were checked
// before the run (graph/feeds.hpp), so that evaluate() trusts offsets and ranges.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <openvino/op/op.hpp>

#include "graph/graph.hpp"
#include "kernels/linear.hpp"

namespace asterism {

// (x [rows, in], residual [rows, out]?) -> act(x W^T + b) + residual [rows, out], with a weight laid out by
// src/kernels.
class PackedLinearOp final : public ov::op::Op {
 public:
  OPENVINO_OP("PackedLinear", "asterism")
  PackedLinearOp() = default;
  // `layer` is the name of the value. The plugin merges nodes whose type, inputs and attributes agree, and it does not
  // see the weight: the name is the attribute that keeps layers of one input apart.
  PackedLinearOp(const ov::OutputVector& inputs, std::shared_ptr<const LinearWeight> weight,
                 LinearActivation activation, std::string layer);

  void validate_and_infer_types() override;
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;
  bool visit_attributes(ov::AttributeVisitor& visitor) override;
  bool has_evaluate() const override { return true; }
  bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override;

 private:
  std::shared_ptr<const LinearWeight> weight_;
  LinearActivation activation_ = LinearActivation::kNone;
  std::string layer_;
};

// (query, key, value, offsets), or (qkv [tokens, 3 * hidden], offsets) -> [tokens, hidden]. Rows of no text become
// zeros. In float32 or bfloat16, as its inputs are.
class PackedAttentionOp final : public ov::op::Op {
 public:
  OPENVINO_OP("PackedAttention", "asterism")
  PackedAttentionOp() = default;
  PackedAttentionOp(const ov::OutputVector& inputs, const AttentionOptions& options);

  void validate_and_infer_types() override;
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;
  bool visit_attributes(ov::AttributeVisitor& visitor) override;
  bool has_evaluate() const override { return true; }
  bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override;

 private:
  template <typename Element>
  void run_attention(ov::Tensor& output, const ov::TensorVector& inputs) const;

  AttentionOptions options_{.head_count = 1, .scale = 1.0, .causal = false};
};

// (x [tokens, hidden], ranges [texts, 2]) -> [texts, hidden].
class PackedPoolOp final : public ov::op::Op {
 public:
  OPENVINO_OP("PackedPool", "asterism")
  PackedPoolOp() = default;
  PackedPoolOp(const ov::OutputVector& inputs, Pooling pooling);

  void validate_and_infer_types() override;
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;
  bool visit_attributes(ov::AttributeVisitor& visitor) override;
  bool has_evaluate() const override { return true; }
  bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override;

 private:
  std::int64_t pooling_ = 0;
};

}  // namespace asterism
