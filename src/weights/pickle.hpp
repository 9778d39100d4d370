// A reader of Python pickles that runs nothing: it knows the opcodes that torch.save writes, and of classes only those
// that tensors, dicts and plain values are made of. Any other class or function is refused and named.
//
// Format: pickletools of Python's library. Cost: linear in the bytes; nesting costs no stack. Thread-safety: pure
// function. Internal to the module.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "asterism/error.hpp"
#include "weights/pickle_value.hpp"

namespace asterism {

// A checkpoint's pickle has no values in it but names and shapes: about 200 bytes a tensor.
inline constexpr std::size_t kPickleSizeBytesMax = std::size_t{64} << 20;
// About 20 values a tensor.
inline constexpr std::size_t kPickleValueCountMax = 4'000'000;
// Values that calls copy from one container to another: a short pickle may ask for a long copy again and again.
inline constexpr std::size_t kPickleCopyCountMax = 16'000'000;
// Open MARKs: how deep containers may stand in each other.
inline constexpr std::size_t kPickleDepthMax = 1'000;
// torch allows 64 dimensions.
inline constexpr std::size_t kPickleTensorRankMax = 64;

// Reads one pickle from the front of `bytes`. kUnsupported names a class outside the allowed ones; kCorrupt and
// kLimitExceeded as everywhere. The text of the document points into `bytes`.
Result<PickleDocument> read_pickle(std::span<const std::byte> bytes, std::string_view source);

}  // namespace asterism
