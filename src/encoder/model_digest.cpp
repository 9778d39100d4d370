#include "encoder/model_digest.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/sha256.hpp"
#include "builtin/builtin.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// Files that make up a model, by extension.
constexpr std::array<std::string_view, 11> kModelExtensions{
    ".safetensors", ".json", ".txt", ".pth", ".pt", ".bin", ".onnx", ".tflite", ".toml", ".npy", ".parquet"};

std::vector<fs::path> model_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const bool is_model_file =
        std::ranges::find(kModelExtensions, it->path().extension().string()) != kModelExtensions.end();
    if (is_model_file && it->is_regular_file(error)) {
      files.push_back(it->path());
    }
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<std::string> files_digest(const std::string& folder) {
  std::error_code error;
  if (fs::is_regular_file(folder, error)) {
    return sha256_file(folder);
  }
  Sha256 hash;
  for (const fs::path& file : model_files(folder)) {
    auto digest = sha256_file(file);
    if (!digest) {
      return digest;
    }
    const std::string line = file.lexically_relative(folder).string() + ' ' + *digest + '\n';
    hash.update(std::as_bytes(std::span(line)));
  }
  return hash.hex();
}

Result<std::string> model_digest(const EncoderInfo& info) {
  if (info.folder.empty()) {
    return std::string(info.takes_images ? builtin_image_model().sha256 : builtin_model().sha256);
  }
  return files_digest(info.folder);
}

}  // namespace asterism
