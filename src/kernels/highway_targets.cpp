// The two functions of Highway's library that its headers call. The library itself also holds a benchmark timer that
// calibrates itself at every start for milliseconds (2.6 ms measured), whether it is used or not; so it is not linked.
//
// The features of each target are those for which Highway's compile-time targets are built (hwy/ops/set_macros-inl.h).
// AVX3_DL is left out: nothing here gains from it, and its code may hold AVX-VNNI, which not all its processors have.
#include <hwy/targets.h>

namespace hwy {
namespace {

#if HWY_ARCH_X86
// The compiler's run-time library asks the processor, and the system which registers it saves.
std::int64_t find_targets() {
  __builtin_cpu_init();
  const auto all = [](auto... has) { return (... && (has != 0)); };
  std::int64_t targets = HWY_STATIC_TARGET;
  if (all(__builtin_cpu_supports("ssse3"))) {
    targets |= HWY_SSSE3;
  }
  if (all(__builtin_cpu_supports("sse4.1"), __builtin_cpu_supports("sse4.2"), __builtin_cpu_supports("pclmul"),
          __builtin_cpu_supports("aes"))) {
    targets |= HWY_SSE4;
  }
  if (!all(__builtin_cpu_supports("avx2"), __builtin_cpu_supports("fma"), __builtin_cpu_supports("bmi"),
           __builtin_cpu_supports("bmi2"), __builtin_cpu_supports("lzcnt"), __builtin_cpu_supports("f16c"),
           __builtin_cpu_supports("pclmul"), __builtin_cpu_supports("aes"))) {
    return targets;
  }
  targets |= HWY_AVX2;
  if (all(__builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512vl"), __builtin_cpu_supports("avx512dq"),
          __builtin_cpu_supports("avx512bw"))) {
    targets |= HWY_AVX3;
  }
  return targets;
}
#else
std::int64_t find_targets() {
  return HWY_STATIC_TARGET;
}
#endif

}  // namespace

std::int64_t SupportedTargets() {
  static const std::int64_t targets = find_targets();
  return targets;
}

ChosenTarget& GetChosenTarget() {
  static ChosenTarget chosen;
  return chosen;
}

}  // namespace hwy
