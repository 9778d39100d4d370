#include "zip_writer.hpp"

namespace asterism {
namespace {

void put(std::string& out, std::uint64_t value, int size_bytes) {
  for (int i = 0; i < size_bytes; ++i) {
    out.push_back(static_cast<char>((value >> (8 * i)) & 0xFFU));
  }
}

std::uint32_t crc32_of(const std::string& text) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
  }
  return ~crc;
}

// The part that local header and directory share: version to extra length.
void put_common(std::string& out, const ZipMember& member) {
  const std::string& plain = member.method == 0 ? member.content : member.plain;
  put(out, 20, 2);
  put(out, 0, 2);
  put(out, member.method, 2);
  put(out, 0, 4);
  put(out, crc32_of(plain), 4);
  put(out, member.size_claim != 0 && member.method == 0 ? member.size_claim : member.content.size(), 4);
  put(out, member.size_claim != 0 ? member.size_claim : plain.size(), 4);
  put(out, member.name.size(), 2);
  put(out, 0, 2);
}

}  // namespace

std::string make_zip(const std::vector<ZipMember>& members) {
  std::string out;
  std::string directory;
  for (const ZipMember& member : members) {
    const std::size_t offset = out.size();
    put(out, 0x04034B50, 4);
    put_common(out, member);
    out += member.name + member.content;
    put(directory, 0x02014B50, 4);
    put(directory, 20, 2);
    put_common(directory, member);
    directory.append(10, '\0');  // comment length, disk, attributes
    put(directory, offset, 4);
    directory += member.name;
  }
  const std::size_t directory_at = out.size();
  out += directory;
  put(out, 0x06054B50, 4);
  put(out, 0, 4);
  put(out, members.size(), 2);
  put(out, members.size(), 2);
  put(out, directory.size(), 4);
  put(out, directory_at, 4);
  put(out, 0, 2);
  return out;
}

}  // namespace asterism
