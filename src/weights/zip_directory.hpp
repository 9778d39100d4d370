// Members of a zip archive in memory, each as the bytes where it lies: the directory is read, nothing is copied.
//
// Format: PKWARE APPNOTE 6.3.10 (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT), with the 64-bit
// extensions. What the directory says is checked against the members' own headers: members that overlap, reach past
// the directory, share a name, are encrypted or compressed with anything but deflate are errors that name the member.
// Ownership: spans point into the caller's bytes. Thread-safety: pure functions. Internal to the module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

// More members than any checkpoint has tensors.
inline constexpr std::uint64_t kZipMemberCountMax = 1'000'000;

struct ZipMember {
  std::string_view name;
  bool deflated = false;
  std::span<const std::byte> data;  // as it lies in the archive: the values themselves unless `deflated`
  std::uint64_t size_bytes = 0;     // once inflated
  std::uint32_t crc32 = 0;          // of the inflated bytes
};

using ZipDirectory = std::map<std::string_view, ZipMember>;

bool looks_like_zip(std::span<const std::byte> bytes) noexcept;

// kCorrupt, kUnsupported or kLimitExceeded; `source` names the archive.
Result<ZipDirectory> read_zip_directory(std::span<const std::byte> bytes, std::string_view source);

// The inflated bytes of a deflated member, whose size and CRC-32 must be those that the directory gives. A size that
// deflate cannot reach from the bytes that are there is refused before any memory is taken for it.
Result<std::vector<std::byte>> inflate_member(const ZipMember& member, std::string_view source);

}  // namespace asterism
