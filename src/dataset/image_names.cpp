#include "dataset/image_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <string>

namespace asterism {
namespace {

constexpr std::array<std::string_view, 11> kImageExtensions{".jpg", ".jpeg", ".jpe",  ".jfif", ".png", ".webp",
                                                            ".gif", ".tif",  ".tiff", ".bmp",  ".dib"};
constexpr std::array<std::string_view, 10> kTarExtensions{".tar",     ".tar.gz", ".tgz", ".tar.zst", ".tzst",
                                                          ".tar.bz2", ".tbz2",   ".tbz", ".tar.xz",  ".txz"};
constexpr std::array<std::string_view, 2> kTensorExtensions{".npy", ".safetensors"};
constexpr std::array<std::string_view, 5> kTextExtensions{".txt", ".jsonl", ".ndjson", ".csv", ".tsv"};
constexpr std::size_t kExtensionSizeMax = 12;

bool ends_in_one_of(std::string_view name, std::span<const std::string_view> extensions) {
  std::string end(name.substr(name.size() - std::min(name.size(), kExtensionSizeMax)));
  std::ranges::transform(end, end.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::any_of(extensions, [&](std::string_view extension) { return end.ends_with(extension); });
}

}  // namespace

bool has_image_extension(std::string_view name) {
  return ends_in_one_of(name, kImageExtensions);
}

bool has_tar_extension(std::string_view name) {
  return ends_in_one_of(name, kTarExtensions);
}

bool has_tensor_extension(std::string_view name) {
  return ends_in_one_of(name, kTensorExtensions);
}

bool has_text_extension(std::string_view name) {
  return ends_in_one_of(name, kTextExtensions);
}

}  // namespace asterism
