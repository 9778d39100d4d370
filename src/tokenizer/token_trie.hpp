// All tokens that a text starts with, in one walk along its bytes.
//
// Nodes are numbered level by level, so the children of a node are neighbours: a node costs nine bytes, and a step
// looks for one byte in a short run of labels. Thread-safety: immutable once built. Cost: building sorts the tokens; a
// step is a byte search.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.hpp"
#include "tokenizer/vocabulary.hpp"

namespace asterism::tok {

class TokenTrie {
 public:
  TokenTrie() = default;
  // Empty texts are left out; of equal texts the last counts.
  explicit TokenTrie(std::span<const VocabularyEntry> entries);

  bool empty() const noexcept { return labels_.size() <= 1; }

  // Calls visit(size_bytes, id) for every token that `text` starts with, shortest first.
  template <typename Visit>
  void each_prefix(std::string_view text, Visit&& visit) const {
    if (empty() || text.empty()) {
      return;
    }
    std::uint32_t node = root_children_[static_cast<std::uint8_t>(text[0])];
    for (std::size_t i = 1; node != kNone; ++i) {
      if (nodes_[node].id >= 0) {
        visit(i, nodes_[node].id);
      }
      if (i == text.size()) {
        return;
      }
      node = child(node, text[i]);
    }
  }

 private:
  static constexpr std::uint32_t kNone = 0;  // the root is nobody's child
  static constexpr std::uint32_t kFewChildren = 6;

  std::uint32_t child(std::uint32_t node, char byte) const noexcept {
    const std::uint32_t first = nodes_[node].first_child;
    const std::uint32_t count = nodes_[node + 1].first_child - first;
    const char* labels = labels_.data() + first;
    if (count > kFewChildren) {
      const auto* at = static_cast<const char*>(std::memchr(labels, byte, count));
      return at == nullptr ? kNone : first + static_cast<std::uint32_t>(at - labels);
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      if (labels[i] == byte) {
        return first + i;
      }
    }
    return kNone;
  }

  struct Node {
    std::uint32_t first_child;
    TokenId id;  // -1 where no token ends
  };

  std::vector<Node> nodes_;   // one more than there are: it ends the last one's children
  std::vector<char> labels_;  // the byte that leads to the node
  std::array<std::uint32_t, 256> root_children_{};
};

}  // namespace asterism::tok
