#include "tokenizer/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

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

Result<Vocabulary> Vocabulary::build(std::span<const VocabularyEntry> entries, std::string_view source) {
  Vocabulary v;
  std::size_t id_end = 0;
  std::size_t arena_size_bytes = 0;
  for (const VocabularyEntry& entry : entries) {
    if (auto checked = check_entry(entry, source); !checked) {
      return std::unexpected(checked.error());
    }
    id_end = std::max(id_end, static_cast<std::size_t>(entry.id) + 1);
    arena_size_bytes += entry.text.size();
    v.token_size_bytes_max_ = std::max(v.token_size_bytes_max_, entry.text.size());
  }
  if (id_end > entries.size() + kTokenHoleCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: {} tokens with ids up to {}, expected at most {} unused ids", source, entries.size(),
                            id_end - 1, kTokenHoleCountMax));
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
  v.arena_.reserve(arena_size_bytes);
  v.begins_.reserve(id_end + 1);
  v.slots_.resize(std::bit_ceil(std::max<std::size_t>(2 * entries.size(), 8)));
  const std::size_t mask = v.slots_.size() - 1;
  for (std::size_t id = 0; id < id_end; ++id) {
    v.begins_.push_back(static_cast<std::uint32_t>(v.arena_.size()));
    if (by_id[id] == nullptr) {
      continue;
    }
    const std::string_view text = by_id[id]->text;
    TextHash hash;
    hash.add(text);
    const std::uint64_t h = hash.value();
    const auto tag = static_cast<std::uint32_t>(h >> 32U);
    std::size_t slot = h & mask;
    for (; v.slots_[slot].id >= 0; slot = (slot + 1) & mask) {
      if (v.slots_[slot].tag == tag && v.text(v.slots_[slot].id) == text) {
        return fail(ErrorCode::kCorrupt, fmt::format("{}: token \"{}\" appears twice, with the ids {} and {}", source,
                                                     text, v.slots_[slot].id, id));
      }
    }
    v.slots_[slot] = {tag, static_cast<TokenId>(id)};
    v.arena_.append(text);
  }
  v.begins_.push_back(static_cast<std::uint32_t>(v.arena_.size()));
  return v;
}

std::string_view Vocabulary::text(TokenId id) const noexcept {
  if (id < 0 || static_cast<std::size_t>(id) >= size()) {
    return {};
  }
  const auto i = static_cast<std::size_t>(id);
  return std::string_view(arena_).substr(begins_[i], begins_[i + 1] - begins_[i]);
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
  for (std::size_t slot = h & mask; slots_[slot].id >= 0; slot = (slot + 1) & mask) {
    if (slots_[slot].tag != tag) {
      continue;
    }
    const std::string_view candidate = this->text(slots_[slot].id);
    if (candidate.size() == prefix.size() + text.size() && candidate.starts_with(prefix) && candidate.ends_with(text)) {
      return slots_[slot].id;
    }
  }
  return -1;
}

}  // namespace asterism::tok
