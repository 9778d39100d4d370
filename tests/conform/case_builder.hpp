// A case of one op: how large it is built, its random weights and feeds, and how much a backend may differ.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/backend.hpp"
#include "graph/graph.hpp"

namespace asterism::conform {

// How large a case is built: the tests take small sizes with awkward remainders, the benchmark those of a real model.
struct CaseSize {
  std::vector<std::int32_t> lengths;  // tokens of each text
  std::int64_t hidden = 0;
  std::int64_t wide = 0;
  std::int64_t head_count = 1;
  std::int64_t vocabulary = 0;
  // Of images and their maps.
  std::int64_t image_count = 0;
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;

  std::int64_t token_count() const {
    std::int64_t count = 0;
    for (const std::int32_t length : lengths) {
      count += length;
    }
    return count;
  }
};

inline CaseSize test_size() {
  return {{3, 1, 0, 17, 40, 2}, 24, 41, 3, 19, 2, 6, 11, 8};
}

// MiniLM's sizes, 512 tokens in texts of 64.
inline CaseSize benchmark_size() {
  return {std::vector<std::int32_t>(8, 64), 384, 1536, 12, 30522, 4, 64, 56, 56};
}

struct OpCase {
  std::string name;
  Op op = Op::kInput;
  // Adds the op to the builder and returns its value; inputs come from the helpers of CaseBuilder below.
  std::function<ValueId(class CaseBuilder&)> build;
  // Allowed difference in float32, in units of the largest output magnitude. Each op says where it comes from.
  double tolerance = 0.0;
};

// A built case: what a backend needs to run it.
struct BuiltCase {
  Graph graph;
  ParameterMap parameters;
  std::vector<Feed> feeds;
};

// Collects the graph, its random weights and feeds. `padding_rows` more token rows than the texts have are fed, filled
// with NaN: rows that belong to no text must not reach those that do.
class CaseBuilder {
 public:
  CaseBuilder(CaseSize size, std::int64_t padding_rows) : size_(std::move(size)), padding_rows_(padding_rows) {}

  const CaseSize& size() const { return size_; }
  GraphBuilder& graph() { return graph_; }

  ValueId token_rows(const std::string& name, std::int64_t dim, float magnitude = 1.0F) {
    Tensor tensor = random_tensor({size_.token_count() + padding_rows_, dim}, magnitude);
    std::span<float> values = tensor.mutable_as<float>();
    std::ranges::fill(values.subspan(static_cast<std::size_t>(size_.token_count() * dim)),
                      std::numeric_limits<float>::quiet_NaN());
    feeds_.push_back({name, tensor});
    return graph_.input(name, DType::kF32, {kDynamicDim, dim});
  }

  ValueId token_ids(const std::string& name, std::int64_t limit) {
    Tensor tensor(DType::kI32, {size_.token_count() + padding_rows_});
    std::uniform_int_distribution<std::int32_t> ids(0, static_cast<std::int32_t>(limit - 1));
    for (std::int32_t& id : tensor.mutable_as<std::int32_t>()) {
      id = ids(random_);
    }
    feeds_.push_back({name, tensor});
    return graph_.input(name, DType::kI32, {kDynamicDim});
  }

  ValueId offsets(const std::string& name) {
    Tensor tensor(DType::kI32, {static_cast<std::int64_t>(size_.lengths.size()) + 1});
    const std::span<std::int32_t> values = tensor.mutable_as<std::int32_t>();
    values[0] = 0;
    for (std::size_t i = 0; i < size_.lengths.size(); ++i) {
      values[i + 1] = values[i] + size_.lengths[i];
    }
    feeds_.push_back({name, tensor});
    return graph_.input(name, DType::kI32, {kDynamicDim});
  }

  // The texts without their last token (a special one, say), where they have two.
  ValueId ranges(const std::string& name) {
    Tensor tensor(DType::kI32, {static_cast<std::int64_t>(size_.lengths.size()), 2});
    const std::span<std::int32_t> values = tensor.mutable_as<std::int32_t>();
    std::int32_t begin = 0;
    for (std::size_t i = 0; i < size_.lengths.size(); ++i) {
      values[2 * i] = begin;
      values[2 * i + 1] = begin + std::max(size_.lengths[i] - (size_.lengths[i] > 1 ? 1 : 0), 0);
      begin += size_.lengths[i];
    }
    feeds_.push_back({name, tensor});
    return graph_.input(name, DType::kI32, {kRowDim, 2});
  }

  // f32 [images, dims...].
  ValueId images(const std::string& name, Shape dims, float magnitude = 1.0F) {
    dims.insert(dims.begin(), size_.image_count);
    feeds_.push_back({name, random_tensor(dims, magnitude)});
    dims[0] = kRowDim;
    return graph_.input(name, DType::kF32, dims);
  }

  // i32 [images, count], each below `limit`.
  ValueId row_ids(const std::string& name, std::int64_t count, std::int64_t limit) {
    Tensor tensor(DType::kI32, {size_.image_count, count});
    std::uniform_int_distribution<std::int32_t> ids(0, static_cast<std::int32_t>(limit - 1));
    for (std::int32_t& id : tensor.mutable_as<std::int32_t>()) {
      id = ids(random_);
    }
    feeds_.push_back({name, tensor});
    return graph_.input(name, DType::kI32, {kRowDim, count});
  }

  // i32 [images], each below `limit`.
  ValueId id_per_row(const std::string& name, std::int64_t limit) {
    Tensor tensor(DType::kI32, {size_.image_count});
    std::uniform_int_distribution<std::int32_t> ids(0, static_cast<std::int32_t>(limit - 1));
    for (std::int32_t& id : tensor.mutable_as<std::int32_t>()) {
      id = ids(random_);
    }
    feeds_.push_back({name, tensor});
    return graph_.input(name, DType::kI32, {kRowDim});
  }

  ValueId weight(const std::string& name, const Shape& shape, float magnitude, float centre = 0.0F) {
    Tensor tensor = random_tensor(shape, magnitude);
    for (float& value : tensor.mutable_as<float>()) {
      value += centre;
    }
    parameters_.emplace(name, tensor);
    return graph_.parameter(name, shape);
  }

  Result<BuiltCase> finish(ValueId output) {
    auto graph = graph_.finish(std::array{output});
    if (!graph) {
      return std::unexpected(graph.error());
    }
    return BuiltCase{std::move(*graph), std::move(parameters_), std::move(feeds_)};
  }

 private:
  Tensor random_tensor(const Shape& shape, float magnitude) {
    Tensor tensor(DType::kF32, shape);
    std::normal_distribution<float> normal(0.0F, magnitude);
    for (float& value : tensor.mutable_as<float>()) {
      value = normal(random_);
    }
    return tensor;
  }

  CaseSize size_;
  std::int64_t padding_rows_;
  std::mt19937 random_{42};
  GraphBuilder graph_;
  ParameterMap parameters_;
  std::vector<Feed> feeds_;
};

// Differences are counted in roundings of float32 of the largest output.
inline constexpr double kRounding = std::numeric_limits<float>::epsilon() / 2.0;
// Copies and reorderings are exact.
inline constexpr double kExact = 0.0;
// One operation an element.
inline constexpr double kElementwise = 2.0 * kRounding;
// Sums of up to a few dozen terms whose parts are larger than the result.
inline constexpr double kSum = 64.0 * kRounding;
// Approximations of erf, tanh and exp inside a backend: a few units in the last place, of terms that cancel.
inline constexpr double kTranscendental = 24.0 * kRounding;

// Powers and roots: as above, with the error of the logarithm scaled by the exponent.
inline constexpr double kPower = 128.0 * kRounding;

inline ValueId linear_of(CaseBuilder& b, const std::string& name, ValueId x, std::int64_t in, std::int64_t out) {
  const float magnitude = 1.0F / std::sqrt(static_cast<float>(in));
  const ValueId weight = b.weight(name + ".weight", {out, in}, magnitude);
  const ValueId bias = b.weight(name + ".bias", {out}, 0.5F);
  return b.graph().linear(name, x, weight, bias);
}

inline ValueId attention_of(CaseBuilder& b, const GraphBuilder::AttentionInputs& inputs) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(b.size().hidden / b.size().head_count));
  return b.graph().attention("attention", inputs, {b.size().head_count, scale});
}

}  // namespace asterism::conform
