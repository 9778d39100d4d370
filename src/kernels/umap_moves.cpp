#include "kernels/umap_moves.hpp"

#include <algorithm>
#include <cmath>

// Places live in arrays of vectors, which vectors of unknown length cannot.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/umap_moves.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<float, kUmapLanes>;
using IntTag = hn::RebindToSigned<Tag>;
using Vector = hn::Vec<Tag>;
using Index = hn::Vec<IntTag>;

constexpr float kClip = 4.0F;
constexpr float kSoftening = 0.001F;  // of the push between places that nearly coincide

// log2 of a positive normal number: its exponent, and a polynomial in the rest; relative error 4e-7.
HWY_INLINE Vector log2_of(Vector x) {
  const Tag d;
  const IntTag i;
  const auto bits = hn::BitCast(i, x);
  // Moved so that the mantissa is in [sqrt(1/2), sqrt(2)).
  const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(i, 0x3f3504f3)));
  const auto t = hn::Sub(hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent))), hn::Set(d, 1.0F));
  auto p = hn::Set(d, -1.462035342e-01F);
  p = hn::MulAdd(p, t, hn::Set(d, 2.342098512e-01F));
  p = hn::MulAdd(p, t, hn::Set(d, -2.488218056e-01F));
  p = hn::MulAdd(p, t, hn::Set(d, 2.870756112e-01F));
  p = hn::MulAdd(p, t, hn::Set(d, -3.602419859e-01F));
  p = hn::MulAdd(p, t, hn::Set(d, 4.809240386e-01F));
  p = hn::MulAdd(p, t, hn::Set(d, -7.213527588e-01F));
  p = hn::MulAdd(p, t, hn::Set(d, 1.442694958F));
  return hn::MulAdd(p, t, hn::ConvertTo(d, exponent));
}

// 2^x, x brought into [-126, 126]; relative error 1e-7.
HWY_INLINE Vector exp2_of(Vector x) {
  const Tag d;
  const IntTag i;
  x = hn::Min(hn::Max(x, hn::Set(d, -126.0F)), hn::Set(d, 126.0F));
  const auto whole = hn::NearestInt(x);
  const auto t = hn::Sub(x, hn::ConvertTo(d, whole));
  auto p = hn::Set(d, 1.340043216e-03F);
  p = hn::MulAdd(p, t, hn::Set(d, 9.676037098e-03F));
  p = hn::MulAdd(p, t, hn::Set(d, 5.550327214e-02F));
  p = hn::MulAdd(p, t, hn::Set(d, 2.402210736e-01F));
  p = hn::MulAdd(p, t, hn::Set(d, 6.931472067e-01F));
  p = hn::MulAdd(p, t, hn::Set(d, 1.000000075F));
  return hn::BitCast(d, hn::Add(hn::BitCast(i, p), hn::ShiftLeft<23>(whole)));
}

// What does not change while the lanes of one vector are moved.
struct Lanes {
  Vector a;
  Vector b;
  Vector pull;  // -2 a b
  Vector push;  // 2 b repulsion
  Vector rate;
};

enum class Move { kPull, kDensityPull, kPush };

// Of a pull with densMAP's term.
struct Density {
  Vector level;
  Vector slope;
};

// The move of one step of one lane: kDim coordinates, or `dim` in memory where kDim is 0.
template <std::size_t kDim, Move kMove>
HWY_INLINE void move_by(const Lanes& lanes, const float* HWY_RESTRICT places, Index other, hn::Mask<Tag> active,
                        const Density& density, std::size_t dim, Vector* HWY_RESTRICT at) {
  const Tag d;
  const IntTag i;
  constexpr std::size_t kMax = kDim != 0 ? kDim : kUmapDimMax;
  const std::size_t count = kDim != 0 ? kDim : dim;
  Vector apart[kMax];
  const auto first = hn::Mul(other, hn::Set(i, static_cast<std::int32_t>(count)));
  auto square = hn::Zero(d);
  for (std::size_t c = 0; c < count; ++c) {
    apart[c] = hn::Sub(at[c], hn::GatherIndex(d, places + c, first));
    square = hn::MulAdd(apart[c], apart[c], square);
  }
  // Places that coincide neither pull nor push each other.
  const auto moves = hn::And(active, hn::Gt(square, hn::Set(d, 1e-30F)));
  const auto safe = hn::IfThenElse(moves, square, hn::Set(d, 1.0F));
  const auto power = exp2_of(hn::Mul(lanes.b, log2_of(safe)));
  const auto nearness = hn::MulAdd(lanes.a, power, hn::Set(d, 1.0F));
  Vector factor;
  if constexpr (kMove == Move::kPush) {
    factor = hn::Div(lanes.push, hn::Mul(hn::Add(safe, hn::Set(d, kSoftening)), nearness));
  } else {
    factor = hn::Div(hn::Mul(lanes.pull, power), hn::Mul(safe, nearness));
  }
  auto density_factor = hn::Zero(d);
  if constexpr (kMove == Move::kDensityPull) {
    const auto one = hn::Set(d, 1.0F);
    const auto phi = hn::Div(one, nearness);
    const auto slope = hn::Mul(density.slope, hn::Mul(factor, hn::Set(d, -0.5F)));
    const auto level = hn::Mul(density.level, hn::NegMulAdd(lanes.b, hn::Sub(one, phi), one));
    density_factor = hn::IfThenElseZero(moves, hn::Mul(hn::Add(phi, phi), hn::Add(level, slope)));
  }
  factor = hn::IfThenElseZero(moves, factor);
  const auto clip = hn::Set(d, kClip);
  const auto clipped = [&](Vector gradient) { return hn::Max(hn::Min(gradient, clip), hn::Neg(clip)); };
  for (std::size_t c = 0; c < count; ++c) {
    auto gradient = clipped(hn::Mul(factor, apart[c]));
    if constexpr (kMove == Move::kDensityPull) {
      gradient = hn::Add(gradient, clipped(hn::Mul(density_factor, apart[c])));
    }
    at[c] = hn::MulAdd(lanes.rate, gradient, at[c]);
  }
}

template <std::size_t kDim, Move kPull>
void move_lanes(const UmapForces& forces, const UmapSteps& steps, const float* HWY_RESTRICT places, std::size_t dim,
                float* HWY_RESTRICT moved) {
  const Tag d;
  const IntTag i;
  const std::size_t lane_count = hn::Lanes(d);
  constexpr std::size_t kMax = kDim != 0 ? kDim : kUmapDimMax;
  const std::size_t coordinates = kDim != 0 ? kDim : dim;
  const Lanes lanes{hn::Set(d, forces.a), hn::Set(d, forces.b), hn::Set(d, -2.0F * forces.a * forces.b),
                    hn::Set(d, 2.0F * forces.b * forces.repulsion), hn::Set(d, forces.rate)};
  const auto numbers = [&](const std::uint32_t* from) {
    return hn::LoadU(i, reinterpret_cast<const std::int32_t*>(from));
  };
  for (std::size_t lane = 0; lane < kUmapLanes; lane += lane_count) {
    Vector at[kMax];
    for (std::size_t c = 0; c < coordinates; ++c) {
      at[c] = hn::LoadU(d, moved + c * kUmapLanes + lane);
    }
    const auto counts = numbers(steps.counts + lane);
    const auto self = numbers(steps.self + lane);
    const std::uint32_t step_count = *std::max_element(steps.counts + lane, steps.counts + lane + lane_count);
    const std::uint32_t* others = steps.others + lane;
    for (std::uint32_t step = 0; step < step_count; ++step) {
      const auto has_step = hn::Gt(counts, hn::Set(i, static_cast<std::int32_t>(step)));
      const auto active = hn::RebindMask(d, has_step);
      const auto neighbor = hn::IfThenElseZero(has_step, numbers(others));
      others += kUmapLanes;
      Density density{hn::Zero(d), hn::Zero(d)};
      if constexpr (kPull == Move::kDensityPull) {
        const float* const of_step = steps.density + step * 2 * kUmapLanes + lane;
        density = {hn::IfThenElseZero(active, hn::LoadU(d, of_step)),
                   hn::IfThenElseZero(active, hn::LoadU(d, of_step + kUmapLanes))};
      }
      for (std::size_t pull = 0; pull < forces.pull_count; ++pull) {
        move_by<kDim, kPull>(lanes, places, neighbor, active, density, dim, at);
      }
      for (std::size_t push = 0; push < forces.push_count; ++push) {
        const auto drawn = hn::IfThenElseZero(has_step, numbers(others));
        others += kUmapLanes;
        const auto is_other = hn::And(has_step, hn::Ne(drawn, self));
        move_by<kDim, Move::kPush>(lanes, places, drawn, hn::RebindMask(d, is_other), density, dim, at);
      }
    }
    for (std::size_t c = 0; c < coordinates; ++c) {
      hn::StoreU(at[c], d, moved + c * kUmapLanes + lane);
    }
  }
}

template <Move kPull>
void move_in(const UmapForces& forces, const UmapSteps& steps, const float* places, std::size_t dim, float* moved) {
  if (dim == 2) {
    move_lanes<2, kPull>(forces, steps, places, dim, moved);
  } else if (dim == 3) {
    move_lanes<3, kPull>(forces, steps, places, dim, moved);
  } else {
    move_lanes<0, kPull>(forces, steps, places, dim, moved);
  }
}

}  // namespace

void umap_move_simd(const UmapForces& forces, const UmapSteps& steps, const float* places, std::size_t dim,
                    float* moved) {
  if (steps.density == nullptr) {
    move_in<Move::kPull>(forces, steps, places, dim, moved);
  } else {
    move_in<Move::kDensityPull>(forces, steps, places, dim, moved);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {

HWY_EXPORT(umap_move_simd);

void umap_move(const UmapForces& forces, const UmapSteps& steps, const float* places, std::size_t dim, float* moved) {
  HWY_DYNAMIC_DISPATCH(umap_move_simd)(forces, steps, places, dim, moved);
}

namespace {

// `density`: the lane's [2] with a stride of kUmapLanes, of a pull with densMAP's term; or null.
void move_by_scalar(const UmapForces& forces, bool is_pull, const float* other, const float* density, std::size_t dim,
                    float* moved) {
  double square = 0.0;
  for (std::size_t c = 0; c < dim; ++c) {
    const double apart = static_cast<double>(moved[c * kUmapLanes] - other[c]);
    square += apart * apart;
  }
  if (square <= 1e-30) {
    return;
  }
  const double a = static_cast<double>(forces.a);
  const double b = static_cast<double>(forces.b);
  const double phi = 1.0 / (1.0 + a * std::pow(square, b));
  const double slope = a * b * std::pow(square, b - 1.0) * phi;
  const double factor =
      is_pull ? -2.0 * slope : 2.0 * b * static_cast<double>(forces.repulsion) / (0.001 + square) * phi;
  double density_factor = 0.0;
  if (density != nullptr) {
    density_factor =
        2.0 * phi *
        (static_cast<double>(density[0]) * (1.0 - b * (1.0 - phi)) + static_cast<double>(density[kUmapLanes]) * slope);
  }
  for (std::size_t c = 0; c < dim; ++c) {
    const double apart = static_cast<double>(moved[c * kUmapLanes] - other[c]);
    const double gradient = std::clamp(factor * apart, -4.0, 4.0) + std::clamp(density_factor * apart, -4.0, 4.0);
    moved[c * kUmapLanes] += static_cast<float>(static_cast<double>(forces.rate) * gradient);
  }
}

}  // namespace

void umap_move_scalar(const UmapForces& forces, const UmapSteps& steps, const float* places, std::size_t dim,
                      float* moved) {
  const std::size_t others_per_step = 1 + forces.push_count;
  for (std::size_t lane = 0; lane < kUmapLanes; ++lane) {
    for (std::size_t step = 0; step < steps.counts[lane]; ++step) {
      const std::uint32_t* const others = steps.others + step * others_per_step * kUmapLanes + lane;
      const float* const density = steps.density == nullptr ? nullptr : steps.density + step * 2 * kUmapLanes + lane;
      for (std::size_t pull = 0; pull < forces.pull_count; ++pull) {
        move_by_scalar(forces, true, places + others[0] * dim, density, dim, moved + lane);
      }
      for (std::size_t push = 1; push < others_per_step; ++push) {
        const std::uint32_t drawn = others[push * kUmapLanes];
        if (drawn != steps.self[lane]) {
          move_by_scalar(forces, false, places + drawn * dim, nullptr, dim, moved + lane);
        }
      }
    }
  }
}

}  // namespace asterism
#endif  // HWY_ONCE
