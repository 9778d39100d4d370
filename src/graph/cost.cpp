#include "graph/cost.hpp"

#include <cstddef>
#include <functional>
#include <numeric>
#include <span>

namespace asterism {
namespace {

std::uint64_t elements_of_row(const Shape& shape) {
  return std::accumulate(shape.begin() + 1, shape.end(), std::uint64_t{1}, [](std::uint64_t product, std::int64_t dim) {
    return product * static_cast<std::uint64_t>(dim);
  });
}

std::uint64_t multiply_adds(const Graph& graph, const Value& value) {
  const auto input = [&](std::size_t i) -> const Shape& { return graph.value(value.inputs[i]).shape; };
  switch (value.op) {
    case Op::kLinear:
      return elements_of_row(value.shape) * static_cast<std::uint64_t>(input(1)[1]);
    case Op::kConv2d:
      return elements_of_row(value.shape) * elements_of_row(input(1));
    case Op::kScaledDotProduct: {
      const Shape& query = input(0);
      const auto keys = static_cast<std::uint64_t>(input(1)[query.size() - 2]);
      return (elements_of_row(query) + elements_of_row(value.shape)) * keys;
    }
    default:
      return 0;
  }
}

// One bit a value: what it needs, itself included.
class Needs {
 public:
  explicit Needs(std::size_t count) : words_((count + 63) / 64), bits_(count * words_, 0) {}

  void add(std::size_t value, std::size_t needed) {
    for (std::size_t i = 0; i < words_; ++i) {
      bits_[value * words_ + i] |= bits_[needed * words_ + i];
    }
  }
  void add_itself(std::size_t value) { bits_[value * words_ + value / 64] |= std::uint64_t{1} << (value % 64); }
  bool has(std::size_t value, std::size_t needed) const {
    return (bits_[value * words_ + needed / 64] >> (needed % 64) & 1U) != 0;
  }

 private:
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

}  // namespace

std::vector<std::uint64_t> multiply_adds_up_to(const Graph& graph) {
  const std::span<const Value> values = graph.values();
  Needs needs(values.size());
  std::vector<std::uint64_t> own(values.size(), 0);
  std::vector<std::size_t> costly;
  std::vector<std::uint64_t> totals(values.size(), 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    needs.add_itself(i);
    for (const ValueId input : values[i].inputs) {
      needs.add(i, static_cast<std::size_t>(input));
    }
    own[i] = multiply_adds(graph, values[i]);
    if (own[i] > 0) {
      costly.push_back(i);
    }
    for (const std::size_t j : costly) {
      totals[i] += needs.has(i, j) ? own[j] : 0;
    }
  }
  return totals;
}

}  // namespace asterism
