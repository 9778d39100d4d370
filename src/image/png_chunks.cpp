#include "image/png_chunks.hpp"

#include <zlib.h>

#include <string_view>
#include <vector>

#include "image/byte_reader.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kSignatureSizeBytes = 8;
constexpr std::size_t kChunkHeaderSizeBytes = 8;
constexpr std::size_t kChecksumSizeBytes = 4;
constexpr std::size_t kHeaderSizeBytes = 13;
// What compressed text may grow to; Pillow's PngImagePlugin.MAX_TEXT_CHUNK.
constexpr std::size_t kTextSizeBytesMax = std::size_t{1} << 20;
constexpr std::string_view kRawExifKey{"Raw profile type exif\0", 22};
constexpr std::string_view kXmpKey{"XML:com.adobe.xmp\0", 18};

// Empty when the data is damaged or grows past the limit.
std::vector<std::byte> inflate_text(Bytes compressed) {
  std::vector<std::byte> text(kTextSizeBytesMax);
  uLongf size_bytes = text.size();
  const int status = ::uncompress(reinterpret_cast<Bytef*>(text.data()), &size_bytes,
                                  reinterpret_cast<const Bytef*>(compressed.data()), compressed.size());
  text.resize(status == Z_OK ? size_bytes : 0);
  return text;
}

std::vector<std::byte> copy_of(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

std::optional<std::uint32_t> hex_digit(std::byte byte) {
  const auto character = std::to_integer<char>(byte);
  if (character >= '0' && character <= '9') {
    return static_cast<std::uint32_t>(character - '0');
  }
  if (character >= 'a' && character <= 'f') {
    return static_cast<std::uint32_t>(character - 'a' + 10);
  }
  if (character >= 'A' && character <= 'F') {
    return static_cast<std::uint32_t>(character - 'A' + 10);
  }
  return std::nullopt;
}

// ImageMagick's way before PNG had a chunk for it: "\nexif\n  SIZE\n" and hexadecimal digits in lines.
std::vector<std::byte> decode_raw_profile(Bytes text) {
  constexpr int kHeadLineCount = 3;
  std::size_t at = 0;
  for (int line = 0; line < kHeadLineCount; ++line) {
    while (at < text.size() && text[at] != std::byte{'\n'}) {
      ++at;
    }
    ++at;
  }
  std::vector<std::byte> decoded;
  std::optional<std::uint32_t> high;
  for (; at < text.size(); ++at) {
    const std::optional<std::uint32_t> digit = hex_digit(text[at]);
    if (digit && high) {
      decoded.push_back(static_cast<std::byte>(*high << 4U | *digit));
      high.reset();
    } else if (digit) {
      high = digit;
    }
  }
  return decoded;
}

// iTXt behind the keyword: compressed?, method, language\0, translated keyword\0, text.
std::vector<std::byte> international_text(Bytes payload) {
  if (payload.size() < 2) {
    return {};
  }
  const bool is_compressed = payload[0] != std::byte{0};
  Bytes rest = payload.subspan(2);
  for (int field = 0; field < 2; ++field) {
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != std::byte{0}) {
      ++end;
    }
    if (end == rest.size()) {
      return {};
    }
    rest = rest.subspan(end + 1);
  }
  return is_compressed ? inflate_text(rest) : copy_of(rest);
}

struct Found {
  PngChunks chunks;
  std::vector<std::byte> raw_profile_exif;
};

void read_chunk(Bytes type, Bytes payload, Found& found) {
  PngChunks& chunks = found.chunks;
  if (has_text(type, 0, "IHDR") && payload.size() >= kHeaderSizeBytes && !chunks.has_header) {
    chunks.width = read_u32(payload, 0, ByteOrder::kBig);
    chunks.height = read_u32(payload, 4, ByteOrder::kBig);
    chunks.has_header = true;
  } else if (has_text(type, 0, "eXIf")) {
    chunks.metadata.exif = copy_of(payload);
  } else if (has_text(type, 0, "tEXt") && has_text(payload, 0, kRawExifKey)) {
    found.raw_profile_exif = decode_raw_profile(payload.subspan(kRawExifKey.size()));
  } else if (has_text(type, 0, "zTXt") && has_text(payload, 0, kRawExifKey) && payload.size() > kRawExifKey.size()) {
    found.raw_profile_exif = decode_raw_profile(inflate_text(payload.subspan(kRawExifKey.size() + 1)));
  } else if (has_text(type, 0, "iTXt") && has_text(payload, 0, kXmpKey)) {
    chunks.metadata.xmp = international_text(payload.subspan(kXmpKey.size()));
  }
}

}  // namespace

PngChunks read_png_chunks(Bytes bytes) {
  Found found;
  std::size_t at = kSignatureSizeBytes;
  while (has_bytes(bytes, at, kChunkHeaderSizeBytes)) {
    const std::uint32_t size_bytes = read_u32(bytes, at, ByteOrder::kBig);
    const Bytes type = bytes.subspan(at + 4, 4);
    const std::size_t payload_offset = at + kChunkHeaderSizeBytes;
    if (!has_bytes(bytes, payload_offset, size_bytes)) {
      if (has_text(type, 0, "IDAT")) {
        found.chunks.cut_data_offset = at;
        found.chunks.cut_data_size_bytes = static_cast<std::uint32_t>(bytes.size() - payload_offset);
      }
      break;
    }
    if (has_text(type, 0, "IEND")) {
      break;
    }
    read_chunk(type, bytes.subspan(payload_offset, size_bytes), found);
    at = payload_offset + size_bytes + kChecksumSizeBytes;
  }
  if (found.chunks.metadata.exif.empty()) {
    found.chunks.metadata.exif = std::move(found.raw_profile_exif);
  }
  return found.chunks;
}

}  // namespace asterism
