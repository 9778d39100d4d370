// Unigram: the most probable split of a text into vocabulary tokens (Viterbi).
//
// Source: tokenizers/src/models/unigram/model.rs (behaviour: fused unknown tokens, byte fallback). Thread-safety:
// immutable; working memory is the caller's. Cost: linear in the text times the longest token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.hpp"
#include "tokenizer/vocabulary.hpp"
#include "tokenizer/wordpiece.hpp"

namespace asterism::tok {

// Ids of the tokens along a path of bytes: a hash table of (node, byte) edges.
class TokenTrie {
 public:
  void insert(std::string_view text, TokenId id);
  // Calls visit(size_bytes, id) for every token that `text` starts with, shortest first.
  template <typename Visit>
  void each_prefix(std::string_view text, Visit&& visit) const {
    std::uint32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const Edge* edge = find(key_of(node, text[i]));
      if (edge == nullptr) {
        return;
      }
      node = edge->node;
      if (edge->id >= 0) {
        visit(i + 1, edge->id);
      }
    }
  }
  std::size_t node_count() const noexcept { return node_count_; }

 private:
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  struct Edge {
    std::uint64_t key = kFree;
    std::uint32_t node = 0;
    TokenId id = -1;
  };
  static std::uint64_t key_of(std::uint32_t node, char byte) noexcept {
    return (std::uint64_t{node} << 8U) | static_cast<std::uint8_t>(byte);
  }
  std::size_t slot_of(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> 32U) & (edges_.size() - 1);
  }
  const Edge* find(std::uint64_t key) const noexcept {
    if (edges_.empty()) {
      return nullptr;
    }
    for (std::size_t slot = slot_of(key);; slot = (slot + 1) & (edges_.size() - 1)) {
      const Edge& edge = edges_[slot];
      if (edge.key == key) {
        return &edge;
      }
      if (edge.key == kFree) {
        return nullptr;
      }
    }
  }
  Edge& find_or_add(std::uint64_t key);
  void grow();

  std::vector<Edge> edges_;  // a power of two, at most half full
  std::uint32_t node_count_ = 1;
};

// The best way to reach a byte of the text.
struct UnigramStep {
  double score;
  std::uint32_t begin;  // of the last token; kUnreached before any
  TokenId id;
};

class Unigram {
 public:
  // `scores` by id; unknown_id must be inside.
  Unigram(const Vocabulary& vocabulary, std::span<const double> scores, TokenId unknown_id, bool byte_fallback);
  // Appends to `pieces`; `text` is well-formed UTF-8.
  void encode(const Vocabulary& vocabulary, std::string_view text, std::vector<UnigramStep>& steps,
              std::vector<Piece>& pieces) const;
  TokenId unknown_id() const noexcept { return unknown_id_; }

 private:
  void search(std::string_view text, std::vector<UnigramStep>& steps) const;
  void append(const Vocabulary& vocabulary, std::string_view text, std::uint32_t begin, std::uint32_t end, TokenId id,
              std::vector<Piece>& pieces) const;

  TokenTrie trie_;
  std::vector<double> scores_;
  std::vector<TokenId> byte_ids_;  // [256] with fallback; -1 for a byte without a token
  double unknown_score_ = 0;
  TokenId unknown_id_;
  bool byte_fallback_;
};

}  // namespace asterism::tok
