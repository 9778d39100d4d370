// What a downloaded file must hash to. Thread-safety: pure functions. Internal to the module.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

enum class DigestKind : std::uint8_t {
  kNone,
  kSha256,   // of the bytes
  kGitBlob,  // SHA-1 of "blob <size>\0" and the bytes, as git names a file
};

struct Digest {
  DigestKind kind = DigestKind::kNone;
  std::string hex;
};

// The hub's ETags are digests: 64 hexadecimal digits for large files, 40 for those kept in git; others prove nothing.
Digest digest_of_etag(std::string_view etag);

// kMismatch when the file hashes to something else; `label` names it in the error.
Result<void> check_digest(const std::filesystem::path& path, const Digest& expected, std::string_view label);

}  // namespace asterism
