#include "image/jpeg_segments.hpp"

#include <string_view>

#include "image/byte_reader.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t kStartOfScan = 0xDA;
constexpr std::uint32_t kEndOfImage = 0xD9;
constexpr std::uint32_t kApp1 = 0xE1;
constexpr std::size_t kFrameHeaderSizeBytes = 6;
constexpr std::string_view kExifPrefix{"Exif\0\0", 6};
constexpr std::string_view kXmpPrefix{"http://ns.adobe.com/xap/1.0/\0", 29};

// Markers without a length behind them: 0x01 and 0xD0 to 0xD9.
bool stands_alone(std::uint32_t marker) {
  return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD9);
}

// SOF0 to SOF15 apart from DHT, JPG and DAC, which share the range.
bool is_start_of_frame(std::uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

void append(std::vector<std::byte>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// An EXIF block that does not fit one segment goes on in the next, without its prefix repeated.
void read_app1(Bytes payload, ImageMetadata& metadata) {
  if (has_text(payload, 0, kExifPrefix)) {
    append(metadata.exif, metadata.exif.empty() ? payload : payload.subspan(kExifPrefix.size()));
  } else if (has_text(payload, 0, kXmpPrefix)) {
    metadata.xmp.clear();
    append(metadata.xmp, payload.subspan(kXmpPrefix.size()));
  }
}

void read_frame(Bytes payload, JpegSegments& segments) {
  if (payload.size() >= kFrameHeaderSizeBytes) {
    segments.bits_per_sample = byte_at(payload, 0);
    segments.height = read_u16(payload, 1, ByteOrder::kBig);
    segments.width = read_u16(payload, 3, ByteOrder::kBig);
    segments.component_count = byte_at(payload, 5);
    segments.has_frame = true;
  }
}

}  // namespace

JpegSegments read_jpeg_segments(Bytes bytes) {
  JpegSegments segments;
  std::size_t at = 2;
  while (has_bytes(bytes, at, 2)) {
    if (byte_at(bytes, at) != 0xFF) {
      ++at;
      continue;
    }
    const std::uint32_t marker = byte_at(bytes, at + 1);
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    at += 2;
    if (marker == 0 || stands_alone(marker)) {
      if (marker == kEndOfImage) {
        break;
      }
      continue;
    }
    if (marker == kStartOfScan || !has_bytes(bytes, at, 2)) {
      break;
    }
    const std::size_t size_bytes = read_u16(bytes, at, ByteOrder::kBig);
    if (size_bytes < 2 || !has_bytes(bytes, at, size_bytes)) {
      break;
    }
    const Bytes payload = bytes.subspan(at + 2, size_bytes - 2);
    if (marker == kApp1) {
      read_app1(payload, segments.metadata);
    } else if (is_start_of_frame(marker)) {
      read_frame(payload, segments);
    }
    at += size_bytes;
  }
  return segments;
}

}  // namespace asterism
