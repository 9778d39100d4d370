// What the bytes of a file are, told by how they begin.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "image/decode.hpp"

namespace asterism {

// Nothing where the bytes are none of the formats that can be decoded.
std::optional<ImageFormat> sniff_image_format(std::span<const std::byte> bytes);

// For the message about a file that is no such image: "HTML text", "a HEIC image", "the bytes 00 01 02 03".
std::string describe_content(std::span<const std::byte> bytes);

// What describe_binary() looks at.
inline constexpr std::size_t kContentHeadSizeBytes = 512;

// The same for what was taken for text: nothing where it may be text. `bytes`: its first kContentHeadSizeBytes, or all
// of it where there are fewer; behind them nothing is looked at. A mark alone proves little
// ("BM" begins a picture and "BMW"), so control characters must follow it.
std::optional<std::string> describe_binary(std::span<const std::byte> bytes);

}  // namespace asterism
