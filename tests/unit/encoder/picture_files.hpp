// Pictures of the examples as the bytes of their files.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace asterism {

inline std::filesystem::path example_path(std::string_view path) {
  return std::filesystem::path(ASTERISM_SOURCE_DIR) / "examples" / path;
}

inline std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Every file below examples/data/`folder`, in the order of paths.
inline std::vector<std::string> example_pictures(std::string_view folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(example_path("data") / folder)) {
    if (entry.is_regular_file()) {
      paths.push_back(entry.path());
    }
  }
  std::ranges::sort(paths);
  std::vector<std::string> files;
  std::ranges::transform(paths, std::back_inserter(files), file_bytes);
  return files;
}

inline std::vector<std::string_view> views_of(const std::vector<std::string>& files) {
  return {files.begin(), files.end()};
}

}  // namespace asterism
