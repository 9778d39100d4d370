#include "tokenizer/bpe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "base/utf8.hpp"
#include "tokenizer/byte_level.hpp"

namespace asterism::tok {
namespace {

// Up to here scanning all pairs for each merge is faster than a heap.
constexpr std::size_t kShortWordSymbolCountMax = 96;
constexpr std::uint32_t kNoPlace = std::numeric_limits<std::uint32_t>::max();

// The heap's top is the pair to join next.
bool goes_later(const BpeState::Candidate& a, const BpeState::Candidate& b) {
  return a.order > b.order;
}

}  // namespace

MergeTable::MergeTable(std::span<const BpeMerge> merges)
    : slots_(std::bit_ceil(2 * merges.size() + 1)), mask_(slots_.size() - 1) {
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::uint64_t key = key_of(merges[rank].left, merges[rank].right);
    std::size_t slot = hash(key) & mask_;
    while (slots_[slot].key != kFree && slots_[slot].key != key) {
      slot = (slot + 1) & mask_;
    }
    slots_[slot] = {key, {static_cast<std::uint32_t>(rank), merges[rank].result}};
  }
}

Bpe::Bpe(BpeOptions options, std::span<const BpeMerge> merges, const Vocabulary& vocabulary)
    : options_(std::move(options)), merges_(merges) {
  std::string buffer;
  std::string spelled;
  for (unsigned place = 0; place < kPlaceCount; ++place) {
    for (char32_t c = 0; c < kTableEnd; ++c) {
      spelled.clear();
      append_utf8(c, spelled);
      char_ids_[place][c] = find_char(vocabulary, spelled, place, buffer);
    }
    for (std::size_t byte = 0; byte < 256; ++byte) {
      byte_char_ids_[place][byte] = char_ids_[place][kByteChars[byte]];
      covers_bytes_ = covers_bytes_ && byte_char_ids_[place][byte] >= 0;
    }
  }
  if (options_.byte_fallback) {
    for (int byte = 0; byte < 256; ++byte) {
      fallback_ids_.push_back(vocabulary.find(fmt::format("<0x{:02X}>", byte)));
    }
  }
}

TokenId Bpe::find_char(const Vocabulary& vocabulary, std::string_view spelled, unsigned place,
                       std::string& buffer) const {
  buffer.clear();
  if ((place & kFirst) == 0) {
    buffer += options_.continuing_prefix;
  }
  buffer += spelled;
  if ((place & kLast) != 0) {
    buffer += options_.word_suffix;
  }
  return vocabulary.find(buffer);
}

// One token for each byte, if all have one.
bool Bpe::add_bytes(std::string_view spelled, BpeState& state) const {
  const auto id_of = [&](char byte) { return fallback_ids_[static_cast<std::uint8_t>(byte)]; };
  if (!options_.byte_fallback || std::ranges::any_of(spelled, [&](char byte) { return id_of(byte) < 0; })) {
    return false;
  }
  for (const char byte : spelled) {
    state.symbols.push_back({id_of(byte), 1});
  }
  return true;
}

// The word's characters as tokens. An unknown character waits for the next one, to be joined with it or not; like the
// original, characters spelled as bytes do not end the wait.
void Bpe::split(const Vocabulary& vocabulary, std::string_view word, BpeState& state) const {
  std::uint32_t waiting_size_bytes = 0;
  const auto push_waiting = [&] {
    if (waiting_size_bytes > 0) {
      state.symbols.push_back({options_.unknown_id, waiting_size_bytes});
      waiting_size_bytes = 0;
    }
  };
  for (std::size_t i = 0; i < word.size();) {
    const DecodedChar c = decode_utf8(word, i);
    const std::string_view spelled = word.substr(i, c.size_bytes);
    const unsigned place = (i == 0 ? kFirst : 0U) | (i + c.size_bytes == word.size() ? kLast : 0U);
    const TokenId id =
        c.code_point < kTableEnd ? char_ids_[place][c.code_point] : find_char(vocabulary, spelled, place, state.text);
    i += c.size_bytes;
    if (id >= 0) {
      push_waiting();
      state.symbols.push_back({id, c.size_bytes});
    } else if (!add_bytes(spelled, state) && options_.unknown_id >= 0) {
      if (!options_.fuse_unknown) {
        push_waiting();
      }
      waiting_size_bytes += c.size_bytes;
    }
  }
  push_waiting();
}

void Bpe::merge_short(BpeState& state) const {
  std::vector<BpeState::Symbol>& symbols = state.symbols;
  std::vector<MergeTable::Found>& pairs = state.pairs;
  std::size_t count = symbols.size();
  pairs.resize(count);
  for (std::size_t i = 0; i + 1 < count; ++i) {
    pairs[i] = merges_.find(symbols[i].id, symbols[i + 1].id);
  }
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      best = pairs[i].rank < pairs[best].rank ? i : best;
    }
    if (pairs[best].rank == MergeTable::kNoRank) {
      break;
    }
    symbols[best] = {pairs[best].result, symbols[best].size_bytes + symbols[best + 1].size_bytes};
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      pairs[i] = pairs[i + 1];
    }
    --count;
    if (best + 1 < count) {
      pairs[best] = merges_.find(symbols[best].id, symbols[best + 1].id);
    }
    if (best > 0) {
      pairs[best - 1] = merges_.find(symbols[best - 1].id, symbols[best].id);
    }
  }
  symbols.resize(count);
}

void Bpe::merge_long(BpeState& state) const {
  std::vector<BpeState::Symbol>& symbols = state.symbols;
  std::vector<BpeState::Links>& links = state.links;
  std::vector<BpeState::Candidate>& heap = state.heap;
  const auto count = static_cast<std::uint32_t>(symbols.size());
  links.resize(count);
  heap.clear();
  const auto candidate = [&](std::uint32_t at, std::uint32_t next) {
    const MergeTable::Found found = merges_.find(symbols[at].id, symbols[next].id);
    return BpeState::Candidate{(static_cast<std::uint64_t>(found.rank) << 32U) | at, found.result};
  };
  const auto push = [&](const BpeState::Candidate& c) {
    if (c.result >= 0) {
      heap.push_back(c);
      std::ranges::push_heap(heap, goes_later);
    }
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    links[i] = {i == 0 ? kNoPlace : i - 1, i + 1 == count ? kNoPlace : i + 1};
    if (i + 1 < count) {
      if (const BpeState::Candidate c = candidate(i, i + 1); c.result >= 0) {
        heap.push_back(c);
      }
    }
  }
  std::ranges::make_heap(heap, goes_later);
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, goes_later);
    const BpeState::Candidate top = heap.back();
    heap.pop_back();
    const auto at = static_cast<std::uint32_t>(top.order);
    const std::uint32_t next = links[at].next;
    // Neighbours may have been joined since the pair was noted.
    if (symbols[at].size_bytes == 0 || next == kNoPlace ||
        merges_.find(symbols[at].id, symbols[next].id).result != top.result) {
      continue;
    }
    symbols[at] = {top.result, symbols[at].size_bytes + symbols[next].size_bytes};
    symbols[next].size_bytes = 0;
    links[at].next = links[next].next;
    if (links[at].next != kNoPlace) {
      links[links[at].next].previous = at;
      push(candidate(at, links[at].next));
    }
    if (links[at].previous != kNoPlace) {
      push(candidate(links[at].previous, at));
    }
  }
  std::erase_if(symbols, [](const BpeState::Symbol& symbol) { return symbol.size_bytes == 0; });
}

void Bpe::merge(BpeState& state, std::vector<Piece>& pieces) const {
  if (state.symbols.size() <= kShortWordSymbolCountMax) {
    merge_short(state);
  } else {
    merge_long(state);
  }
  std::uint32_t begin = 0;
  for (const BpeState::Symbol& symbol : state.symbols) {
    pieces.push_back({symbol.id, begin, begin + symbol.size_bytes});
    begin += symbol.size_bytes;
  }
}

void Bpe::encode(const Vocabulary& vocabulary, std::string_view word, BpeState& state,
                 std::vector<Piece>& pieces) const {
  if (options_.ignore_merges) {
    if (const TokenId id = vocabulary.find(word); id >= 0) {
      pieces.push_back({id, 0, static_cast<std::uint32_t>(word.size())});
      return;
    }
  }
  state.symbols.clear();
  split(vocabulary, word, state);
  merge(state, pieces);
}

void Bpe::encode_bytes(const Vocabulary& vocabulary, std::string_view word, BpeState& state,
                       std::vector<Piece>& pieces) const {
  if (options_.ignore_merges) {
    state.text.clear();
    append_byte_chars(word, state.text);
    if (const TokenId id = vocabulary.find(state.text); id >= 0) {
      pieces.push_back({id, 0, static_cast<std::uint32_t>(word.size())});
      return;
    }
  }
  state.symbols.clear();
  for (std::size_t i = 0; i < word.size(); ++i) {
    const unsigned place = (i == 0 ? kFirst : 0U) | (i + 1 == word.size() ? kLast : 0U);
    state.symbols.push_back({byte_char_ids_[place][static_cast<std::uint8_t>(word[i])], 1});
  }
  merge(state, pieces);
}

}  // namespace asterism::tok
