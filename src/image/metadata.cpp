#include "image/metadata.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "image/byte_reader.hpp"

namespace asterism {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kExifPrefix{"Exif\0\0", 6};
constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::size_t kHeaderSizeBytes = 8;
constexpr std::size_t kEntrySizeBytes = 12;
constexpr int kOrientationMax = 8;

// TIFF 6.0: 1 BYTE, 3 SHORT, 4 LONG, 6 SBYTE, 8 SSHORT, 9 SLONG.
std::optional<std::uint32_t> entry_value(Bytes entry, ByteOrder order) {
  constexpr std::size_t kValueOffset = 8;
  if (read_u32(entry, 4, order) != 1) {
    return std::nullopt;
  }
  switch (read_u16(entry, 2, order)) {
    case 1:
    case 6:
      return byte_at(entry, kValueOffset);
    case 3:
    case 8:
      return read_u16(entry, kValueOffset, order);
    case 4:
    case 9:
      return read_u32(entry, kValueOffset, order);
    default:
      return std::nullopt;
  }
}

// As the TIFF header says; Pillow takes the number 42 in the wrong order too.
std::optional<ByteOrder> tiff_byte_order(Bytes tiff) {
  constexpr std::array<std::string_view, 2> kLittle{std::string_view("II*\0", 4), std::string_view("II\0*", 4)};
  constexpr std::array<std::string_view, 2> kBig{std::string_view("MM\0*", 4), std::string_view("MM*\0", 4)};
  const auto starts = [tiff](std::string_view prefix) { return has_text(tiff, 0, prefix); };
  if (std::ranges::any_of(kLittle, starts)) {
    return ByteOrder::kLittle;
  }
  return std::ranges::any_of(kBig, starts) ? std::optional(ByteOrder::kBig) : std::nullopt;
}

// Nothing where the directory has no orientation; 0 where it has one that is none of 1 to 8.
std::optional<int> exif_orientation(Bytes exif) {
  for (int i = 0; i < 2 && has_text(exif, 0, kExifPrefix); ++i) {
    exif = exif.subspan(kExifPrefix.size());
  }
  const std::optional<ByteOrder> order = tiff_byte_order(exif);
  if (!order || exif.size() < kHeaderSizeBytes) {
    return std::nullopt;
  }
  const std::size_t directory = read_u32(exif, 4, *order);
  if (!has_bytes(exif, directory, 2)) {
    return std::nullopt;
  }
  std::optional<int> found;
  const std::size_t entry_count = read_u16(exif, directory, *order);
  for (std::size_t i = 0; i < entry_count; ++i) {
    const std::size_t offset = directory + 2 + i * kEntrySizeBytes;
    if (!has_bytes(exif, offset, kEntrySizeBytes)) {
      break;
    }
    const Bytes entry = exif.subspan(offset, kEntrySizeBytes);
    if (read_u16(entry, 0, *order) == kOrientationTag) {
      const std::uint32_t value = entry_value(entry, *order).value_or(0);
      found = value <= kOrientationMax ? static_cast<int>(value) : 0;
    }
  }
  return found;
}

// The first tiff:Orientation="N" or tiff:Orientation>N.
std::optional<int> xmp_orientation(Bytes xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  const std::string_view text(reinterpret_cast<const char*>(xmp.data()), xmp.size());
  for (std::size_t at = text.find(kName); at != std::string_view::npos; at = text.find(kName, at + 1)) {
    std::string_view rest = text.substr(at + kName.size());
    if (rest.starts_with("=\"")) {
      rest.remove_prefix(2);
    } else if (rest.starts_with(">")) {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    if (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
      return rest.front() - '0';
    }
  }
  return std::nullopt;
}

}  // namespace

int metadata_orientation(const ImageMetadata& metadata) {
  std::optional<int> found = exif_orientation(metadata.exif);
  if (!found) {
    found = xmp_orientation(metadata.xmp);
  }
  return found && *found >= 1 && *found <= kOrientationMax ? *found : 1;
}

}  // namespace asterism
