// The field that charges on a grid make under the Student kernel 1 / (1 + d^2) and under the force d / (1 + d^2)^2.
//
// By convolution: one Fourier transform of the charges, three back, all of real numbers (two columns go through each
// complex transform), padded so that nothing wraps around. Ownership: its buffers. Thread-safety: run() by one thread
// at a time, with a pool. Repeatable: no sum depends on the threads. Cost: nodes x log(nodes), four times over.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "kernels/fourier.hpp"

namespace asterism {

class ThreadPool;

struct GridShape {
  std::size_t rows = 0;     // nodes along the first coordinate
  std::size_t columns = 0;  // and along the second
  float spacing = 1.0F;     // between neighbouring nodes, of both
  friend bool operator==(const GridShape&, const GridShape&) = default;
};

class StudentGrid {
 public:
  enum Field : std::size_t { kWeight, kForceFirst, kForceSecond, kFieldCount };

  // Charges become zero. The kernels' spectra are made anew only where the padded size or the spacing changed.
  void reshape(const GridShape& shape, ThreadPool& pool);
  void run(ThreadPool& pool);

  // Floats from one row of nodes to the next, of charges and fields.
  std::size_t stride() const noexcept { return 2 * half_columns_; }
  std::span<float> charges() noexcept { return charges_; }                             // [rows, stride]
  std::span<const float> field(Field which) const noexcept { return fields_[which]; }  // [rows, stride]

 private:
  struct Spectrum {
    std::vector<float> real;
    std::vector<float> imaginary;
  };
  struct Work;

  void make_kernels(ThreadPool& pool);
  void transform_rows(std::span<const float> values, std::size_t row_count, std::size_t half_columns, Spectrum& out,
                      ThreadPool& pool) const;
  void kernel_columns(const Spectrum& from, Field which, ThreadPool& pool);
  void convolve_columns(ThreadPool& pool);
  void transform_back(Field which, ThreadPool& pool);

  GridShape shape_;
  std::size_t half_columns_ = 0;  // a multiple of kFourierColumnStep
  std::size_t frequency_stride_ = 0;
  float kernel_spacing_ = 0.0F;
  std::optional<FourierPlan> row_plan_;
  std::optional<FourierPlan> column_plan_;
  std::vector<float> charges_;
  std::array<std::vector<float>, kFieldCount> fields_;
  Spectrum spectrum_;                                           // [stride, frequency_stride] of the charges
  std::array<Spectrum, kFieldCount> field_spectra_;             // the same of the fields
  std::array<std::vector<float>, kFieldCount> kernel_spectra_;  // [frequency block, column frequency, 16]
};

}  // namespace asterism
