#include "store/filter_like.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <optional>

namespace asterism {
namespace {

// Bytes of the character that begins at `at`.
std::size_t char_size_bytes(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    ++end;
  }
  return end - at;
}

}  // namespace

Result<LikePattern> LikePattern::parse(std::string_view pattern) {
  if (pattern.size() > kLikeSizeBytesMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("expected a pattern of at most {} bytes, found {}", kLikeSizeBytesMax, pattern.size()));
  }
  LikePattern parsed;
  parsed.pieces_.reserve(pattern.size());
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '%') {
      if (parsed.pieces_.empty() || parsed.pieces_.back().kind != Kind::kAny) {
        parsed.pieces_.push_back({.kind = Kind::kAny});
      }
      continue;
    }
    if (c == '\\') {
      ++i;
      if (i == pattern.size() || (pattern[i] != '%' && pattern[i] != '_' && pattern[i] != '\\')) {
        return fail(ErrorCode::kUsage, "expected %, _ or a backslash after a backslash in a pattern, found neither",
                    "a backslash that is meant is written twice");
      }
    }
    parsed.pieces_.push_back({.kind = c == '_' ? Kind::kOne : Kind::kByte, .byte = pattern[i]});
  }
  return parsed;
}

bool LikePattern::matches(std::string_view text) const {
  std::size_t piece = 0;
  std::size_t at = 0;
  // Where to go on after a mismatch: the last %, and the text that it does not cover yet.
  std::optional<std::size_t> any;
  std::size_t any_at = 0;
  while (at < text.size() || piece < pieces_.size()) {
    if (piece < pieces_.size()) {
      const Piece& p = pieces_[piece];
      if (p.kind == Kind::kAny) {
        any = ++piece;
        any_at = at;
        continue;
      }
      if (at < text.size() && (p.kind == Kind::kOne || p.byte == text[at])) {
        at += p.kind == Kind::kOne ? char_size_bytes(text, at) : 1;
        ++piece;
        continue;
      }
    }
    if (!any || any_at >= text.size()) {
      return false;
    }
    any_at += char_size_bytes(text, any_at);
    at = any_at;
    piece = *any;
  }
  return true;
}

std::string LikePattern::to_glob() const {
  std::string glob;
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Kind::kAny:
        glob += '*';
        break;
      case Kind::kOne:
        glob += '?';
        break;
      case Kind::kByte:
        if (piece.byte == '*' || piece.byte == '?' || piece.byte == '[') {
          glob += {'[', piece.byte, ']'};
        } else {
          glob += piece.byte;
        }
    }
  }
  return glob;
}

std::string LikePattern::prefix() const {
  std::string prefix;
  for (const Piece& piece : pieces_) {
    if (piece.kind != Kind::kByte) {
      break;
    }
    prefix += piece.byte;
  }
  return prefix;
}

}  // namespace asterism
