#include "tokenizer/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace asterism::tok {
namespace {

Result<void> check_entry(const VocabularyEntry& entry, std::string_view source) {
  if (entry.id < 0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: token \"{}\" has the id {}, expected 0 or more", source, entry.text, entry.id));
  }
  if (entry.id >= kTokenIdEnd) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: token \"{}\" has the id {}, expected less than {}", source,
                                                       entry.text, entry.id, kTokenIdEnd));
  }
  if (entry.text.size() > kTokenSizeBytesMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: token {} is {} bytes long, expected at most {}", source,
                                                       entry.id, entry.text.size(), kTokenSizeBytesMax));
  }
  return {};
}

}  // namespace

Result<Vocabulary> Vocabulary::build(std::span<const VocabularyEntry> entries, SameText same_text,
                                     std::string_view source) {
  Vocabulary v;
  std::size_t id_end = 0;
  std::size_t arena_size_bytes = 0;
  for (const VocabularyEntry& entry : entries) {
    if (auto checked = check_entry(entry, source); !checked) {
      return std::unexpected(checked.error());
    }
    id_end = std::max(id_end, static_cast<std::size_t>(entry.id) + 1);
    arena_size_bytes += entry.text.size() + sizeof(Header);
    v.token_size_bytes_max_ = std::max(v.token_size_bytes_max_, entry.text.size());
  }
  if (id_end > entries.size() + kTokenHoleCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: {} tokens with ids up to {}, expected at most {} unused ids", source, entries.size(),
                            id_end - 1, kTokenHoleCountMax));
  }
  if (arena_size_bytes > kTokenSizeBytesTotalMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: {} bytes of token texts, expected at most {}", source,
                                                       arena_size_bytes, kTokenSizeBytesTotalMax));
  }
  std::vector<const VocabularyEntry*> by_id(id_end, nullptr);
  for (const VocabularyEntry& entry : entries) {
    const VocabularyEntry*& place = by_id[static_cast<std::size_t>(entry.id)];
    if (place != nullptr) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: tokens \"{}\" and \"{}\" share the id {}, expected one token per id", source,
                              place->text, entry.text, entry.id));
    }
    place = &entry;
  }
  v.token_count_ = entries.size();
  v.places_.assign(id_end, kFree);
  v.slots_.resize(std::bit_ceil(std::max<std::size_t>(2 * entries.size(), 8)));
  v.arena_.reserve(arena_size_bytes);
  // From the last id down, so that the last of equal texts is the one that stays.
  for (std::size_t id = id_end; id-- > 0;) {
    if (by_id[id] == nullptr) {
      continue;
    }
    if (const TokenId other = v.insert(*by_id[id]); other >= 0) {
      if (same_text == SameText::kRefused) {
        return fail(ErrorCode::kCorrupt, fmt::format("{}: token \"{}\" appears twice, with the ids {} and {}", source,
                                                     by_id[id]->text, id, other));
      }
      --v.token_count_;
    }
  }
  return v;
}

TokenId Vocabulary::insert(const VocabularyEntry& entry) {
  TextHash hash;
  hash.add(entry.text);
  const std::uint64_t h = hash.value();
  const auto tag = static_cast<std::uint32_t>(h >> 32U);
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = h & mask;
  for (; slots_[slot].place != kFree; slot = (slot + 1) & mask) {
    if (slots_[slot].tag == tag && text_at(slots_[slot].place) == entry.text) {
      return header(slots_[slot].place).id;
    }
  }
  const auto place = static_cast<std::uint32_t>(arena_.size());
  slots_[slot] = {tag, place};
  places_[static_cast<std::size_t>(entry.id)] = place;
  const Header header{entry.id, static_cast<std::uint32_t>(entry.text.size())};
  arena_.append(reinterpret_cast<const char*>(&header), sizeof header);
  arena_.append(entry.text);
  return -1;
}

Vocabulary::Header Vocabulary::header(std::uint32_t place) const noexcept {
  Header header;
  std::memcpy(&header, arena_.data() + place, sizeof header);
  return header;
}

std::string_view Vocabulary::text_at(std::uint32_t place) const noexcept {
  return {arena_.data() + place + sizeof(Header), header(place).size_bytes};
}

std::string_view Vocabulary::text(TokenId id) const noexcept {
  if (id < 0 || static_cast<std::size_t>(id) >= size() || places_[static_cast<std::size_t>(id)] == kFree) {
    return {};
  }
  return text_at(places_[static_cast<std::size_t>(id)]);
}

TokenId Vocabulary::find(std::string_view text) const noexcept {
  TextHash hash;
  hash.add(text);
  return find_joined(hash, {}, text);
}

TokenId Vocabulary::find_joined(const TextHash& hash, std::string_view prefix, std::string_view text) const noexcept {
  if (slots_.empty()) {
    return -1;
  }
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t h = hash.value();
  const auto tag = static_cast<std::uint32_t>(h >> 32U);
  for (std::size_t slot = h & mask; slots_[slot].place != kFree; slot = (slot + 1) & mask) {
    if (slots_[slot].tag != tag) {
      continue;
    }
    const std::string_view candidate = text_at(slots_[slot].place);
    if (candidate.size() == prefix.size() + text.size() && candidate.starts_with(prefix) && candidate.ends_with(text)) {
      return header(slots_[slot].place).id;
    }
  }
  return -1;
}

}  // namespace asterism::tok
