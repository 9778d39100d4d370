// Pictures and goldens of the image tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/sha256.hpp"
#include "image/image.hpp"

namespace asterism {

inline const std::filesystem::path kImageGoldens = std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/image";

inline Json image_golden_cases(const char* name) {
  auto json = read_json_file(kImageGoldens / name);
  return json ? (*json)["cases"] : Json::array();
}

inline std::vector<std::byte> read_sample(const std::string& name) {
  std::ifstream file(kImageGoldens / "samples" / name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline std::vector<std::string> sample_names() {
  std::vector<std::string> names;
  for (const Json& golden : image_golden_cases("decode.json")) {
    names.push_back(golden["name"].get<std::string>());
  }
  return names;
}

// The generator of tools/goldens/image_record.py.
inline Image noise_image(std::int64_t width, std::int64_t height, std::uint32_t seed) {
  Image image{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3))};
  std::uint32_t state = seed;
  for (std::uint8_t& value : image.pixels) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(state >> 24U);
  }
  return image;
}

inline std::string pixels_sha256(const Image& image) {
  return sha256_hex(std::as_bytes(std::span(image.pixels)));
}

inline std::span<const std::byte> text_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace asterism
