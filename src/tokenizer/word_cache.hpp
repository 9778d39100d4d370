// Pieces of the words seen lately, for one thread and one tokenizer.
//
// Direct-mapped and exact: an entry holds the whole word, so a hit is never a guess. Starts small and grows with use up
// to kEntryCountMax entries of 64 bytes. Words or splits too long for an entry are not kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "tokenizer/wordpiece.hpp"

namespace asterism::tok {

class WordCache {
 public:
  static constexpr std::size_t kWordSizeBytesMax = 24;
  static constexpr std::size_t kPieceCountMax = 6;
  static constexpr std::size_t kEntryCountMin = 1 << 9;
  static constexpr std::size_t kEntryCountMax = 1 << 14;

  // The word, padded with zero bytes. Two words of one length are equal when these are.
  struct Key {
    std::array<std::uint64_t, 3> parts{};
    std::size_t size_bytes = 0;

    static Key of(const char* word, std::size_t size_bytes) noexcept {
      Key key;
      std::memcpy(key.parts.data(), word, size_bytes);
      key.size_bytes = size_bytes;
      return key;
    }
  };

  struct alignas(64) Entry {
    std::array<std::uint64_t, 3> parts{};
    std::array<TokenId, kPieceCountMax> ids{};
    std::array<std::uint8_t, kPieceCountMax> ends{};
    std::uint8_t size_bytes = 0;  // 0: empty
    std::uint8_t piece_count = 0;
  };

  void clear() {
    entries_.assign(kEntryCountMin, Entry{});
    miss_count_ = 0;
  }
  bool empty() const noexcept { return entries_.empty(); }

  const Entry* find(const Key& key) const noexcept {
    const Entry& entry = entries_[slot(key)];
    const bool same = entry.size_bytes == key.size_bytes && entry.parts == key.parts;
    return same ? &entry : nullptr;
  }

  void put(const Key& key, std::span<const Piece> pieces) {
    if (pieces.size() > kPieceCountMax) {
      return;
    }
    if (++miss_count_ > entries_.size() && entries_.size() < kEntryCountMax) {
      entries_.assign(entries_.size() * 4 < kEntryCountMax ? entries_.size() * 4 : kEntryCountMax, Entry{});
      miss_count_ = 0;
    }
    Entry& entry = entries_[slot(key)];
    entry.parts = key.parts;
    entry.size_bytes = static_cast<std::uint8_t>(key.size_bytes);
    entry.piece_count = static_cast<std::uint8_t>(pieces.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      entry.ids[i] = pieces[i].id;
      entry.ends[i] = static_cast<std::uint8_t>(pieces[i].end);
    }
  }

 private:
  std::size_t slot(const Key& key) const noexcept {
    std::uint64_t h = key.parts[0] * 0x9E3779B97F4A7C15ULL;
    h = (h ^ (h >> 32U) ^ key.parts[1]) * 0xD6E8FEB86659FD93ULL;
    h = (h ^ (h >> 32U) ^ key.parts[2]) * 0xC2B2AE3D27D4EB4FULL;
    return (h >> 32U) & (entries_.size() - 1);
  }

  std::vector<Entry> entries_;
  std::size_t miss_count_ = 0;
};

}  // namespace asterism::tok
