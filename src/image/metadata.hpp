// The orientation that EXIF or XMP metadata asks for, as Pillow's Image.getexif() finds it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace asterism {

// What a file carries, wherever its format keeps it; empty where it carries none.
struct ImageMetadata {
  std::vector<std::byte> exif;  // with or without its "Exif\0\0" in front
  std::vector<std::byte> xmp;
};

// 1 to 8. EXIF first, XMP only where EXIF has no such tag; 1 where neither says, or what they say does not parse.
int metadata_orientation(const ImageMetadata& metadata);

}  // namespace asterism
