// The push of t-SNE in two dimensions by interpolation on a grid.
//
// After Linderman et al. 2019 (FIt-SNE) with three changes: the force itself is interpolated, so that one charge a
// place does where four were; cubic polynomials over the four nodes around a place, continuous from cell to cell; and
// nodes whose spacing takes few values, so that the kernels' spectra are seldom made anew. Where a few places have gone
// so far that the grid would be too large, a tree takes its place. Places are spread in bands of grid rows, each in row
// order: repeatable at any thread count. Cost: 16 nodes a place, and that of student_grid.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/barnes_hut_push.hpp"
#include "analysis/push_field.hpp"
#include "analysis/student_grid.hpp"

namespace asterism {

class InterpolatedPush final : public PushField {
 public:
  // `spacing_max`: between nodes, where the places lie wide; the kernel is 1 wide.
  explicit InterpolatedPush(float spacing_max);

  void update(const PlacesView& places, ThreadPool& pool) override;
  StudentPush at(const Place& at) const override;

 private:
  // The four nodes before, around and after a coordinate.
  struct Stencil {
    std::size_t first = 0;
    float weights[4] = {};
  };

  void lay_grid(const PlacesView& places, ThreadPool& pool);
  void sort_into_bands(const PlacesView& places);
  void spread(const PlacesView& places, ThreadPool& pool);
  Stencil stencil_at(float coordinate, float origin, std::size_t node_count) const noexcept;

  float spacing_max_;
  bool is_wide_ = false;
  BarnesHutPush tree_;
  GridShape shape_;
  float origin_first_ = 0.0F;
  float origin_second_ = 0.0F;
  StudentGrid grid_;
  std::vector<std::uint32_t> band_begin_;
  std::vector<std::uint32_t> band_rows_;  // rows of places, band after band
  std::vector<std::uint32_t> row_band_;
  std::vector<float> overflow_;  // [bands, 3, stride]: what a band gives to the rows of the next
};

}  // namespace asterism
