#include "kernels/place_forces.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/place_forces.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<float>;
using IndexTag = hn::RebindToSigned<Tag>;
using V = hn::Vec<Tag>;

template <std::size_t Dim>
struct Lanes {
  V value[Dim];
};

template <std::size_t Dim>
HWY_INLINE Lanes<Dim> broadcast(const Place& at) {
  Lanes<Dim> out;
  for (std::size_t c = 0; c < Dim; ++c) {
    out.value[c] = hn::Set(Tag(), at[c]);
  }
  return out;
}

template <std::size_t Dim>
HWY_INLINE V square(const Lanes<Dim>& difference) {
  V sum = hn::Mul(difference.value[0], difference.value[0]);
  for (std::size_t c = 1; c < Dim; ++c) {
    sum = hn::MulAdd(difference.value[c], difference.value[c], sum);
  }
  return sum;
}

// at - y_j for one vector of neighbours; `index` may be short of a vector at the end, filled up with any row.
template <std::size_t Dim>
HWY_INLINE Lanes<Dim> differences(const PlacesView& places, const Lanes<Dim>& at, const std::uint32_t* index) {
  const auto rows = hn::LoadU(IndexTag(), reinterpret_cast<const std::int32_t*>(index));
  Lanes<Dim> out;
  for (std::size_t c = 0; c < Dim; ++c) {
    out.value[c] = hn::Sub(at.value[c], hn::GatherIndex(Tag(), places.values + c * places.count, rows));
  }
  return out;
}

// Adds factor(square of the distance, position) * difference over the neighbours.
template <std::size_t Dim, typename Factor>
Place sum_over(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
               const Factor& factor) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  const Lanes<Dim> here = broadcast<Dim>(at);
  Lanes<Dim> sum;
  for (std::size_t c = 0; c < Dim; ++c) {
    sum.value[c] = hn::Zero(d);
  }
  std::size_t i = 0;
  for (; i + lanes <= neighbors.size(); i += lanes) {
    const Lanes<Dim> difference = differences<Dim>(places, here, neighbors.data() + i);
    const V f = factor.whole(square<Dim>(difference), i);
    for (std::size_t c = 0; c < Dim; ++c) {
      sum.value[c] = hn::MulAdd(f, difference.value[c], sum.value[c]);
    }
  }
  if (i < neighbors.size()) {
    const std::size_t rest = neighbors.size() - i;
    std::uint32_t padded[HWY_MAX_BYTES / sizeof(float)] = {};
    std::copy_n(neighbors.data() + i, rest, padded);
    const Lanes<Dim> difference = differences<Dim>(places, here, padded);
    const V f = factor.part(square<Dim>(difference), i, rest);
    for (std::size_t c = 0; c < Dim; ++c) {
      sum.value[c] = hn::MulAdd(f, difference.value[c], sum.value[c]);
    }
  }
  Place out = {};
  for (std::size_t c = 0; c < Dim; ++c) {
    out[c] = hn::GetLane(hn::SumOfLanes(d, sum.value[c]));
  }
  return out;
}

struct StudentFactor {
  const float* weights;
  HWY_INLINE V whole(V square, std::size_t i) const {
    return hn::Div(hn::LoadU(Tag(), weights + i), hn::Add(square, hn::Set(Tag(), 1.0F)));
  }
  HWY_INLINE V part(V square, std::size_t i, std::size_t rest) const {
    float padded[HWY_MAX_BYTES / sizeof(float)] = {};
    std::copy_n(weights + i, rest, padded);
    return hn::Div(hn::LoadU(Tag(), padded), hn::Add(square, hn::Set(Tag(), 1.0F)));
  }
};

struct SoftenedFactor {
  float softening;
  HWY_INLINE V whole(V square, std::size_t) const {
    const V base = hn::Add(square, hn::Set(Tag(), softening));
    return hn::Div(hn::Set(Tag(), 1.0F), hn::Mul(base, base));
  }
  HWY_INLINE V part(V square, std::size_t i, std::size_t rest) const {
    return hn::IfThenElseZero(hn::FirstN(Tag(), rest), whole(square, i));
  }
};

template <typename Factor>
Place pull(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors, const Factor& factor) {
  switch (places.dim) {
    case 1:
      return sum_over<1>(places, at, neighbors, factor);
    case 2:
      return sum_over<2>(places, at, neighbors, factor);
    default:
      return sum_over<3>(places, at, neighbors, factor);
  }
}

// Lanes are emptied into doubles every so many places: the error does not grow with the rows.
constexpr std::size_t kPushBlock = 1024;

template <std::size_t Dim>
StudentPush push_of_all(const PlacesView& places, const Place& at) {
  const Tag d;
  const std::size_t lanes = hn::Lanes(d);
  const V one = hn::Set(d, 1.0F);
  const Lanes<Dim> here = broadcast<Dim>(at);
  StudentPush out;
  for (std::size_t begin = 0; begin < places.count; begin += kPushBlock) {
    const std::size_t end = std::min(begin + kPushBlock, places.count);
    V weight_sum = hn::Zero(d);
    Lanes<Dim> sum;
    for (std::size_t c = 0; c < Dim; ++c) {
      sum.value[c] = hn::Zero(d);
    }
    for (std::size_t i = begin; i < end; i += lanes) {
      const std::size_t rest = std::min(lanes, end - i);
      Lanes<Dim> difference;
      for (std::size_t c = 0; c < Dim; ++c) {
        const float* from = places.values + c * places.count + i;
        const V there = rest == lanes ? hn::LoadU(d, from) : hn::MaskedLoad(hn::FirstN(d, rest), d, from);
        difference.value[c] = hn::Sub(here.value[c], there);
      }
      V weight = hn::Div(one, hn::Add(square<Dim>(difference), one));
      if (rest != lanes) {
        weight = hn::IfThenElseZero(hn::FirstN(d, rest), weight);
      }
      weight_sum = hn::Add(weight_sum, weight);
      const V f = hn::Mul(weight, weight);
      for (std::size_t c = 0; c < Dim; ++c) {
        sum.value[c] = hn::MulAdd(f, difference.value[c], sum.value[c]);
      }
    }
    out.weight += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, weight_sum)));
    for (std::size_t c = 0; c < Dim; ++c) {
      out.force[c] += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum.value[c])));
    }
  }
  return out;
}

}  // namespace

Place pull_student(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                   std::span<const float> weights) {
  return pull(places, at, neighbors, StudentFactor{weights.data()});
}

Place pull_softened(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                    float softening) {
  return pull(places, at, neighbors, SoftenedFactor{softening});
}

StudentPush push_student(const PlacesView& places, const Place& at) {
  switch (places.dim) {
    case 1:
      return push_of_all<1>(places, at);
    case 2:
      return push_of_all<2>(places, at);
    default:
      return push_of_all<3>(places, at);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {

HWY_EXPORT(pull_student);
HWY_EXPORT(pull_softened);
HWY_EXPORT(push_student);

Place student_pull(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                   std::span<const float> weights) noexcept {
  return HWY_DYNAMIC_DISPATCH(pull_student)(places, at, neighbors, weights);
}

Place softened_pull(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                    float softening) noexcept {
  return HWY_DYNAMIC_DISPATCH(pull_softened)(places, at, neighbors, softening);
}

StudentPush student_push(const PlacesView& places, const Place& at) noexcept {
  return HWY_DYNAMIC_DISPATCH(push_student)(places, at);
}

namespace {

// at - y_row, and the square of its length.
double difference_to(const PlacesView& places, const Place& at, std::size_t row,
                     std::array<double, kPlaceDimMax>& difference) {
  double square = 0.0;
  for (std::size_t c = 0; c < places.dim; ++c) {
    difference[c] = static_cast<double>(at[c]) - static_cast<double>(places.values[c * places.count + row]);
    square += difference[c] * difference[c];
  }
  return square;
}

template <typename Factor>
Place sum_scalar(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                 const Factor& factor) {
  std::array<double, kPlaceDimMax> sum = {};
  for (std::size_t i = 0; i < neighbors.size(); ++i) {
    std::array<double, kPlaceDimMax> difference = {};
    const double f = factor(difference_to(places, at, neighbors[i], difference), i);
    for (std::size_t c = 0; c < places.dim; ++c) {
      sum[c] += f * difference[c];
    }
  }
  Place out = {};
  std::ranges::transform(sum, out.begin(), [](double v) { return static_cast<float>(v); });
  return out;
}

}  // namespace

Place student_pull_scalar(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                          std::span<const float> weights) noexcept {
  return sum_scalar(places, at, neighbors, [weights](double square, std::size_t i) {
    return static_cast<double>(weights[i]) / (1.0 + square);
  });
}

Place softened_pull_scalar(const PlacesView& places, const Place& at, std::span<const std::uint32_t> neighbors,
                           float softening) noexcept {
  return sum_scalar(places, at, neighbors, [softening](double square, std::size_t) {
    const double base = static_cast<double>(softening) + square;
    return 1.0 / (base * base);
  });
}

StudentPush student_push_scalar(const PlacesView& places, const Place& at) noexcept {
  StudentPush out;
  for (std::size_t row = 0; row < places.count; ++row) {
    std::array<double, kPlaceDimMax> difference = {};
    const double weight = 1.0 / (1.0 + difference_to(places, at, row, difference));
    out.weight += weight;
    for (std::size_t c = 0; c < places.dim; ++c) {
      out.force[c] += weight * weight * difference[c];
    }
  }
  return out;
}

}  // namespace asterism
#endif  // HWY_ONCE
