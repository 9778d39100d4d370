// The nearest rows of a row, and the ranks of given ones, without sorting all rows.
//
// Both come from keys of products (neighbor_keys.hpp): a rank is a count of the rows that are nearer, and where a key
// is too near another to tell, the distance itself is measured. So they are exactly those of RowDistances: equal
// distances stand in the order of rows. Ownership: a copy of the rows beside the rows, which are borrowed.
// Thread-safety: const calls from many threads. Cost: one pass over the keys of a row each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/neighbor_space.hpp"
#include "analysis/row_distances.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/error.hpp"

namespace asterism {

class NeighborRanks {
 public:
  // Errors as RowDistances::make and neighbor_space().
  static Result<NeighborRanks> make(const RowsView& rows, Metric metric, std::string_view name, ThreadPool& pool);

  const NeighborSpace& space() const noexcept { return space_; }

  // `keys` [row_count] are those of neighbor_keys() for `row`. The k nearest others, nearest first.
  std::vector<std::uint32_t> nearest(std::uint32_t row, std::span<const float> keys, std::size_t k) const;
  // The ranks of `others` among all but `row`, from 1; rising.
  std::vector<std::size_t> ranks(std::uint32_t row, std::span<const float> keys,
                                 std::span<const std::uint32_t> others) const;

 private:
  struct Measured {
    double distance = 0.0;
    std::uint32_t row = 0;
    auto operator<=>(const Measured&) const = default;
  };

  NeighborRanks(NeighborSpace space, RowDistances distances, Metric metric)
      : space_(std::move(space)), distances_(std::move(distances)), metric_(metric) {}

  // Between which a squared distance of `row` and `other` lies.
  double low(std::uint32_t row, std::span<const float> keys, std::size_t other) const noexcept;
  double high(std::uint32_t row, std::span<const float> keys, std::size_t other) const noexcept;

  NeighborSpace space_;
  RowDistances distances_;
  Metric metric_;
};

}  // namespace asterism
