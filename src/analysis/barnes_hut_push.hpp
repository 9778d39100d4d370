// The push of t-SNE by a tree: far cells count as one place (Barnes and Hut 1986; van der Maaten 2014).
//
// Places are sorted along a Z-order curve and a cell is a run of them, so that the tree is the same whatever the number
// of threads. Cost: n log n to build, log n to ask. Memory: 16 bytes a place and some 24 bytes a cell.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/push_field.hpp"

namespace asterism {

class BarnesHutPush final : public PushField {
 public:
  // A cell counts as one place where its width is below `theta` times the distance to its centre of mass.
  explicit BarnesHutPush(float theta) : theta_(theta) {}

  void update(const PlacesView& places, ThreadPool& pool) override;
  StudentPush at(const Place& at) const override;

 private:
  struct Cell {
    Place center = {};
    float width_square = 0.0F;  // 0 in a leaf, whose places are asked one by one
    std::uint32_t begin = 0;    // of places
    std::uint32_t end = 0;
    std::uint32_t next = 0;  // the cell after this one and all within it
  };

  void add_cell(std::uint32_t begin, std::uint32_t end, std::uint32_t level, float width);

  float theta_;
  std::size_t dim_ = 0;
  std::vector<std::uint64_t> codes_;  // along the curve, sorted
  std::vector<Place> places_;         // in that order
  std::vector<Cell> cells_;           // depth first
};

}  // namespace asterism
