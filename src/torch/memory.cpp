#include "torch/memory.hpp"

#include <limits>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace asterism {

void keep_freed_memory() noexcept {
#ifdef __GLIBC__
  constexpr int kTopPadSizeBytes = 64 << 20;
  // No block gets a mapping of its own, and the heap is never cut.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, kTopPadSizeBytes);
#endif
}

}  // namespace asterism
