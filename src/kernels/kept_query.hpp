// A float query made ready to be compared with many kept rows of one type.
//
// Rows of i8 are compared by whole numbers where the processor has instructions for them (fixed_point_dots.hpp): the
// query is then rounded to steps of 1 / 8,355,711 of its largest magnitude, as finely as floats are at that magnitude.
// Where its mean magnitude is below a sixty-fourth of the largest, small components would lose by that: such a query is
// compared by floats, as all are with rows of other types. Which way is taken depends on the query alone, so equal rows
// get equal values. The oracles of the tests are those of kept_rows.hpp.
// Ownership: borrows the query. Thread-safety: reading from any thread. Cost to make: two passes over the query for i8,
// none else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "asterism/metric.hpp"
#include "kernels/fixed_point_dots.hpp"
#include "kernels/kept_rows.hpp"

namespace asterism {

class KeptQuery {
 public:
  // Compared with rows of `type` only.
  KeptQuery(std::span<const float> query, VectorType type);

  // As kept_dots() and kept_squared_distances().
  void dots(const KeptRows& rows, std::span<float> dots, std::span<float> squares) const noexcept;
  void squared_distances(const KeptRows& rows, std::span<float> out) const noexcept;

  bool is_fixed_point() const noexcept { return !planes_.empty(); }

 private:
  struct alignas(kFixedPointPlaneAlign) Line {
    std::int8_t bytes[kFixedPointPlaneAlign];
  };

  void round_to_fixed_point();
  FixedPointQuery fixed_point() const noexcept { return {.planes = planes_.front().bytes, .sum = sum_}; }

  std::span<const float> query_;
  std::vector<Line> planes_;  // empty: compared by floats
  double step_ = 0.0;
  std::int64_t sum_ = 0;
  double square_ = 0.0;  // of the rounded query
};

}  // namespace asterism
