// CRC-32C (Castagnoli; RFC 3720): finds every flipped bit and every burst of up to 32 bits.
//
// Uses the processor's instruction where there is one, tables otherwise. Thread-safety: pure functions.
// Cost: about 8 GB/s with the instruction, 1 GB/s without.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace asterism {

// The checksum of `bytes`; of more bytes when the checksum of those before is given.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;
// The same by tables alone: for processors without the instruction, and the oracle of the tests.
std::uint32_t crc32c_tables(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

}  // namespace asterism
