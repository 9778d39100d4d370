// The compression of GIF: LZW with codes of growing width, in blocks of at most 255 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace asterism {

enum class LzwEnd : std::uint8_t {
  kComplete,  // an end code, or every pixel is there
  kCut,       // the blocks end before that
  kDamaged,   // a code that cannot be
};

struct LzwOutcome {
  LzwEnd end = LzwEnd::kComplete;
  std::size_t pixel_count = 0;
};

// `blocks` starts with the size of the first block. Pixels go to `out` in the file's order; those behind its end are
// dropped.
LzwOutcome decode_gif_lzw(std::span<const std::byte> blocks, std::uint32_t code_bits, std::span<std::uint8_t> out);

}  // namespace asterism
