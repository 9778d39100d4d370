// How many rows a run has. Private to src/openvino.
#pragma once

#include <cstdint>

namespace asterism {

// Whether runs keep their own sizes, or are padded so that few distinct sizes occur. The plugin's matrix multiplication
// makes and keeps primitives for each size it meets; our kernels and the plugin's small ops do not mind.
enum class RunSizes : std::uint8_t { kExact, kBuckets };

// The token (or text) count that a run of `count` rows is padded to with kBuckets: at most 1/16 of padding, 1/32 on
// average.
std::int64_t bucket_size(std::int64_t count) noexcept;

}  // namespace asterism
