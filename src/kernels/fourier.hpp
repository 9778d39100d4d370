// Discrete Fourier transforms of many columns at once.
//
// Stockham's self-sorting algorithm (Cochran et al. 1967) with steps of 4, 3 and 2: every step runs over whole rows of
// columns that lie side by side, so the loops need no shuffles. SIMD by run-time dispatch (Highway); the scalar version
// is the definition, in double. Ownership: the caller's buffers; a plan owns its twiddle factors. Thread-safety: a plan
// is immutable; buffers are one caller's. Cost: length * log(length) a column.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace asterism {

// Columns of a block are a multiple of this: the widest vector.
inline constexpr std::size_t kFourierColumnStep = 16;

// The smallest 2^a * 3^b that is even and at least `length`.
std::size_t fourier_length(std::size_t length) noexcept;

class FourierPlan {
 public:
  struct Step {
    std::size_t radix = 2;
    std::size_t group_count = 0;     // length left over radix: one twiddle set each
    std::size_t first_twiddle = 0;   // of [group_count, radix - 1]
    std::size_t rows_per_group = 0;  // rows that share a twiddle set
  };

  // `length` = 2^a * 3^b, as fourier_length() gives.
  explicit FourierPlan(std::size_t length);

  std::size_t length() const noexcept { return length_; }
  std::span<const Step> steps() const noexcept { return steps_; }
  std::span<const float> twiddle_cos() const noexcept { return twiddle_cos_; }
  std::span<const float> twiddle_sin() const noexcept { return twiddle_sin_; }

 private:
  std::size_t length_;
  std::vector<Step> steps_;
  std::vector<float> twiddle_cos_;
  std::vector<float> twiddle_sin_;
};

// Complex numbers as two planes of [length, column_count].
struct FourierBlock {
  float* real = nullptr;
  float* imaginary = nullptr;
};

// X_k = sum over r of x_r exp(-2 pi i r k / length) down each column. `data` and `scratch` are overwritten; the answer
// is whichever of the two holds the result. The inverse, unscaled, is the same with the two planes of both swapped.
FourierBlock fourier_columns(const FourierPlan& plan, FourierBlock data, FourierBlock scratch,
                             std::size_t column_count);

// By the definition, in place, in double: the oracle of the tests.
void fourier_columns_scalar(std::size_t length, FourierBlock data, std::size_t column_count);

}  // namespace asterism
