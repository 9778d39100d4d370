// What all places together do to any one: the repulsion of t-SNE, three ways.
//
// Exact sums for few places; in two dimensions convolution on a grid (Linderman et al. 2019, "Fast interpolation-based
// t-SNE"); in one and three a tree (Barnes and Hut 1986; van der Maaten 2014). Repeatable at any thread count.
// Ownership: a field keeps what it needs of the places, except the exact one, which borrows them until the next
// update. Thread-safety: at() from many threads between updates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/place_forces.hpp"

namespace asterism {

class ThreadPool;

enum class PushMethod : std::uint8_t { kAuto, kExact, kBarnesHut, kInterpolation };

class PushField {
 public:
  virtual ~PushField() = default;

  virtual void update(const PlacesView& places, ThreadPool& pool) = 0;
  // Sums over all places as they were at the last update, one at `at` itself included: its weight is 1, or near it
  // where the field is interpolated. The interpolated field ends a little outside the places: further out, what is at
  // its edge.
  virtual StudentPush at(const Place& at) const = 0;

 protected:
  PushField() = default;
  PushField(const PushField&) = default;
  PushField(PushField&&) = default;
  PushField& operator=(const PushField&) = default;
  PushField& operator=(PushField&&) = default;
};

// kAuto: exact up to 2,048 places, then interpolation in two dimensions and Barnes-Hut in one and three. `theta`: how
// wide a cell may look from where it counts as one place (Barnes-Hut). kInterpolation is for two dimensions only.
std::unique_ptr<PushField> make_push_field(PushMethod method, std::size_t place_count, std::size_t dim, float theta);

}  // namespace asterism
