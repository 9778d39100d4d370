#include "kernels/fourier.hpp"

#include <cmath>
#include <complex>
#include <numbers>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fourier.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace asterism {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<float>;
using V = hn::Vec<Tag>;

struct Complex {
  V re;
  V im;
};

HWY_INLINE Complex add(Complex a, Complex b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}
HWY_INLINE Complex sub(Complex a, Complex b) {
  return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
}
HWY_INLINE Complex load(const FourierBlock& block, std::size_t at) {
  const Tag d;
  return {hn::LoadU(d, block.real + at), hn::LoadU(d, block.imaginary + at)};
}
HWY_INLINE void store(Complex value, const FourierBlock& block, std::size_t at) {
  const Tag d;
  hn::StoreU(value.re, d, block.real + at);
  hn::StoreU(value.im, d, block.imaginary + at);
}

struct Twiddle {
  V cos;
  V sin;
};
HWY_INLINE Twiddle twiddle(const FourierPlan& plan, std::size_t at) {
  const Tag d;
  return {hn::Set(d, plan.twiddle_cos()[at]), hn::Set(d, plan.twiddle_sin()[at])};
}
HWY_INLINE Complex turn(Complex a, const Twiddle& w) {
  return {hn::NegMulAdd(a.im, w.sin, hn::Mul(a.re, w.cos)), hn::MulAdd(a.im, w.cos, hn::Mul(a.re, w.sin))};
}

// One group of a step: `span` floats that share a twiddle set; inputs lie `input_gap` floats apart, outputs `span`.
void radix2(FourierBlock in, FourierBlock out, std::size_t span, std::size_t input_gap, const FourierPlan& plan,
            std::size_t w) {
  const Twiddle w1 = twiddle(plan, w);
  for (std::size_t i = 0; i < span; i += hn::Lanes(Tag())) {
    const Complex a = load(in, i);
    const Complex b = load(in, i + input_gap);
    store(add(a, b), out, i);
    store(turn(sub(a, b), w1), out, i + span);
  }
}

void radix3(FourierBlock in, FourierBlock out, std::size_t span, std::size_t input_gap, const FourierPlan& plan,
            std::size_t w) {
  const Tag d;
  const Twiddle w1 = twiddle(plan, w);
  const Twiddle w2 = twiddle(plan, w + 1);
  const V half = hn::Set(d, 0.5F);
  const V sine = hn::Set(d, 0.86602540378443864676F);  // of a third of a turn
  for (std::size_t i = 0; i < span; i += hn::Lanes(d)) {
    const Complex a = load(in, i);
    const Complex b = load(in, i + input_gap);
    const Complex c = load(in, i + 2 * input_gap);
    const Complex sum = add(b, c);
    const Complex difference = sub(b, c);
    const Complex middle = {hn::NegMulAdd(half, sum.re, a.re), hn::NegMulAdd(half, sum.im, a.im)};
    const Complex side = {hn::Mul(sine, difference.im), hn::Neg(hn::Mul(sine, difference.re))};  // -i * sine * (b - c)
    store(add(a, sum), out, i);
    store(turn(add(middle, side), w1), out, i + span);
    store(turn(sub(middle, side), w2), out, i + 2 * span);
  }
}

void radix4(FourierBlock in, FourierBlock out, std::size_t span, std::size_t input_gap, const FourierPlan& plan,
            std::size_t w) {
  const Twiddle w1 = twiddle(plan, w);
  const Twiddle w2 = twiddle(plan, w + 1);
  const Twiddle w3 = twiddle(plan, w + 2);
  for (std::size_t i = 0; i < span; i += hn::Lanes(Tag())) {
    const Complex a = load(in, i);
    const Complex b = load(in, i + input_gap);
    const Complex c = load(in, i + 2 * input_gap);
    const Complex e = load(in, i + 3 * input_gap);
    const Complex even_sum = add(a, c);
    const Complex even_difference = sub(a, c);
    const Complex odd_sum = add(b, e);
    const Complex difference = sub(b, e);
    const Complex side = {difference.im, hn::Neg(difference.re)};  // -i * (b - e)
    store(add(even_sum, odd_sum), out, i);
    store(turn(add(even_difference, side), w1), out, i + span);
    store(turn(sub(even_sum, odd_sum), w2), out, i + 2 * span);
    store(turn(sub(even_difference, side), w3), out, i + 3 * span);
  }
}

}  // namespace

FourierBlock transform(const FourierPlan& plan, FourierBlock in, FourierBlock out, std::size_t column_count) {
  for (const FourierPlan::Step& step : plan.steps()) {
    const std::size_t span = step.rows_per_group * column_count;
    const std::size_t input_gap = step.group_count * span;
    for (std::size_t group = 0; group < step.group_count; ++group) {
      const FourierBlock from{.real = in.real + group * span, .imaginary = in.imaginary + group * span};
      const std::size_t target = group * step.radix * span;
      const FourierBlock to{.real = out.real + target, .imaginary = out.imaginary + target};
      const std::size_t w = step.first_twiddle + group * (step.radix - 1);
      if (step.radix == 4) {
        radix4(from, to, span, input_gap, plan, w);
      } else if (step.radix == 3) {
        radix3(from, to, span, input_gap, plan, w);
      } else {
        radix2(from, to, span, input_gap, plan, w);
      }
    }
    std::swap(in, out);
  }
  return in;
}

}  // namespace HWY_NAMESPACE
}  // namespace asterism
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace asterism {

HWY_EXPORT(transform);

std::size_t fourier_length(std::size_t length) noexcept {
  std::size_t best = 2;
  while (best < length) {
    best *= 2;
  }
  for (std::size_t threes = 3; 2 * threes < best; threes *= 3) {
    std::size_t candidate = 2 * threes;
    while (candidate < length) {
      candidate *= 2;
    }
    best = candidate < best ? candidate : best;
  }
  return best;
}

FourierPlan::FourierPlan(std::size_t length) : length_(length) {
  std::size_t left = length;
  std::size_t rows = 1;
  while (left > 1) {
    std::size_t radix = 2;
    if (left % 4 == 0) {
      radix = 4;
    } else if (left % 3 == 0) {
      radix = 3;
    }
    const std::size_t groups = left / radix;
    steps_.push_back(
        {.radix = radix, .group_count = groups, .first_twiddle = twiddle_cos_.size(), .rows_per_group = rows});
    for (std::size_t group = 0; group < groups; ++group) {
      for (std::size_t k = 1; k < radix; ++k) {
        const double angle = -2.0 * std::numbers::pi * static_cast<double>(group * k) / static_cast<double>(left);
        twiddle_cos_.push_back(static_cast<float>(std::cos(angle)));
        twiddle_sin_.push_back(static_cast<float>(std::sin(angle)));
      }
    }
    left = groups;
    rows *= radix;
  }
}

FourierBlock fourier_columns(const FourierPlan& plan, FourierBlock data, FourierBlock scratch,
                             std::size_t column_count) {
  return HWY_DYNAMIC_DISPATCH(transform)(plan, data, scratch, column_count);
}

void fourier_columns_scalar(std::size_t length, FourierBlock data, std::size_t column_count) {
  for (std::size_t column = 0; column < column_count; ++column) {
    std::vector<std::complex<double>> sums(length);
    for (std::size_t k = 0; k < length; ++k) {
      for (std::size_t r = 0; r < length; ++r) {
        const double angle =
            -2.0 * std::numbers::pi * static_cast<double>((r * k) % length) / static_cast<double>(length);
        const std::size_t at = r * column_count + column;
        sums[k] += std::complex<double>(static_cast<double>(data.real[at]), static_cast<double>(data.imaginary[at])) *
                   std::polar(1.0, angle);
      }
    }
    for (std::size_t k = 0; k < length; ++k) {
      data.real[k * column_count + column] = static_cast<float>(sums[k].real());
      data.imaginary[k * column_count + column] = static_cast<float>(sums[k].imag());
    }
  }
}

}  // namespace asterism
#endif  // HWY_ONCE
