// Sketches of codes, one bit a component: lower bounds of distances to a query for a seventh of the bytes of i8 codes.
//
// The bits are the signs of a code's components, less the mean of all and turned by a random rotation, after which they
// say much the same of every direction (Gao and Long 2024, "RaBitQ: Quantizing High-Dimensional Vectors with a
// Theoretical Error Bound for Approximate Nearest Neighbor Search"). With the numbers beside them they estimate the
// product with a query whose components have four bits, without bias and with an error that is known for every row. A
// bound is the estimate less kErrorWidths of that, so it holds for vectors of any kind, metric and length; where signs
// say little, bounds are low, and more codes must be compared.
//
// Ownership: owns its sketches; codes stay with the caller. Thread-safety: bounds from any number of threads; update()
// excludes everyone else. Cost: dim / 8 + 16 bytes a row, in whole cache lines (64 at 384 components).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/aligned_bytes.hpp"
#include "index/graph_codes.hpp"
#include "index/random_rotation.hpp"
#include "kernels/sketch_bounds.hpp"

namespace asterism {

// A query as sketches are compared with it.
struct SketchQuery {
  struct alignas(kCacheLineBytes) Line {
    std::uint64_t words[kSketchLineWords];
  };
  std::vector<Line> planes;    // [kSketchPlaneCount, lines]
  std::vector<float> rotated;  // [dim of the rotation]
  SketchTerms terms;           // with `planes`
};

class GraphSketches {
 public:
  // Of the first `row_count` codes; null where memory is short. Cost: two microseconds a row at 384 components.
  static std::unique_ptr<GraphSketches> make(const GraphCodes& codes, std::size_t row_count);

  // Of none; `row_count` codes give the mean that sketches are taken from.
  GraphSketches(const GraphCodes& codes, std::size_t row_count);

  std::size_t row_count() const noexcept { return row_count_; }
  std::size_t size_bytes() const noexcept;

  // Makes the sketches of these rows anew, or for the first time: then row_count() grows to hold them. False where
  // memory is short.
  bool update(const GraphCodes& codes, std::span<const std::uint32_t> rows);

  // Room for so many rows, whose sketches are not made yet. False where memory is short.
  bool reserve(std::size_t row_count);

  // Brings the code of a query to the form that bounds are computed with.
  void prepare(const GraphCodes& codes, const std::byte* query_code, SketchQuery& query) const;
  // bounds[i]: what the distance of the query to the code rows[i] is at least, but for one row in hundreds; minus
  // infinity where nothing is known.
  void lower_bounds(const SketchQuery& query, std::span<const std::uint32_t> rows, std::span<float> bounds) const;

 private:
  void write(const GraphCodes& codes, std::uint32_t row, std::span<float> components);
  std::byte* at(std::size_t row) noexcept { return bytes_.data() + row * stride_bytes_; }

  RandomRotation rotation_;
  SketchBounds kernel_;
  std::vector<float> mean_;  // [dim] of the factored codes
  float mean_square_ = 0.0F;
  std::size_t line_count_;
  std::size_t stride_bytes_;
  std::size_t row_count_ = 0;
  std::size_t row_capacity_ = 0;
  AlignedBytes bytes_;
};

}  // namespace asterism
