#include "torch/blas.hpp"

#include <ATen/Context.h>
#include <dlfcn.h>

namespace asterism {
namespace {

using SetThreadsFunction = void (*)(int);
using GetThreadsFunction = int (*)();
// cblas_sgemm: order, transposes, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc.
using KernelNameFunction = const char* (*)();
using SgemmFunction = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*,
                               int);

// Values of cblas.h.
constexpr int kRowMajor = 101;
constexpr int kPlain = 111;
constexpr int kTransposed = 112;

struct OpenBlas {
  SetThreadsFunction set_threads = nullptr;
  GetThreadsFunction get_threads = nullptr;
  KernelNameFunction kernel_name = nullptr;
  SgemmFunction sgemm = nullptr;

  bool is_there() const { return set_threads != nullptr && get_threads != nullptr && sgemm != nullptr; }
};

// Only one that is loaded already: the one that torch is linked to.
void* loaded(const char* name) {
  return ::dlopen(name, RTLD_NOW | RTLD_NOLOAD);
}

OpenBlas find_open_blas() {
  void* library = loaded("libopenblas.so.0");
  if (library == nullptr) {
    return {};
  }
  return {reinterpret_cast<SetThreadsFunction>(::dlsym(library, "openblas_set_num_threads")),
          reinterpret_cast<GetThreadsFunction>(::dlsym(library, "openblas_get_num_threads")),
          reinterpret_cast<KernelNameFunction>(::dlsym(library, "openblas_get_corename")),
          reinterpret_cast<SgemmFunction>(::dlsym(library, "cblas_sgemm"))};
}

const OpenBlas& open_blas() {
  static const OpenBlas blas = find_open_blas();
  return blas;
}

}  // namespace

BlasKind blas_kind() {
  if (open_blas().is_there()) {
    return BlasKind::kOpenBlas;
  }
  // A libtorch with its BLAS inside (PyPI's has MKL) loads no libblas.
  return !at::hasMKL() && loaded("libblas.so.3") != nullptr ? BlasKind::kReference : BlasKind::kOther;
}

std::string_view open_blas_kernels() {
  const OpenBlas& blas = open_blas();
  return blas.is_there() && blas.kernel_name != nullptr ? blas.kernel_name() : "";
}

void keep_blas_on_one_thread() {
  const OpenBlas& blas = open_blas();
  if (blas.is_there() && blas.get_threads() != 1) {
    blas.set_threads(1);
  }
}

void blas_sgemm(const BlasProduct& p) {
  open_blas().sgemm(kRowMajor, p.transpose_a ? kTransposed : kPlain, p.transpose_b ? kTransposed : kPlain, p.rows,
                    p.columns, p.depth, p.scale, p.a, p.stride_a, p.b, p.stride_b, p.keep, p.out, p.stride_out);
}

}  // namespace asterism
