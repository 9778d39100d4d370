#include "image/content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "image/byte_reader.hpp"

namespace asterism {
namespace {

using namespace std::string_view_literals;
using Bytes = std::span<const std::byte>;

struct FormatMark {
  std::string_view prefix;
  ImageFormat format;
};

constexpr std::array<FormatMark, 10> kFormatMarks{{{"\xFF\xD8\xFF"sv, ImageFormat::kJpeg},
                                                   {"\x89PNG\r\n\x1A\n"sv, ImageFormat::kPng},
                                                   {"GIF87a"sv, ImageFormat::kGif},
                                                   {"GIF89a"sv, ImageFormat::kGif},
                                                   {"II*\0"sv, ImageFormat::kTiff},
                                                   {"MM\0*"sv, ImageFormat::kTiff},
                                                   {"II+\0"sv, ImageFormat::kTiff},
                                                   {"MM\0+"sv, ImageFormat::kTiff},
                                                   {"BM"sv, ImageFormat::kBmp},
                                                   {"\xFF\xD8"sv, ImageFormat::kJpeg}}};

struct ContentMark {
  std::size_t offset;
  std::string_view text;
  std::string_view name;
};

// Longer marks before shorter ones at the same place.
constexpr std::array<ContentMark, 38> kContentMarks{{{4, "ftypavif"sv, "an AVIF image"sv},
                                                     {4, "ftypavis"sv, "an AVIF image"sv},
                                                     {4, "ftypheic"sv, "a HEIC image"sv},
                                                     {4, "ftypheix"sv, "a HEIC image"sv},
                                                     {4, "ftyphevc"sv, "a HEIC image"sv},
                                                     {4, "ftypmif1"sv, "a HEIF image"sv},
                                                     {4, "ftypmsf1"sv, "a HEIF image"sv},
                                                     {4, "ftypcrx "sv, "a Canon CR3 raw image"sv},
                                                     {4, "ftyp"sv, "an MP4 video"sv},
                                                     {0, "\0\0\0\x0CJXL "sv, "a JPEG XL image"sv},
                                                     {0, "\xFF\x0A"sv, "a JPEG XL image"sv},
                                                     {0, "\0\0\0\x0CjP  "sv, "a JPEG 2000 image"sv},
                                                     {0, "\xFF\x4F\xFF\x51"sv, "a JPEG 2000 image"sv},
                                                     {0, "8BPS"sv, "a Photoshop document"sv},
                                                     {0, "\0\0\x01\0"sv, "a Windows icon"sv},
                                                     {0, "\0\0\x02\0"sv, "a Windows cursor"sv},
                                                     {0, "%PDF-"sv, "a PDF document"sv},
                                                     {0, "%!PS"sv, "a PostScript document"sv},
                                                     {0, "PK\x03\x04"sv, "a zip archive"sv},
                                                     {0, "\x1F\x8B"sv, "gzip data"sv},
                                                     {0, "7z\xBC\xAF\x27\x1C"sv, "a 7z archive"sv},
                                                     {0, "Rar!"sv, "a RAR archive"sv},
                                                     {0,
                                                      "\xFD"
                                                      "7zXZ"sv,
                                                      "xz data"sv},
                                                     {0, "\x28\xB5\x2F\xFD"sv, "zstd data"sv},
                                                     {0,
                                                      "\x7F"
                                                      "ELF"sv,
                                                      "an executable"sv},
                                                     {0, "MZ"sv, "a Windows executable"sv},
                                                     {8, "AVI "sv, "an AVI video"sv},
                                                     {8, "WAVE"sv, "a WAVE sound"sv},
                                                     {0, "\x1A\x45\xDF\xA3"sv, "a Matroska or WebM video"sv},
                                                     {0, "OggS"sv, "Ogg media"sv},
                                                     {0, "ID3"sv, "an MP3 sound"sv},
                                                     {0, "v/1\x01"sv, "an OpenEXR image"sv},
                                                     {0, "#?RADIANCE"sv, "a Radiance HDR image"sv},
                                                     {0, "DDS "sv, "a DirectDraw texture"sv},
                                                     {0, "qoif"sv, "a QOI image"sv},
                                                     {0, "PAR1"sv, "a Parquet file"sv},
                                                     {0, "\x93NUMPY"sv, "a NumPy array"sv},
                                                     {0, "SQLite format 3"sv, "an SQLite database"sv}}};

std::string lower_start(Bytes bytes, std::size_t size_max) {
  std::string text;
  std::size_t begin = has_text(bytes, 0, "\xEF\xBB\xBF") ? 3 : 0;
  while (begin < bytes.size() && std::isspace(static_cast<int>(byte_at(bytes, begin))) != 0) {
    ++begin;
  }
  for (std::size_t i = begin; i < std::min(bytes.size(), begin + size_max); ++i) {
    text += static_cast<char>(std::tolower(static_cast<int>(byte_at(bytes, i))));
  }
  return text;
}

// "HTML text" and the like; empty where the start is no text at all.
std::string_view describe_text(Bytes bytes) {
  constexpr std::size_t kLookedAt = 512;
  const std::string text = lower_start(bytes, kLookedAt);
  if (text.starts_with("<!doctype html") || text.starts_with("<html") || text.starts_with("<head")) {
    return "HTML text";
  }
  if (text.starts_with("<svg") || (text.starts_with("<?xml") && text.find("<svg") != std::string::npos)) {
    return "an SVG drawing";
  }
  if (text.starts_with("<?xml")) {
    return "XML text";
  }
  if (text.starts_with("{") || text.starts_with("[")) {
    return "JSON text";
  }
  if (text.starts_with("version https://git-lfs")) {
    return "a Git LFS pointer instead of the file";
  }
  const bool printable = std::ranges::none_of(text, [](char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte == 0x7F || (byte < 0x20 && std::isspace(byte) == 0);
  });
  return printable ? std::string_view("text") : std::string_view();
}

bool has_control_characters(Bytes bytes) {
  return std::ranges::any_of(bytes, [](std::byte byte) {
    const auto value = std::to_integer<unsigned char>(byte);
    return value < 0x20 && std::isspace(value) == 0 && value != 0x1B;  // ESC: colours of a terminal's log
  });
}

// A length of 64 bits, of which the last four bytes are 0, then JSON.
bool is_safetensors(Bytes bytes) {
  return has_text(bytes, 4, "\0\0\0\0{"sv);
}

bool is_webp(Bytes bytes) {
  return has_text(bytes, 0, "RIFF") && has_text(bytes, 8, "WEBP");
}

}  // namespace

std::optional<ImageFormat> sniff_image_format(Bytes bytes) {
  if (is_webp(bytes)) {
    return ImageFormat::kWebp;
  }
  for (const FormatMark& mark : kFormatMarks) {
    if (has_text(bytes, 0, mark.prefix)) {
      return mark.format;
    }
  }
  return std::nullopt;
}

std::optional<std::string> describe_binary(Bytes bytes) {
  const Bytes head = bytes.first(std::min(bytes.size(), kContentHeadSizeBytes));
  if (is_safetensors(head)) {
    return "a safetensors file";
  }
  if (has_text(head, 0, "%PDF-")) {
    return "a PDF document";
  }
  if (!has_control_characters(head)) {
    return std::nullopt;
  }
  for (const ContentMark& mark : kContentMarks) {
    if (has_text(head, mark.offset, mark.text)) {
      return std::string(mark.name);
    }
  }
  if (const auto format = sniff_image_format(head)) {
    return fmt::format("{} image", image_format_name(*format));
  }
  return std::nullopt;
}

std::string describe_content(Bytes bytes) {
  for (const ContentMark& mark : kContentMarks) {
    if (has_text(bytes, mark.offset, mark.text)) {
      return std::string(mark.name);
    }
  }
  if (const std::string_view text = describe_text(bytes); !text.empty()) {
    return std::string(text);
  }
  std::string hex = "the bytes";
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 8); ++i) {
    hex += fmt::format(" {:02X}", byte_at(bytes, i));
  }
  return hex;
}

}  // namespace asterism
