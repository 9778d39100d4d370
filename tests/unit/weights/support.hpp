// What the tests of this module share: a folder that goes away, and files made from a header and some bytes.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "scratch_folder.hpp"

namespace asterism {

inline std::filesystem::path golden_folder() {
  return std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/unit/weights/golden";
}

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void spill(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string little_endian(std::uint64_t value, std::size_t size_bytes) {
  std::string out;
  for (std::size_t i = 0; i < size_bytes; ++i) {
    out.push_back(static_cast<char>((value >> (8 * i)) & 0xFFU));
  }
  return out;
}

// A safetensors file as bytes: `header` as given, then `data_size_bytes` zero bytes.
inline std::string safetensors_bytes(std::string_view header, std::size_t data_size_bytes) {
  return little_endian(header.size(), 8) + std::string(header) + std::string(data_size_bytes, '\0');
}

}  // namespace asterism
