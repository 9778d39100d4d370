// The merges of a BPE model as its files spell them, pairs of token texts, looked up in the vocabulary.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/bpe.hpp"

namespace asterism::tok {

// Past any real checkpoint's.
inline constexpr std::size_t kMergeCountMax = std::size_t{1} << 22U;

class MergeReader {
 public:
  // The vocabulary must outlive the reader. `place` names the merges in messages.
  MergeReader(std::string_view continuing_prefix, const Vocabulary& vocabulary, std::string place);
  // kCorrupt when one of the two, or what they become, is not in the vocabulary.
  Result<void> add(std::string_view left, std::string_view right);
  std::vector<BpeMerge> take() && { return std::move(merges_); }

 private:
  std::size_t prefix_size_bytes_;
  const Vocabulary& vocabulary_;
  std::string place_;
  std::string joined_;
  std::vector<BpeMerge> merges_;
};

}  // namespace asterism::tok
