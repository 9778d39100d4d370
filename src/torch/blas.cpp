#include "torch/blas.hpp"

#include <ATen/Context.h>
#include <dlfcn.h>

#include <memory>

namespace asterism {
namespace {

using SetThreadsFunction = void (*)(int);
using GetThreadsFunction = int (*)();

struct OpenBlas {
  SetThreadsFunction set_threads = nullptr;
  GetThreadsFunction get_threads = nullptr;
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
          reinterpret_cast<GetThreadsFunction>(::dlsym(library, "openblas_get_num_threads"))};
}

const OpenBlas& open_blas() {
  static const OpenBlas blas = find_open_blas();
  return blas;
}

}  // namespace

BlasKind blas_kind() {
  if (open_blas().set_threads != nullptr) {
    return BlasKind::kOpenBlas;
  }
  // A libtorch with its BLAS inside (PyPI's has MKL) loads no libblas.
  return !at::hasMKL() && loaded("libblas.so.3") != nullptr ? BlasKind::kReference : BlasKind::kOther;
}

void set_blas_thread_count(int count) {
  const OpenBlas& blas = open_blas();
  if (blas.set_threads != nullptr && blas.get_threads != nullptr && blas.get_threads() != count) {
    blas.set_threads(count);
  }
}

}  // namespace asterism
