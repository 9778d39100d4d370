// Which rows may be an answer: all, those of a bitmap, or those of a list.
//
// Ownership: borrows the words or positions. Thread-safety: values. Cost: contains() is O(1) for a bitmap, O(log n) for
// a list.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace asterism {

class AllowedPositions {
 public:
  enum class Kind : std::uint8_t { kAll, kBitmap, kList };

  static AllowedPositions all() noexcept { return {}; }
  // Bit p % 64 of word p / 64 says whether position p is allowed; positions past the words are not.
  static AllowedPositions bitmap(std::span<const std::uint64_t> words) noexcept {
    AllowedPositions allowed;
    allowed.kind_ = Kind::kBitmap;
    allowed.words_ = words;
    return allowed;
  }
  // Strictly ascending.
  static AllowedPositions list(std::span<const std::uint32_t> positions) noexcept {
    AllowedPositions allowed;
    allowed.kind_ = Kind::kList;
    allowed.positions_ = positions;
    return allowed;
  }

  Kind kind() const noexcept { return kind_; }
  std::span<const std::uint64_t> words() const noexcept { return words_; }
  std::span<const std::uint32_t> positions() const noexcept { return positions_; }

  bool contains(std::size_t position) const noexcept {
    switch (kind_) {
      case Kind::kAll:
        return true;
      case Kind::kBitmap:
        return position / 64 < words_.size() && ((words_[position / 64] >> (position % 64)) & 1) != 0;
      case Kind::kList:
        return std::ranges::binary_search(positions_, position);
    }
    return false;
  }

  // Calls visit(position) for every allowed one of `row_count` rows, ascending. Words without any are skipped.
  template <typename Visit>
  void for_each(std::size_t row_count, Visit visit) const {
    switch (kind_) {
      case Kind::kAll:
        for (std::size_t position = 0; position < row_count; ++position) {
          visit(position);
        }
        break;
      case Kind::kBitmap:
        for (std::size_t w = 0; w < words_.size() && w * 64 < row_count; ++w) {
          for (std::uint64_t word = words_[w]; word != 0; word &= word - 1) {
            const std::size_t position = w * 64 + static_cast<std::size_t>(std::countr_zero(word));
            if (position < row_count) {
              visit(position);
            }
          }
        }
        break;
      case Kind::kList:
        for (const std::uint32_t position : positions_.first(count(row_count))) {
          visit(std::size_t{position});
        }
        break;
    }
  }

  // How many of `row_count` rows are allowed. Cost: one pass over a bitmap's words.
  std::size_t count(std::size_t row_count) const noexcept {
    switch (kind_) {
      case Kind::kAll:
        return row_count;
      case Kind::kBitmap: {
        std::size_t count = 0;
        for (std::size_t w = 0; w < words_.size() && w * 64 < row_count; ++w) {
          const std::size_t rest = row_count - w * 64;
          const std::uint64_t mask = rest >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << rest) - 1;
          count += static_cast<std::size_t>(std::popcount(words_[w] & mask));
        }
        return count;
      }
      case Kind::kList:
        return static_cast<std::size_t>(std::ranges::lower_bound(positions_, row_count) - positions_.begin());
    }
    return 0;
  }

 private:
  Kind kind_ = Kind::kAll;
  std::span<const std::uint64_t> words_;
  std::span<const std::uint32_t> positions_;
};

}  // namespace asterism
