#include "train/picture_digests.hpp"

#include <fmt/format.h>

#include <span>
#include <string_view>

#include "base/sha256.hpp"
#include "tensor/tensor.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

void add(Sha256& digest, std::string_view line) {
  digest.update(std::as_bytes(std::span(line)));
  digest.update(std::as_bytes(std::span(std::string_view("\n"))));
}

std::string name_below(const std::string& name, const fs::path& root) {
  const fs::path below = fs::path(name).lexically_relative(root);
  return below.empty() ? name : below.generic_string();
}

std::string sheet_size(const PictureSheet& sheet) {
  return sheet.array ? shape_to_string(sheet.array->shape())
                     : fmt::format("{} x {}", sheet.sprite.width, sheet.sprite.height);
}

}  // namespace

std::map<std::string, std::string> digests_of(const PictureIndex& index, const fs::path& root) {
  Sha256 names;
  Sha256 labels;
  Sha256 splits;
  Sha256 sizes;
  for (const std::string& name : index.class_names) {
    add(labels, name);
  }
  for (const PictureSheet& sheet : index.sheets) {
    add(sizes, sheet_size(sheet));
  }
  for (const PictureRow& row : index.rows) {
    add(names, name_below(row.name, root));
    add(labels, fmt::format("{}", row.label));
    add(splits, fmt::format("{}", static_cast<int>(row.split)));
    if (row.sheet < 0) {
      std::error_code error;
      const std::uintmax_t size_bytes = fs::file_size(row.name, error);
      add(sizes, error ? std::string("none") : fmt::format("{}", size_bytes));
    }
  }
  return {{"names", names.hex()}, {"labels", labels.hex()}, {"splits", splits.hex()}, {"sizes", sizes.hex()}};
}

}  // namespace asterism
