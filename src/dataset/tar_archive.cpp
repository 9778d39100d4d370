#include "dataset/tar_archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

namespace asterism {
namespace {

constexpr std::size_t kBlockSizeBytes = 512;
// No file system holds more; a larger size is a lie, and the sum with an offset cannot overflow.
constexpr std::uint64_t kMemberSizeBytesMax = std::uint64_t{1} << 60;

// Fields of a header block: offset and size.
struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kSize{124, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kTypeOffset = 156;
constexpr Field kMagic{257, 6};
constexpr Field kPrefix{345, 155};

std::string_view field(std::string_view block, Field f) {
  return block.substr(f.offset, f.size);
}

// Up to the first zero byte.
std::string_view text_field(std::string_view block, Field f) {
  const std::string_view text = field(block, f);
  return text.substr(0, std::min(text.find('\0'), text.size()));
}

// Octal digits between spaces and zero bytes, or GNU's binary form: the top bit set, then big-endian.
std::optional<std::uint64_t> number_field(std::string_view block, Field f) {
  std::string_view text = field(block, f);
  const auto first = static_cast<unsigned char>(text.front());
  std::uint64_t value = 0;
  if ((first & 0x80U) != 0) {
    if (first != 0x80U) {
      return std::nullopt;  // negative, or past 64 bits
    }
    for (const char c : text.substr(1)) {
      if (value > std::numeric_limits<std::uint64_t>::max() >> 8U) {
        return std::nullopt;
      }
      value = value << 8U | static_cast<unsigned char>(c);
    }
    return value;
  }
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '7'; ++i) {
    value = value << 3U | static_cast<std::uint64_t>(text[i] - '0');
  }
  const bool ends_well = text.substr(i).find_first_not_of(std::string_view(" \0", 2)) == std::string_view::npos;
  return ends_well ? std::optional(value) : std::nullopt;
}

// The sum of all bytes with the checksum's own taken as spaces. Some old programs summed signed bytes.
bool checksum_fits(std::string_view block) {
  std::int64_t sum_unsigned = 0;
  std::int64_t sum_signed = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool is_checksum = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const char c = is_checksum ? ' ' : block[i];
    sum_unsigned += static_cast<unsigned char>(c);
    sum_signed += static_cast<signed char>(c);
  }
  const auto written = number_field(block, kChecksum);
  return written &&
         (static_cast<std::int64_t>(*written) == sum_unsigned || static_cast<std::int64_t>(*written) == sum_signed);
}

std::uint64_t padded(std::uint64_t size_bytes) {
  return (size_bytes + kBlockSizeBytes - 1) / kBlockSizeBytes * kBlockSizeBytes;
}

struct PaxRecord {
  std::string_view key;
  std::string_view value;
};

// "LENGTH KEY=VALUE\n", where the length counts all of it.
std::optional<PaxRecord> take_pax_record(std::string_view& rest) {
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
  const auto digits = static_cast<std::size_t>(end - rest.data());
  if (error != std::errc{} || length > rest.size() || length < digits + 3 || rest[digits] != ' ' ||
      rest[length - 1] != '\n') {
    return std::nullopt;
  }
  const std::string_view record = rest.substr(digits + 1, length - digits - 2);
  rest.remove_prefix(length);
  const std::size_t equals = record.find('=');
  if (equals == std::string_view::npos) {
    return std::nullopt;
  }
  return PaxRecord{record.substr(0, equals), record.substr(equals + 1)};
}

}  // namespace

struct TarArchive::Header {
  std::uint64_t offset = 0;
  std::string name;
  char type = '0';
  std::uint64_t size_bytes = 0;
};

// What extended headers say about the member that follows them.
struct TarArchive::Extension {
  std::optional<std::string> name;
  std::optional<std::uint64_t> size_bytes;
  bool sparse = false;
};

std::unexpected<Error> TarArchive::corrupt(std::uint64_t offset, std::string_view what) const {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: byte {}: {}", name_, offset, what),
              "the archive is damaged or cut short; make it again");
}

Result<std::string> TarArchive::take(std::uint64_t size_bytes) {
  std::string bytes;
  while (bytes.size() < size_bytes) {
    auto seen = input_.peek();
    if (!seen) {
      return std::unexpected(seen.error());
    }
    if (seen->empty()) {
      break;
    }
    const std::size_t n = std::min<std::uint64_t>(seen->size(), size_bytes - bytes.size());
    bytes.append(*seen, 0, n);
    input_.consume(n);
  }
  return bytes;
}

Result<void> TarArchive::skip_to(std::uint64_t offset) {
  while (input_.offset() < offset) {
    auto seen = input_.peek();
    if (!seen) {
      return std::unexpected(seen.error());
    }
    if (seen->empty()) {
      return {};
    }
    input_.consume(std::min<std::uint64_t>(seen->size(), offset - input_.offset()));
  }
  return {};
}

Result<std::optional<TarArchive::Header>> TarArchive::read_header() {
  if (auto passed = pass(); !passed) {
    return std::unexpected(passed.error());
  }
  if (auto skipped = skip_to(next_offset_); !skipped) {
    return std::unexpected(skipped.error());
  }
  const std::uint64_t offset = input_.offset();
  auto block = take(kBlockSizeBytes);
  if (!block) {
    return std::unexpected(block.error());
  }
  // A block of zeros ends the archive; some writers leave it out.
  if (block->empty() || (block->size() == kBlockSizeBytes && block->find_first_not_of('\0') == std::string::npos)) {
    return std::nullopt;
  }
  if (block->size() < kBlockSizeBytes) {
    return corrupt(offset, fmt::format("expected a header of {} bytes, found {}", kBlockSizeBytes, block->size()));
  }
  if (!checksum_fits(*block)) {
    return corrupt(offset, "expected the header of a member, found bytes with another checksum");
  }
  const auto size_bytes = number_field(*block, kSize);
  if (!size_bytes || *size_bytes > kMemberSizeBytesMax) {
    return corrupt(offset, "expected the size of a member, found no possible number");
  }
  Header header{.offset = offset,
                .name = std::string(text_field(*block, kName)),
                .type = (*block)[kTypeOffset],
                .size_bytes = *size_bytes};
  // GNU's own format puts other things where ustar has the front part of a long name.
  if (field(*block, kMagic) == std::string_view("ustar\0", 6)) {
    if (const std::string_view prefix = text_field(*block, kPrefix); !prefix.empty()) {
      header.name = fmt::format("{}/{}", prefix, header.name);
    }
  }
  next_offset_ = offset + kBlockSizeBytes;
  return header;
}

Result<void> TarArchive::set_data(std::uint64_t size_bytes, const std::string& member) {
  if (size_bytes_ > 0 && (input_.offset() > size_bytes_ || size_bytes > size_bytes_ - input_.offset())) {
    return corrupt(next_offset_ - kBlockSizeBytes,
                   fmt::format("member {}: expected {} bytes of data, found {} to the end of the archive", member,
                               size_bytes, size_bytes_ - std::min(size_bytes_, input_.offset())));
  }
  data_end_ = input_.offset() + size_bytes;
  next_offset_ = input_.offset() + padded(size_bytes);
  return {};
}

Result<std::string> TarArchive::read_extension(const Header& header) {
  if (header.size_bytes > kTarExtensionSizeBytesMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: byte {}: expected an extended header of at most {} bytes, found {}", name_,
                            header.offset, kTarExtensionSizeBytesMax, header.size_bytes));
  }
  if (auto set = set_data(header.size_bytes, header.name); !set) {
    return std::unexpected(set.error());
  }
  return read();
}

Result<void> TarArchive::read_pax(const Header& header, Extension& extension) {
  auto text = read_extension(header);
  if (!text) {
    return std::unexpected(text.error());
  }
  for (std::string_view rest = *text; !rest.empty();) {
    const auto record = take_pax_record(rest);
    if (!record) {
      return corrupt(header.offset, "expected records \"LENGTH KEY=VALUE\" in an extended header, found another form");
    }
    if (record->key == "path") {
      extension.name = std::string(record->value);
    } else if (record->key == "size") {
      std::uint64_t size_bytes = 0;
      const char* end = record->value.data() + record->value.size();
      const auto parsed = std::from_chars(record->value.data(), end, size_bytes);
      if (parsed.ec != std::errc{} || parsed.ptr != end || size_bytes > kMemberSizeBytesMax) {
        return corrupt(header.offset, "expected a number as size in an extended header");
      }
      extension.size_bytes = size_bytes;
    } else if (record->key.starts_with("GNU.sparse.")) {
      extension.sparse = true;
      if (record->key == "GNU.sparse.name") {
        extension.name = std::string(record->value);
      }
    }
  }
  return {};
}

// True when `header` only says something about the next one.
Result<bool> TarArchive::extend(const Header& header, Extension& extension) {
  switch (header.type) {
    case 'x': {
      auto read = read_pax(header, extension);
      return read ? Result<bool>(true) : std::unexpected(read.error());
    }
    case 'g': {
      // For all members that follow: times and owners in practice. A name or size for all of them makes no sense.
      Extension global;
      auto read = read_pax(header, global);
      if (!read) {
        return std::unexpected(read.error());
      }
      if (global.name || global.size_bytes || global.sparse) {
        return corrupt(header.offset, "expected no name, size or sparse map in a global extended header, found one");
      }
      return true;
    }
    case 'L': {
      auto name = read_extension(header);
      if (!name) {
        return std::unexpected(name.error());
      }
      extension.name = name->substr(0, std::min(name->find('\0'), name->size()));
      return true;
    }
    case 'K': {
      auto target = read_extension(header);
      return target ? Result<bool>(true) : std::unexpected(target.error());
    }
    default:
      return false;
  }
}

Result<std::optional<TarMember>> TarArchive::next() {
  Extension extension;
  for (;;) {
    auto header = read_header();
    if (!header) {
      return std::unexpected(header.error());
    }
    if (!*header) {
      return std::nullopt;
    }
    auto extended = extend(**header, extension);
    if (!extended) {
      return std::unexpected(extended.error());
    }
    if (*extended) {
      continue;
    }
    TarMember member{.name = extension.name.value_or((*header)->name),
                     .kind = TarMemberKind::kOther,
                     .size_bytes = extension.size_bytes.value_or((*header)->size_bytes)};
    const char type = (*header)->type;
    if (type == 'S' || extension.sparse) {
      member.kind = TarMemberKind::kSparseFile;
    } else if ((type == '0' || type == '\0' || type == '7') && !member.name.ends_with('/')) {
      member.kind = TarMemberKind::kFile;
    } else if (type == '\0' || (type >= '1' && type <= '6')) {
      member.size_bytes = 0;  // links, devices, folders and FIFOs have no data, whatever the field says
    }
    if (type == 'S') {
      return fail(
          ErrorCode::kUnsupported,
          fmt::format("{}: member {}: expected plain files, found a sparse one in GNU's old form", name_, member.name),
          "make the archive without --sparse");
    }
    if (auto set = set_data(member.size_bytes, member.name); !set) {
      return std::unexpected(set.error());
    }
    return member;
  }
}

Result<std::string> TarArchive::read() {
  const std::uint64_t size_bytes = data_end_ - std::min(data_end_, input_.offset());
  auto bytes = take(size_bytes);
  if (bytes && bytes->size() < size_bytes) {
    return corrupt(input_.offset(),
                   fmt::format("expected {} bytes of a member's data, found {}", size_bytes, bytes->size()));
  }
  return bytes;
}

Result<void> TarArchive::pass() {
  if (auto skipped = skip_to(data_end_); !skipped) {
    return skipped;
  }
  if (input_.offset() < data_end_) {
    return corrupt(input_.offset(), fmt::format("expected a member's data up to byte {}, found the end", data_end_));
  }
  return {};
}

Result<void> TarArchive::seek(std::uint64_t offset) {
  next_offset_ = offset;
  data_end_ = 0;
  return input_.seek(offset);
}

}  // namespace asterism
