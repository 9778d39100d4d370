#include "train/picture_copies.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "base/sha256.hpp"
#include "train/picture_store.hpp"

namespace asterism {
namespace {

// Which of two splits keeps a picture that both have: the smaller number.
int keeps_first(Split split) {
  constexpr std::array<int, 3> kRank{2, 1, 0};  // train, validation, test
  return kRank[static_cast<std::size_t>(split)];
}

// Rows that may be the same, by what is cheap to know of them: the size of a file, the sheet of a tile.
using Candidates = std::map<std::pair<std::int32_t, std::uintmax_t>, std::vector<std::int64_t>>;

Candidates candidates_of(const PictureIndex& index) {
  Candidates candidates;
  for (std::size_t i = 0; i < index.rows.size(); ++i) {
    const PictureRow& row = index.rows[i];
    std::uintmax_t size_bytes = 0;
    if (row.sheet < 0) {
      std::error_code error;
      size_bytes = std::filesystem::file_size(row.name, error);
      if (error) {
        continue;
      }
    }
    candidates[{row.sheet < 0 ? -1 : 0, size_bytes}].push_back(static_cast<std::int64_t>(i));
  }
  return candidates;
}

std::string digest_of(const PictureStore& store, std::int64_t row) {
  const PictureRow& of_row = store.index().rows[static_cast<std::size_t>(row)];
  if (of_row.sheet < 0) {
    return sha256_file(of_row.name).value_or(std::string());
  }
  const auto image = store.read(row);
  return image ? sha256_hex(std::as_bytes(std::span((*image)->pixels))) : std::string();
}

}  // namespace

std::vector<PictureCopy> copies_across_splits(const PictureIndex& index) {
  const PictureStore store(index, 0);
  std::vector<PictureCopy> copies;
  const auto split_of_row = [&](std::int64_t row) { return index.rows[static_cast<std::size_t>(row)].split; };
  for (const auto& [size, rows] : candidates_of(index)) {
    const auto in_other_split = [&](std::int64_t row) { return split_of_row(row) != split_of_row(rows.front()); };
    if (std::ranges::none_of(rows, in_other_split)) {
      continue;
    }
    std::map<std::string, std::vector<std::int64_t>> by_digest;
    for (const std::int64_t row : rows) {
      if (std::string digest = digest_of(store, row); !digest.empty()) {
        by_digest[std::move(digest)].push_back(row);
      }
    }
    for (const auto& [digest, same] : by_digest) {
      const std::int64_t original =
          *std::ranges::min_element(same, {}, [&](std::int64_t row) { return keeps_first(split_of_row(row)); });
      for (const std::int64_t row : same) {
        if (split_of_row(row) != split_of_row(original)) {
          copies.push_back({.row = row, .original = original});
        }
      }
    }
  }
  std::ranges::sort(copies, {}, &PictureCopy::row);
  return copies;
}

}  // namespace asterism
