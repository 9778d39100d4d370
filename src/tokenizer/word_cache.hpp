// Pieces of the words seen lately, for one thread and one tokenizer.
//
// Two-way: each set is one line of 64 bytes. Exact: an entry holds the whole word, so a hit is never a guess. Starts
// small and grows with use up to 1 MiB. Words or splits too long for an entry are not kept. Thread-safety: one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/wordpiece.hpp"

namespace asterism::tok {

class WordCache {
 public:
  static constexpr std::size_t kWordSizeBytesMax = 16;
  static constexpr std::size_t kPieceCountMax = 3;
  static constexpr std::size_t kSetCountMin = 1 << 8;
  static constexpr std::size_t kSetCountMax = 1 << 14;

  // The word, padded with zero bytes. Two words of one length are equal when these are.
  struct Key {
    std::array<std::uint64_t, 2> parts{};
    std::uint8_t size_bytes = 0;

    static Key of(std::string_view word) noexcept {
      Key key;
      std::memcpy(key.parts.data(), word.data(), word.size());
      key.size_bytes = static_cast<std::uint8_t>(word.size());
      return key;
    }
  };

  class Entry {
   public:
    bool holds(const Key& key) const noexcept {
      return parts_[0] == key.parts[0] && parts_[1] == key.parts[1] && size_bytes_ == key.size_bytes;
    }
    // Calls visit(id, begin, end) for each piece, in bytes of the word.
    template <typename Visit>
    void each_piece(Visit&& visit) const {
      std::uint32_t begin = 0;
      for (std::size_t i = 0; i + 1 < piece_count_; ++i) {
        visit(ids_[i], begin, std::uint32_t{ends_[i]});
        begin = ends_[i];
      }
      visit(ids_[piece_count_ - 1U], begin, std::uint32_t{size_bytes_});
    }
    void fill(const Key& key, std::span<const Piece> pieces) noexcept {
      parts_ = key.parts;
      size_bytes_ = key.size_bytes;
      piece_count_ = static_cast<std::uint8_t>(pieces.size());
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        ids_[i] = pieces[i].id;
        if (i < ends_.size()) {
          ends_[i] = static_cast<std::uint8_t>(pieces[i].end);
        }
      }
    }

   private:
    std::array<std::uint64_t, 2> parts_{};
    std::array<TokenId, kPieceCountMax> ids_{};
    std::array<std::uint8_t, kPieceCountMax - 1> ends_{};  // the last piece ends with the word
    std::uint8_t size_bytes_ = 0;                          // 0: empty
    std::uint8_t piece_count_ = 0;
  };

  void clear() {
    sets_.assign(kSetCountMin, Set{});
    miss_count_ = 0;
  }

  const Entry* find(const Key& key) noexcept {
    Set& set = sets_[set_of(key)];
    if (set.ways[0].holds(key)) {
      return &set.ways[0];
    }
    if (set.ways[1].holds(key)) {
      std::swap(set.ways[0], set.ways[1]);
      return &set.ways[0];
    }
    return nullptr;
  }

  // `pieces` are those of the word, in order and without gaps.
  void put(const Key& key, std::span<const Piece> pieces) {
    if (pieces.size() > kPieceCountMax) {
      return;
    }
    if (++miss_count_ > 2 * sets_.size() && sets_.size() < kSetCountMax) {
      sets_.assign(sets_.size() * 8 < kSetCountMax ? sets_.size() * 8 : kSetCountMax, Set{});
      miss_count_ = 0;
    }
    Set& set = sets_[set_of(key)];
    set.ways[1] = set.ways[0];
    set.ways[0].fill(key, pieces);
  }

 private:
  struct alignas(64) Set {
    std::array<Entry, 2> ways;
  };
  static_assert(sizeof(Set) == 64);

  std::size_t set_of(const Key& key) const noexcept {
    std::uint64_t h = key.parts[0] * 0x9E3779B97F4A7C15ULL;
    h = (h ^ (h >> 32U) ^ key.parts[1]) * 0xD6E8FEB86659FD93ULL;
    return (h >> 32U) & (sets_.size() - 1);
  }

  std::vector<Set> sets_;
  std::size_t miss_count_ = 0;
};

// The pieces of a word, through the cache; encode(pieces) makes them when it does not have them.
template <typename Encode>
void encode_cached(std::string_view word, WordCache& cache, std::vector<Piece>& pieces, Encode&& encode) {
  pieces.clear();
  if (word.size() > WordCache::kWordSizeBytesMax) {
    encode(pieces);
    return;
  }
  const WordCache::Key key = WordCache::Key::of(word);
  if (const WordCache::Entry* entry = cache.find(key)) {
    entry->each_piece([&](TokenId id, std::uint32_t begin, std::uint32_t end) { pieces.push_back({id, begin, end}); });
    return;
  }
  encode(pieces);
  // Unknown characters may have been left out.
  if (!pieces.empty() && pieces.back().end == word.size()) {
    cache.put(key, pieces);
  }
}

}  // namespace asterism::tok
