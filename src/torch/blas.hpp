// The BLAS that torch multiplies matrices with, where it is OpenBLAS. Private to src/torch.
//
// Debian's libtorch uses whatever libblas.so.3 is installed. OpenBLAS has threads of its own that torch does not count,
// and the plain one is some 30 times slower. Thread-safety: all may be called from several threads.
#pragma once

#include <string_view>

namespace asterism {

enum class BlasKind { kOpenBlas, kOther, kReference };

BlasKind blas_kind();

// What OpenBLAS multiplies with, as it calls it: "SkylakeX", "Zen", "Prescott"; empty for another BLAS.
std::string_view open_blas_kernels();

// OpenBLAS computes each product on the thread that asks for it, in the whole process. Nothing for another BLAS.
void keep_blas_on_one_thread();

// out = scale * a b + keep * out, matrices stored by rows; `stride_*` is from one stored row to the next.
struct BlasProduct {
  bool transpose_a = false;
  bool transpose_b = false;
  int rows = 0;
  int columns = 0;
  int depth = 0;
  float scale = 1.0F;
  const float* a = nullptr;
  int stride_a = 0;
  const float* b = nullptr;
  int stride_b = 0;
  float keep = 0.0F;
  float* out = nullptr;
  int stride_out = 0;
};

// Only with BlasKind::kOpenBlas.
void blas_sgemm(const BlasProduct& product);

}  // namespace asterism
