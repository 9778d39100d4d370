#include "analysis/student_grid.hpp"

#include <algorithm>
#include <memory>

#include "base/thread_pool.hpp"

namespace asterism {
namespace {

constexpr std::size_t kStep = kFourierColumnStep;

std::size_t rounded_up(std::size_t value) {
  return (value + kStep - 1) / kStep * kStep;
}

FourierBlock swapped(const FourierBlock& block) {
  return {.real = block.imaginary, .imaginary = block.real};
}

// The grid's distance along one axis, in nodes, that index `i` of a kernel of `length` stands for: the second half is
// negative, as a circular convolution has it.
float offset_of(std::size_t i, std::size_t length) {
  const auto signed_index = static_cast<float>(i);
  return 2 * i < length ? signed_index : signed_index - static_cast<float>(length);
}

}  // namespace

// Two blocks of kStep columns, for transforms to go back and forth between.
struct StudentGrid::Work {
  explicit Work(std::size_t length)
      : size(length * kStep), memory(std::make_unique_for_overwrite<float[]>(4 * length * kStep)) {}

  FourierBlock first() const { return {.real = memory.get(), .imaginary = memory.get() + size}; }
  FourierBlock second() const { return {.real = memory.get() + 2 * size, .imaginary = memory.get() + 3 * size}; }

  std::size_t size;
  std::unique_ptr<float[]> memory;
};

void StudentGrid::reshape(const GridShape& shape, ThreadPool& pool) {
  const std::size_t row_length = fourier_length(2 * shape.rows);
  const std::size_t column_length = fourier_length(2 * shape.columns);
  const bool same_kernels = row_plan_ && row_plan_->length() == row_length && column_plan_->length() == column_length &&
                            kernel_spacing_ == shape.spacing;
  shape_ = shape;
  half_columns_ = rounded_up((shape.columns + 1) / 2);
  charges_.assign(shape.rows * stride(), 0.0F);
  if (!same_kernels) {
    if (!row_plan_ || row_plan_->length() != row_length) {
      row_plan_.emplace(row_length);
    }
    if (!column_plan_ || column_plan_->length() != column_length) {
      column_plan_.emplace(column_length);
    }
    frequency_stride_ = rounded_up(row_length / 2 + 1);
    kernel_spacing_ = shape.spacing;
    make_kernels(pool);
  }
}

void StudentGrid::run(ThreadPool& pool) {
  transform_rows(charges_, shape_.rows, half_columns_, spectrum_, pool);
  convolve_columns(pool);
  for (const Field which : {kWeight, kForceFirst, kForceSecond}) {
    transform_back(which, pool);
  }
}

// Column j goes through as the real and column j + half as the imaginary part; their spectra are the even and the odd
// part of the result. Frequencies past the middle mirror those before it and are not kept.
void StudentGrid::transform_rows(std::span<const float> values, std::size_t row_count, std::size_t half_columns,
                                 Spectrum& out, ThreadPool& pool) const {
  const std::size_t length = row_plan_->length();
  out.real.resize(2 * half_columns * frequency_stride_);
  out.imaginary.resize(out.real.size());
  pool.parallel_for(half_columns / kStep, 1, [&](std::size_t block, std::size_t) {
    const Work work(length);
    const FourierBlock data = work.first();
    const std::size_t column = block * kStep;
    for (std::size_t r = 0; r < row_count; ++r) {
      const float* row = values.data() + r * 2 * half_columns + column;
      std::copy_n(row, kStep, data.real + r * kStep);
      std::copy_n(row + half_columns, kStep, data.imaginary + r * kStep);
    }
    std::fill(data.real + row_count * kStep, data.real + work.size, 0.0F);
    std::fill(data.imaginary + row_count * kStep, data.imaginary + work.size, 0.0F);
    const FourierBlock z = fourier_columns(*row_plan_, data, work.second(), kStep);
    for (std::size_t k = 0; k <= length / 2; ++k) {
      const std::size_t mirror = (k == 0 ? 0 : length - k) * kStep;
      for (std::size_t lane = 0; lane < kStep; ++lane) {
        const float re = z.real[k * kStep + lane];
        const float im = z.imaginary[k * kStep + lane];
        const float mirror_re = z.real[mirror + lane];
        const float mirror_im = z.imaginary[mirror + lane];
        const std::size_t even = (column + lane) * frequency_stride_ + k;
        const std::size_t odd = even + half_columns * frequency_stride_;
        out.real[even] = 0.5F * (re + mirror_re);
        out.imaginary[even] = 0.5F * (im - mirror_im);
        out.real[odd] = 0.5F * (im + mirror_im);
        out.imaginary[odd] = 0.5F * (mirror_re - re);
      }
    }
  });
}

void StudentGrid::make_kernels(ThreadPool& pool) {
  const std::size_t rows = row_plan_->length();
  const std::size_t columns = column_plan_->length();
  const std::size_t half = rounded_up((columns + 1) / 2);
  // The transforms are not scaled: the whole grid's size goes in here.
  const float scale = 1.0F / (static_cast<float>(rows) * static_cast<float>(columns));
  std::vector<float> values(rows * 2 * half);
  for (const Field which : {kWeight, kForceFirst, kForceSecond}) {
    std::ranges::fill(values, 0.0F);
    for (std::size_t r = 0; r < rows; ++r) {
      const float first = offset_of(r, rows) * kernel_spacing_;
      for (std::size_t c = 0; c < columns; ++c) {
        // Half a turn away is both before and behind: no charge lies there, and an odd kernel must be zero.
        if (which != kWeight && (2 * r == rows || 2 * c == columns)) {
          continue;
        }
        const float second = offset_of(c, columns) * kernel_spacing_;
        const float weight = 1.0F / (1.0F + first * first + second * second);
        const float force = weight * weight * (which == kForceFirst ? first : second);
        values[r * 2 * half + c] = scale * (which == kWeight ? weight : force);
      }
    }
    Spectrum spectrum;
    transform_rows(values, rows, half, spectrum, pool);
    kernel_columns(spectrum, which, pool);
  }
}

// An even kernel has a real spectrum and an odd one an imaginary one: one number a frequency is kept.
void StudentGrid::kernel_columns(const Spectrum& from, Field which, ThreadPool& pool) {
  const std::size_t length = column_plan_->length();
  kernel_spectra_[which].resize(frequency_stride_ * length);
  pool.parallel_for(frequency_stride_ / kStep, 1, [&](std::size_t block, std::size_t) {
    const Work work(length);
    const FourierBlock data = work.first();
    for (std::size_t c = 0; c < length; ++c) {
      std::copy_n(from.real.data() + c * frequency_stride_ + block * kStep, kStep, data.real + c * kStep);
      std::copy_n(from.imaginary.data() + c * frequency_stride_ + block * kStep, kStep, data.imaginary + c * kStep);
    }
    const FourierBlock z = fourier_columns(*column_plan_, data, work.second(), kStep);
    std::copy_n(which == kWeight ? z.real : z.imaginary, work.size, kernel_spectra_[which].data() + block * work.size);
  });
}

void StudentGrid::convolve_columns(ThreadPool& pool) {
  const std::size_t length = column_plan_->length();
  const std::size_t column_count = stride();
  for (Spectrum& spectrum : field_spectra_) {
    spectrum.real.resize(column_count * frequency_stride_);
    spectrum.imaginary.resize(spectrum.real.size());
  }
  const std::size_t given = std::min(column_count, length);  // columns past it are padding, and zero
  pool.parallel_for(frequency_stride_ / kStep, 1, [&](std::size_t block, std::size_t) {
    const Work charge_work(length);
    const Work work(length);
    const FourierBlock data = charge_work.first();
    for (std::size_t c = 0; c < given; ++c) {
      std::copy_n(spectrum_.real.data() + c * frequency_stride_ + block * kStep, kStep, data.real + c * kStep);
      std::copy_n(spectrum_.imaginary.data() + c * frequency_stride_ + block * kStep, kStep,
                  data.imaginary + c * kStep);
    }
    std::fill(data.real + given * kStep, data.real + work.size, 0.0F);
    std::fill(data.imaginary + given * kStep, data.imaginary + work.size, 0.0F);
    const FourierBlock z = fourier_columns(*column_plan_, data, charge_work.second(), kStep);
    for (const Field which : {kWeight, kForceFirst, kForceSecond}) {
      const float* kernel = kernel_spectra_[which].data() + block * work.size;
      const FourierBlock product = work.first();
      if (which == kWeight) {
        std::transform(z.real, z.real + work.size, kernel, product.real, std::multiplies<>());
        std::transform(z.imaginary, z.imaginary + work.size, kernel, product.imaginary, std::multiplies<>());
      } else {
        std::transform(z.imaginary, z.imaginary + work.size, kernel, product.real,
                       [](float a, float b) { return -a * b; });
        std::transform(z.real, z.real + work.size, kernel, product.imaginary, std::multiplies<>());
      }
      const FourierBlock back =
          swapped(fourier_columns(*column_plan_, swapped(product), swapped(work.second()), kStep));
      for (std::size_t c = 0; c < column_count; ++c) {
        const std::size_t at = c * frequency_stride_ + block * kStep;
        if (c >= given) {  // it shares a transform with a column that counts
          std::fill_n(field_spectra_[which].real.data() + at, kStep, 0.0F);
          std::fill_n(field_spectra_[which].imaginary.data() + at, kStep, 0.0F);
          continue;
        }
        std::copy_n(back.real + c * kStep, kStep, field_spectra_[which].real.data() + at);
        std::copy_n(back.imaginary + c * kStep, kStep, field_spectra_[which].imaginary.data() + at);
      }
    }
  });
}

// transform_rows backwards: the spectra of two columns make one complex column.
void StudentGrid::transform_back(Field which, ThreadPool& pool) {
  const std::size_t length = row_plan_->length();
  const Spectrum& from = field_spectra_[which];
  std::vector<float>& out = fields_[which];
  out.resize(shape_.rows * stride());
  pool.parallel_for(half_columns_ / kStep, 1, [&](std::size_t block, std::size_t) {
    const Work work(length);
    const FourierBlock data = work.first();
    const std::size_t column = block * kStep;
    for (std::size_t k = 0; k <= length / 2; ++k) {
      const std::size_t mirror = (k == 0 ? 0 : length - k) * kStep;
      for (std::size_t lane = 0; lane < kStep; ++lane) {
        const std::size_t even = (column + lane) * frequency_stride_ + k;
        const std::size_t odd = even + half_columns_ * frequency_stride_;
        data.real[mirror + lane] = from.real[even] + from.imaginary[odd];
        data.imaginary[mirror + lane] = from.real[odd] - from.imaginary[even];
        data.real[k * kStep + lane] = from.real[even] - from.imaginary[odd];
        data.imaginary[k * kStep + lane] = from.imaginary[even] + from.real[odd];
      }
    }
    const FourierBlock back = swapped(fourier_columns(*row_plan_, swapped(data), swapped(work.second()), kStep));
    for (std::size_t r = 0; r < shape_.rows; ++r) {
      std::copy_n(back.real + r * kStep, kStep, out.data() + r * stride() + column);
      std::copy_n(back.imaginary + r * kStep, kStep, out.data() + r * stride() + column + half_columns_);
    }
  });
}

}  // namespace asterism
