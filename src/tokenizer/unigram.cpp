#include "tokenizer/unigram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/utf8.hpp"

namespace asterism::tok {
namespace {

constexpr std::uint32_t kUnreached = std::numeric_limits<std::uint32_t>::max();
// How much worse an unknown character is than the worst token (sentencepiece's kUnkPenalty).
constexpr double kUnknownPenalty = 10.0;

void improve(UnigramStep& step, double score, std::size_t begin, TokenId id) {
  if (step.begin == kUnreached || score > step.score) {
    step = {score, static_cast<std::uint32_t>(begin), id};
  }
}

}  // namespace

Unigram::Unigram(const Vocabulary& vocabulary, std::span<const double> scores, TokenId unknown_id, bool byte_fallback)
    : scores_(scores.begin(), scores.end()), unknown_id_(unknown_id), byte_fallback_(byte_fallback) {
  std::vector<VocabularyEntry> entries;
  entries.reserve(scores_.size());
  for (std::size_t i = 0; i < scores_.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    entries.push_back({vocabulary.text(id), id});
  }
  trie_ = TokenTrie(entries);
  unknown_score_ = *std::ranges::min_element(scores_) - kUnknownPenalty;
  if (byte_fallback_) {
    for (int byte = 0; byte < 256; ++byte) {
      byte_ids_.push_back(vocabulary.find(fmt::format("<0x{:02X}>", byte)));
    }
  }
}

void Unigram::encode(const Vocabulary& vocabulary, std::string_view text, std::vector<UnigramStep>& steps,
                     std::vector<Piece>& pieces) const {
  search(text, steps);
  const std::size_t first = pieces.size();
  // The path is read from its end; neighbouring unknown tokens become one.
  std::uint32_t unknown_end = 0;
  bool in_unknown = false;
  auto end = static_cast<std::uint32_t>(text.size());
  while (end > 0) {
    const UnigramStep& step = steps[end];
    if (step.id == unknown_id_) {
      if (!in_unknown) {
        unknown_end = end;
      }
      in_unknown = true;
    } else {
      if (in_unknown) {
        append(vocabulary, text, end, unknown_end, unknown_id_, pieces);
        in_unknown = false;
      }
      append(vocabulary, text, step.begin, end, step.id, pieces);
    }
    end = step.begin;
  }
  if (in_unknown) {
    append(vocabulary, text, 0, unknown_end, unknown_id_, pieces);
  }
  std::reverse(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end());
}

void Unigram::search(std::string_view text, std::vector<UnigramStep>& steps) const {
  steps.assign(text.size() + 1, {0.0, kUnreached, -1});
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t char_size_bytes = decode_utf8(text, begin).size_bytes;
    const double score_here = steps[begin].score;
    bool has_single = false;
    trie_.each_prefix(text.substr(begin), [&](std::size_t size_bytes, TokenId id) {
      improve(steps[begin + size_bytes], scores_[static_cast<std::size_t>(id)] + score_here, begin, id);
      has_single = has_single || size_bytes == char_size_bytes;
    });
    if (!has_single) {
      improve(steps[begin + char_size_bytes], unknown_score_ + score_here, begin, unknown_id_);
    }
    begin += char_size_bytes;
  }
}

// Pieces are appended back to front, so the bytes of a fallback go in backward as well.
void Unigram::append(const Vocabulary& vocabulary, std::string_view text, std::uint32_t begin, std::uint32_t end,
                     TokenId id, std::vector<Piece>& pieces) const {
  if (id != unknown_id_) {
    pieces.push_back({id, begin, end});
    return;
  }
  const std::string_view unknown = text.substr(begin, end - begin);
  if (const TokenId joined = vocabulary.find(unknown); joined >= 0) {
    pieces.push_back({joined, begin, end});
    return;
  }
  const auto byte_id = [&](char byte) { return byte_ids_[static_cast<std::uint8_t>(byte)]; };
  if (byte_fallback_ && std::ranges::all_of(unknown, [&](char byte) { return byte_id(byte) >= 0; })) {
    for (std::size_t i = unknown.size(); i > 0; --i) {
      pieces.push_back({byte_id(unknown[i - 1]), begin, end});
    }
    return;
  }
  pieces.push_back({unknown_id_, begin, end});
}

}  // namespace asterism::tok
