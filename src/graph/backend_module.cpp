#include "graph/backend_module.hpp"

#include <stdlib.h>  // setenv

#include <cstdlib>

#include "base/program_module.hpp"

namespace asterism {
namespace {

// Everything but training works without libtorch, so it may well be missing.
std::string hint_for(std::string_view name) {
  if (name == "torch") {
    return "training needs libtorch, everything else works without it: install it (Debian: libtorch-dev and "
           "libopenblas0-pthread), and build Asterism again where it was built without";
  }
  return "it is installed with Asterism, in the folder of its libraries: install it again";
}

// GNU's OpenMP, which comes with libtorch, reads how long a thread spins at a barrier when it is loaded. By default
// that is milliseconds: where another process has a processor, the others of the team burn theirs, and LeNet-5 learns
// at a tenth of the speed that it has with microseconds. Without other work both are alike. What the user has set,
// stays.
void shorten_barriers() {
  constexpr const char* kSpinCount = "2000";
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
    ::setenv("GOMP_SPINCOUNT", kSpinCount, 0);  // NOLINT(concurrency-mt-unsafe)
  }
}

// OpenBLAS knows processors by their model numbers when it is loaded, and gives those that came after it (for Debian
// 12's: Intel's Emerald Rapids) kernels for SSE3, several times slower. What the processor can do says which to take.
void choose_blas_kernels() {
#if defined(__x86_64__)
  const char* kernels = nullptr;
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512cd") != 0 &&
      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
      __builtin_cpu_supports("avx512vl") != 0) {
    kernels = "SkylakeX";
  } else if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0) {
    kernels = "Haswell";
  }
  if (kernels != nullptr) {
    ::setenv("OPENBLAS_CORETYPE", kernels, 0);  // NOLINT(concurrency-mt-unsafe)
  }
#endif
}

}  // namespace

Result<const BackendModule*> load_backend_module(std::string_view name) {
  if (name == "torch") {
    shorten_barriers();
    choose_blas_kernels();
  }
  const auto library = open_program_module(name, hint_for(name));
  if (!library) {
    return std::unexpected(library.error());
  }
  const auto module = library->symbol<BackendModuleFunction>(kBackendModuleSymbol);
  if (!module) {
    return std::unexpected(module.error());
  }
  return (*module)();
}

}  // namespace asterism
