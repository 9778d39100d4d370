// A linear layer over rows, y = act(x W^T + b) + residual, in float32, with the weight laid out once for the processor.
//
// The weight is cut into parts of a few hundred inputs and panels of a few vectors' width, stored in the order in which
// a block of rows reads them. One call computes a block of rows by a block of panels; disjoint blocks may run on
// different threads. Each element is one chain of fused multiply-adds in the order of the inputs, so its value does not
// depend on the block it is in, nor on its batch mates. Source of the scheme: Goto and van de Geijn 2008, "Anatomy of
// High-Performance Matrix Multiplication". Cost: 2 * rows * in * out operations; the layout takes as much memory as the
// weight (out rounded up to a panel).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace asterism {

class ThreadPool;

enum class LinearActivation : std::uint8_t { kNone, kGeluErf, kRelu };

// A plain weight [out, in] by rows, and its bias [out] or nothing.
struct LinearPart {
  std::span<const float> weight;
  std::span<const float> bias;
};

class LinearWeight {
 public:
  // Copies `parts`, whose outputs follow one another: query, key and value layers become one. Each has `in` inputs.
  LinearWeight(std::span<const LinearPart> parts, std::size_t in);

  std::size_t in() const noexcept { return in_; }
  std::size_t out() const noexcept { return out_; }
  std::size_t panel_count() const noexcept { return panel_count_; }
  std::size_t panel_width() const noexcept { return panel_width_; }
  // Inputs in one part; the last part may have fewer.
  std::size_t depth() const noexcept { return depth_; }
  // The weights from inputs [depth_begin, depth_end) (one part) to the outputs of a panel: [inputs, panel_width].
  const float* part(std::size_t depth_begin, std::size_t depth_end, std::size_t panel) const noexcept {
    return values_.get() + (depth_begin * panel_count_ + panel * (depth_end - depth_begin)) * panel_width_;
  }
  // [panel_count * panel_width], zeros past `out`.
  const float* bias() const noexcept { return values_.get() + panel_count_ * panel_width_ * in_; }

 private:
  // Inputs are taken at most this many at a time, so that the part of a panel in use (depth x panel width) stays in the
  // first-level cache while the rows of a block pass by.
  static constexpr std::size_t kDepthMax = 384;

  struct AlignedDelete {
    void operator()(float* p) const noexcept;
  };
  void set_column(std::size_t column, std::span<const float> values);

  std::size_t in_ = 0;
  std::size_t out_ = 0;
  std::size_t depth_ = 0;
  std::size_t panel_width_ = 0;
  std::size_t panel_count_ = 0;
  std::unique_ptr<float[], AlignedDelete> values_;
};

struct LinearProblem {
  const LinearWeight* weight = nullptr;
  const float* x = nullptr;         // [rows, in]
  const float* residual = nullptr;  // [rows, out], added last; null for none
  float* y = nullptr;               // [rows, out]; may be `residual`, not `x`
  LinearActivation activation = LinearActivation::kNone;
};

struct LinearBlock {
  std::size_t row_begin = 0;
  std::size_t row_end = 0;
  std::size_t panel_begin = 0;
  std::size_t panel_end = 0;
};

// Rows up to which a block keeps its part of x in the second-level cache. Each block reads the weight once: callers
// divide rows evenly into blocks of at most this, at multiples of the step (which tiles of 6 and of 8 rows divide).
inline constexpr std::size_t kLinearRowBlock = 96;
inline constexpr std::size_t kLinearRowStep = 24;

// A block may have any number of rows.
void linear(const LinearProblem& problem, const LinearBlock& block);

// All of [row_count, out] on the threads of `pool`: the same bits with any number of them.
void linear(const LinearProblem& problem, std::size_t row_count, ThreadPool& pool);

// The same in plain double arithmetic from the plain weight [out, in]: the oracle of the tests.
void linear_scalar(const LinearProblem& problem, const LinearPart& plain, const LinearBlock& block);

}  // namespace asterism
