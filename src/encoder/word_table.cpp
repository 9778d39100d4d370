#include "asterism/word_table.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include "base/utf8.hpp"
#include "encoder/word_case.hpp"

namespace asterism {
namespace {

// The slot that holds `word`, or the free one where it would be.
template <typename WordOf>
std::size_t slot_of(std::span<const std::uint32_t> slots, std::string_view word, WordOf word_of) noexcept {
  const std::size_t mask = slots.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(word)&mask;
  while (slots[slot] != 0 && word_of(slots[slot] - 1) != word) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

}  // namespace

WordTable::WordTable(Parts parts) : parts_(std::move(parts)) {
  const std::size_t given_count = parts_.ends.size();
  // At most half full.
  slots_.resize(std::bit_ceil(std::max<std::size_t>(2, given_count * 2)));
  std::size_t kept = 0;
  std::uint64_t kept_end = 0;
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i < given_count; ++i) {
    const std::uint64_t end = parts_.ends[i];
    const std::string_view given = std::string_view(parts_.bytes).substr(begin, end - begin);
    begin = end;
    if (given.empty() || !is_well_formed_utf8(given)) {
      ++invalid_count_;
      continue;
    }
    // `ends` of kept words are final below `kept`.
    const std::size_t slot = slot_of(slots_, given, [&](std::size_t k) { return word(k); });
    if (slots_[slot] != 0) {
      ++repeated_count_;
      continue;
    }
    lower_case_ = lower_case_ && is_lower_case(given);
    if (kept != i) {
      std::copy(given.begin(), given.end(), parts_.bytes.begin() + static_cast<std::ptrdiff_t>(kept_end));
      std::ranges::copy(row(i), parts_.values.get() + kept * dim());
    }
    kept_end += given.size();
    parts_.ends[kept] = kept_end;
    slots_[slot] = static_cast<std::uint32_t>(++kept);
  }
  parts_.ends.resize(kept);
  parts_.bytes.resize(kept_end);
}

std::optional<std::size_t> WordTable::find(std::string_view word) const noexcept {
  const std::size_t slot = slot_of(slots_, word, [&](std::size_t i) { return this->word(i); });
  return slots_[slot] == 0 ? std::nullopt : std::optional<std::size_t>(slots_[slot] - 1);
}

std::optional<std::size_t> WordTable::find_any_case(std::string_view word) const {
  if (const auto found = find(word)) {
    return found;
  }
  return is_lower_case(word) ? std::nullopt : find(to_lower_case(word));
}

}  // namespace asterism
