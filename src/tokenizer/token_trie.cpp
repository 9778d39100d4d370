#include "tokenizer/token_trie.hpp"

#include <algorithm>

namespace asterism::tok {
namespace {

// The sorted tokens that go through one node, `depth` bytes down.
struct Bundle {
  std::size_t begin;
  std::size_t end;
  std::size_t depth;
};

}  // namespace

TokenTrie::TokenTrie(std::span<const VocabularyEntry> entries) {
  std::vector<VocabularyEntry> sorted;
  sorted.reserve(entries.size());
  std::ranges::copy_if(entries, std::back_inserter(sorted),
                       [](const VocabularyEntry& entry) { return !entry.text.empty(); });
  std::ranges::stable_sort(sorted, {}, &VocabularyEntry::text);
  // Bundle k is node k: they come in the order of their numbers.
  std::vector<Bundle> bundles{{0, sorted.size(), 0}};
  labels_.push_back('\0');
  for (std::size_t node = 0; node < bundles.size(); ++node) {
    auto [begin, end, depth] = bundles[node];
    TokenId id = -1;
    for (; begin < end && sorted[begin].text.size() == depth; ++begin) {
      id = sorted[begin].id;
    }
    nodes_.push_back({static_cast<std::uint32_t>(bundles.size()), id});
    while (begin < end) {
      const char label = sorted[begin].text[depth];
      std::size_t next = begin + 1;
      while (next < end && sorted[next].text[depth] == label) {
        ++next;
      }
      if (node == 0) {
        root_children_[static_cast<std::uint8_t>(label)] = static_cast<std::uint32_t>(bundles.size());
      }
      labels_.push_back(label);
      bundles.push_back({begin, next, depth + 1});
      begin = next;
    }
  }
  nodes_.push_back({static_cast<std::uint32_t>(bundles.size()), -1});
}

}  // namespace asterism::tok
