// Memory that begins at a cache line, and at a huge page where it is large.
//
// Ownership: owns its bytes. Thread-safety: none of its own. Cost: grow() copies what is kept.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace asterism {

inline constexpr std::size_t kCacheLineBytes = 64;

class AlignedBytes {
 public:
  std::byte* data() noexcept { return bytes_.get(); }
  const std::byte* data() const noexcept { return bytes_.get(); }

  // Other memory, that begins with a copy of `kept`, which may be what was there before. False where memory is short:
  // nothing has changed then.
  bool grow(std::size_t size_bytes, std::span<const std::byte> kept);

 private:
  struct Delete {
    std::align_val_t alignment;
    void operator()(std::byte* p) const noexcept { ::operator delete(p, alignment); }
  };
  std::unique_ptr<std::byte, Delete> bytes_{nullptr, Delete{std::align_val_t{kCacheLineBytes}}};
};

}  // namespace asterism
