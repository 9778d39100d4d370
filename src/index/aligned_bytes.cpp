#include "index/aligned_bytes.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace asterism {
namespace {

constexpr std::size_t kHugePageBytes = 2 * 1024 * 1024;

}  // namespace

bool AlignedBytes::grow(std::size_t size_bytes, std::span<const std::byte> kept) {
  const std::align_val_t alignment{size_bytes >= kHugePageBytes ? kHugePageBytes : kCacheLineBytes};
  std::unique_ptr<std::byte, Delete> grown(static_cast<std::byte*>(::operator new(size_bytes, alignment, std::nothrow)),
                                           Delete{alignment});
  if (grown == nullptr) {
    return false;
  }
#ifdef MADV_HUGEPAGE
  if (size_bytes >= kHugePageBytes) {
    // Searches touch rows all over: fewer pages, fewer misses of the address cache. A refusal costs nothing.
    madvise(grown.get(), size_bytes, MADV_HUGEPAGE);
  }
#endif
  std::ranges::copy(kept, grown.get());
  bytes_ = std::move(grown);
  return true;
}

}  // namespace asterism
