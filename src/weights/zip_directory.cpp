#include "weights/zip_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "weights/byte_cursor.hpp"
#include "weights/printable.hpp"

namespace asterism {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034B50;
constexpr std::uint32_t kCentralSignature = 0x02014B50;
constexpr std::uint32_t kEndSignature = 0x06054B50;
constexpr std::uint32_t kEnd64Signature = 0x06064B50;
constexpr std::uint32_t kLocator64Signature = 0x07064B50;
constexpr std::size_t kEndSizeBytes = 22;
constexpr std::size_t kLocator64SizeBytes = 20;
constexpr std::size_t kCentralSizeBytesMin = 46;
constexpr std::uint16_t kExtra64 = 0x0001;
constexpr std::uint16_t kFlagEncrypted = 0x0001;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;  // the value stands in the 64-bit field

std::uint64_t integer_at(std::span<const std::byte> bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[offset + i]) << (8 * i);
  }
  return value;
}

std::unexpected<Error> corrupt(std::string_view source, std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: {}", source, what),
              "the file is damaged or cut short: download it again");
}

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Where the directory lies and how many members it has.
struct DirectoryPlace {
  Range range;
  std::uint64_t member_count = 0;
};

// The end record, which stands last: only a comment may follow, and exactly as long as the record says.
std::optional<std::size_t> find_end_record(std::span<const std::byte> bytes) {
  constexpr std::size_t kCommentSizeBytesMax = 0xFFFF;
  if (bytes.size() < kEndSizeBytes) {
    return std::nullopt;
  }
  const std::size_t last = bytes.size() - kEndSizeBytes;
  const std::size_t first = last > kCommentSizeBytesMax ? last - kCommentSizeBytesMax : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (integer_at(bytes, at, 4) == kEndSignature &&
        at + kEndSizeBytes + integer_at(bytes, at + 20, 2) == bytes.size()) {
      return at;
    }
  }
  return std::nullopt;
}

// The 64-bit end record, when a locator of one stands before the other.
Result<std::optional<DirectoryPlace>> read_end_record_64(std::span<const std::byte> bytes, std::size_t end_at,
                                                         std::string_view source) {
  if (end_at < kLocator64SizeBytes || integer_at(bytes, end_at - kLocator64SizeBytes, 4) != kLocator64Signature) {
    return std::nullopt;
  }
  constexpr std::size_t kEnd64SizeBytes = 56;
  const std::size_t locator_at = end_at - kLocator64SizeBytes;
  const std::uint64_t at64 = integer_at(bytes, locator_at + 8, 8);
  if (locator_at < kEnd64SizeBytes || at64 > locator_at - kEnd64SizeBytes ||
      integer_at(bytes, static_cast<std::size_t>(at64), 4) != kEnd64Signature) {
    return corrupt(source, fmt::format("expected the zip archive's 64-bit end record at {}, found none", at64));
  }
  const auto at = static_cast<std::size_t>(at64);
  DirectoryPlace place;
  place.member_count = integer_at(bytes, at + 32, 8);
  place.range.begin = integer_at(bytes, at + 48, 8);
  const std::uint64_t size = integer_at(bytes, at + 40, 8);
  if (place.range.begin > at || size > at - place.range.begin) {
    return corrupt(source, fmt::format("expected the zip directory before byte {}, found {} bytes at {}", at, size,
                                       place.range.begin));
  }
  place.range.end = place.range.begin + size;
  return place;
}

Result<DirectoryPlace> find_directory(std::span<const std::byte> bytes, std::string_view source) {
  const auto end_at = find_end_record(bytes);
  if (!end_at) {
    return corrupt(source, "expected a zip archive, found no end record");
  }
  const std::size_t at = *end_at;
  if (integer_at(bytes, at + 4, 2) != 0 && integer_at(bytes, at + 4, 2) != 0xFFFF) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: expected a zip archive in one part, found several", source));
  }
  auto place = read_end_record_64(bytes, at, source);
  if (!place) {
    return std::unexpected(place.error());
  }
  const std::uint64_t count = integer_at(bytes, at + 10, 2);
  const std::uint64_t size = integer_at(bytes, at + 12, 4);
  const std::uint64_t begin = integer_at(bytes, at + 16, 4);
  if (*place) {
    const DirectoryPlace& wide = **place;
    const bool agree = (count == 0xFFFF || count == wide.member_count) &&
                       (size == kIn64 || size == wide.range.end - wide.range.begin) &&
                       (begin == kIn64 || begin == wide.range.begin);
    if (!agree) {
      return corrupt(source, "the zip archive's two end records contradict each other");
    }
    return wide;
  }
  if (begin > at || size > at - begin) {
    return corrupt(source,
                   fmt::format("expected the zip directory before byte {}, found {} bytes at {}", at, size, begin));
  }
  return DirectoryPlace{{begin, begin + size}, count};
}

struct CentralEntry {
  ZipMember member;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint64_t compressed_size_bytes = 0;
  std::uint64_t local_at = 0;
};

// The 64-bit values stand in the extra field in this order, each only where its 32-bit field is full.
bool read_extra_64(std::span<const std::byte> extra, CentralEntry& entry) {
  ByteCursor cursor(extra);
  while (cursor.remaining() >= 4) {
    const auto id = cursor.take_integer<std::uint16_t>();
    const auto size = cursor.take_integer<std::uint16_t>();
    const auto data = cursor.take(*size);
    if (!data) {
      return false;
    }
    if (*id != kExtra64) {
      continue;
    }
    ByteCursor values(*data);
    for (std::uint64_t* field : {&entry.member.size_bytes, &entry.compressed_size_bytes, &entry.local_at}) {
      if (*field == kIn64) {
        const auto value = values.take_integer<std::uint64_t>();
        if (!value) {
          return false;
        }
        *field = *value;
      }
    }
    return true;
  }
  return true;
}

std::optional<CentralEntry> read_central_entry(ByteCursor& cursor) {
  const auto fixed = cursor.take(kCentralSizeBytesMin);
  if (!fixed || integer_at(*fixed, 0, 4) != kCentralSignature) {
    return std::nullopt;
  }
  CentralEntry entry;
  entry.flags = static_cast<std::uint16_t>(integer_at(*fixed, 8, 2));
  entry.method = static_cast<std::uint16_t>(integer_at(*fixed, 10, 2));
  entry.member.crc32 = static_cast<std::uint32_t>(integer_at(*fixed, 16, 4));
  entry.compressed_size_bytes = integer_at(*fixed, 20, 4);
  entry.member.size_bytes = integer_at(*fixed, 24, 4);
  entry.local_at = integer_at(*fixed, 42, 4);
  const auto name = cursor.take_text(integer_at(*fixed, 28, 2));
  const auto extra = cursor.take(integer_at(*fixed, 30, 2));
  const auto comment = cursor.take(integer_at(*fixed, 32, 2));
  if (!name || !extra || !comment || !read_extra_64(*extra, entry)) {
    return std::nullopt;
  }
  entry.member.name = *name;
  return entry;
}

std::unexpected<Error> member_fault(ErrorCode code, const CentralEntry& entry, std::string_view source,
                                    std::string_view what) {
  return fail(code, fmt::format("{}: member '{}': {}", source, printable(entry.member.name), what),
              code == ErrorCode::kCorrupt ? "the file is damaged: download it again" : "");
}

Result<void> check_method(const CentralEntry& entry, std::string_view source) {
  if ((entry.flags & kFlagEncrypted) != 0) {
    return member_fault(ErrorCode::kUnsupported, entry, source, "expected plain data, found it encrypted");
  }
  if (entry.method != kStored && entry.method != kDeflated) {
    return member_fault(ErrorCode::kUnsupported, entry, source,
                        fmt::format("expected it stored or deflated, found compression method {}", entry.method));
  }
  if (entry.method == kStored && entry.compressed_size_bytes != entry.member.size_bytes) {
    return member_fault(ErrorCode::kCorrupt, entry, source,
                        fmt::format("expected one size for a stored member, found {} and {}",
                                    entry.compressed_size_bytes, entry.member.size_bytes));
  }
  return {};
}

// Finds the data behind the member's own header, which must agree with the directory. Returns all the bytes that the
// member takes, header included.
Result<Range> place_member(std::span<const std::byte> bytes, std::uint64_t limit, CentralEntry& entry,
                           std::string_view source) {
  constexpr std::size_t kLocalSizeBytes = 30;
  if (auto checked = check_method(entry, source); !checked) {
    return std::unexpected(checked.error());
  }
  if (entry.local_at > limit || limit - entry.local_at < kLocalSizeBytes) {
    return member_fault(ErrorCode::kCorrupt, entry, source,
                        fmt::format("expected its header before byte {}, found it at {}", limit, entry.local_at));
  }
  ByteCursor cursor(bytes.first(static_cast<std::size_t>(limit)).subspan(static_cast<std::size_t>(entry.local_at)));
  const auto header = *cursor.take(kLocalSizeBytes);
  const auto name = cursor.take_text(integer_at(header, 26, 2));
  const auto extra = cursor.take(integer_at(header, 28, 2));
  if (integer_at(header, 0, 4) != kLocalSignature || !name || !extra || *name != entry.member.name ||
      integer_at(header, 8, 2) != entry.method) {
    return member_fault(ErrorCode::kCorrupt, entry, source,
                        fmt::format("expected its header at {}, found other bytes", entry.local_at));
  }
  const auto data = cursor.take(entry.compressed_size_bytes);
  if (!data) {
    return member_fault(ErrorCode::kCorrupt, entry, source,
                        fmt::format("expected {} bytes before byte {}, found {}", entry.compressed_size_bytes, limit,
                                    cursor.remaining()));
  }
  entry.member.data = *data;
  entry.member.deflated = entry.method == kDeflated;
  return Range{entry.local_at, entry.local_at + cursor.position()};
}

// Overlapping members are how a small archive unpacks to a huge one.
Result<void> check_overlaps(std::vector<std::pair<Range, std::string_view>>& ranges, std::string_view source) {
  std::ranges::sort(ranges, {}, [](const auto& range) { return range.first.begin; });
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first.begin < ranges[i - 1].first.end) {
      return corrupt(source, fmt::format("the members '{}' and '{}' overlap", printable(ranges[i - 1].second),
                                         printable(ranges[i].second)));
    }
  }
  return {};
}

}  // namespace

bool looks_like_zip(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= 4 && integer_at(bytes, 0, 4) == kLocalSignature;
}

Result<ZipDirectory> read_zip_directory(std::span<const std::byte> bytes, std::string_view source) {
  const auto place = find_directory(bytes, source);
  if (!place) {
    return std::unexpected(place.error());
  }
  if (place->member_count > kZipMemberCountMax) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: expected at most {} members in the zip archive, found {}",
                                                       source, kZipMemberCountMax, place->member_count));
  }
  ByteCursor cursor(
      bytes.first(static_cast<std::size_t>(place->range.end)).subspan(static_cast<std::size_t>(place->range.begin)));
  ZipDirectory directory;
  std::vector<std::pair<Range, std::string_view>> ranges;
  for (std::uint64_t i = 0; i < place->member_count; ++i) {
    auto entry = read_central_entry(cursor);
    if (!entry) {
      return corrupt(source, fmt::format("expected {} members in the zip directory, found entry {} broken",
                                         place->member_count, i + 1));
    }
    const auto range = place_member(bytes, place->range.begin, *entry, source);
    if (!range) {
      return std::unexpected(range.error());
    }
    ranges.emplace_back(*range, entry->member.name);
    if (!directory.emplace(entry->member.name, entry->member).second) {
      return member_fault(ErrorCode::kCorrupt, *entry, source, "is in the archive twice");
    }
  }
  if (cursor.remaining() != 0) {
    return corrupt(source, fmt::format("expected {} members in the zip directory, found more", place->member_count));
  }
  if (auto apart = check_overlaps(ranges, source); !apart) {
    return std::unexpected(apart.error());
  }
  return directory;
}

}  // namespace asterism
