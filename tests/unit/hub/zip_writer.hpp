// Zip archives of stored (not compressed) members, byte by byte, so that a test can make them lie.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace asterism {

struct ZipMember {
  std::string name;
  std::string content;
  // Claims in the headers, where they differ from the truth.
  std::uint32_t size_claim = 0;  // 0 = the true size
  std::uint16_t method = 0;      // 0 = stored, 8 = deflated (then `content` is the deflate stream)
  std::string plain = {};        // for method 8: what the stream unpacks to
};

std::string make_zip(const std::vector<ZipMember>& members);

}  // namespace asterism
