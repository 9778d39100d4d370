#include "weights/printable.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

#include "base/utf8.hpp"

namespace asterism {
namespace {

constexpr std::size_t kPrintedSizeBytesMax = 120;

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (out.size() > kPrintedSizeBytesMax) {
      return out + "...";
    }
    const DecodedChar first = decode_utf8(text, 0);
    const auto lead = static_cast<std::uint8_t>(text[0]);
    if (!first.well_formed || lead < 0x20U || lead == 0x7FU) {
      out += fmt::format("\\x{:02x}", lead);
      text.remove_prefix(1);
    } else {
      out += text.substr(0, first.size_bytes);
      text.remove_prefix(first.size_bytes);
    }
  }
  return out;
}

}  // namespace asterism
