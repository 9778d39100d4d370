// A text cut into segments: some already are added tokens, the others wait for the model.
#pragma once

#include <cstdint>
#include <vector>

#include "tokenizer/aligned_text.hpp"

namespace asterism::tok {

inline constexpr TokenId kNoToken = -1;

struct Segment {
  std::uint32_t begin = 0;  // bytes of the text that the segment cuts
  std::uint32_t end = 0;
  TokenId id = kNoToken;
};

struct SegmentedText {
  AlignedText text;
  std::vector<Segment> segments;  // in order; none empty

  void clear() {
    text.clear();
    segments.clear();
  }
};

}  // namespace asterism::tok
