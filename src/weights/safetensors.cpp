#include "weights/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/file.hpp"
#include "weights/safetensors_header.hpp"

namespace asterism {
namespace {

using Entry = std::pair<const std::string, SafetensorsEntry>;

std::uint64_t little_endian_u64(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kSafetensorsPrefixSizeBytes; ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  }
  return value;
}

// The header's JSON, after its length was checked against the file and the limit.
Result<std::string_view> header_text(std::span<const std::byte> bytes, std::string_view source) {
  if (bytes.size() < kSafetensorsPrefixSizeBytes) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a safetensors file, found {} bytes where the header length alone takes 8",
                            source, bytes.size()),
                "the file is empty or cut short: download it again");
  }
  const std::uint64_t length = little_endian_u64(bytes);
  const std::size_t rest = bytes.size() - kSafetensorsPrefixSizeBytes;
  if (length > kSafetensorsHeaderSizeBytesMax) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a header of at most {} bytes, found a length of {}", source,
                            kSafetensorsHeaderSizeBytesMax, length),
                "the file is damaged or is no safetensors file");
  }
  if (length > rest) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("{}: expected a header of {} bytes, found only {} bytes after the length", source, length, rest),
        "the file is cut short or is no safetensors file: download it again");
  }
  const auto header = bytes.subspan(kSafetensorsPrefixSizeBytes, static_cast<std::size_t>(length));
  const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
  if (!text.starts_with('{')) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a header that starts with '{{', found another byte", source),
                "the file is damaged or is no safetensors file");
  }
  return text;
}

// The bytes that dtype and shape call for, against the range that the header gives.
Result<void> check_size(const Entry& entry, std::string_view source) {
  const auto& [name, info] = entry;
  const auto count = shape_element_count(info.shape);
  if (!count || *count > std::numeric_limits<std::size_t>::max() / dtype_size_bytes(info.dtype)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: tensor '{}': shape {} has more elements than memory can hold",
                                                 source, name, shape_to_string(info.shape)));
  }
  const std::uint64_t expected = *count * dtype_size_bytes(info.dtype);
  if (info.end - info.begin != expected) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("{}: tensor '{}': expected {} bytes for {} {}, found the range {} to {}", source, name, expected,
                    safetensors_dtype_name(info.dtype), shape_to_string(info.shape), info.begin, info.end));
  }
  return {};
}

// In the order of their bytes, the ranges must follow each other without hole or overlap and end where the file ends.
Result<void> check_layout(const SafetensorsHeader& header, std::size_t data_size_bytes, std::string_view source) {
  std::vector<const Entry*> order;
  for (const Entry& entry : header.entries) {
    order.push_back(&entry);
  }
  std::ranges::stable_sort(order, {}, [](const Entry* e) { return std::pair(e->second.begin, e->second.end); });
  std::uint64_t covered = 0;
  for (const Entry* entry : order) {
    const auto& [name, info] = *entry;
    if (info.begin > info.end || info.end > data_size_bytes) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: tensor '{}': expected a byte range inside the {} bytes of data, found {} to {}",
                              source, name, data_size_bytes, info.begin, info.end),
                  "the file is cut short or damaged: download it again");
    }
    if (info.begin != covered) {
      return fail(
          ErrorCode::kCorrupt,
          fmt::format("{}: tensor '{}': expected its bytes to begin at {}, found {} ({})", source, name, covered,
                      info.begin, info.begin < covered ? "overlaps the tensor before" : "leaves a hole"));
    }
    if (auto sized = check_size(*entry, source); !sized) {
      return sized;
    }
    covered = info.end;
  }
  if (covered != data_size_bytes) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected {} bytes of data, as the tensors take, found {}", source,
                                                 covered, data_size_bytes));
  }
  return {};
}

}  // namespace

Result<SafetensorsFile> parse_safetensors(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                          std::string_view source) {
  const auto text = header_text(bytes, source);
  if (!text) {
    return std::unexpected(text.error());
  }
  auto header = parse_safetensors_header(*text, source);
  if (!header) {
    return std::unexpected(header.error());
  }
  const auto data = bytes.subspan(kSafetensorsPrefixSizeBytes + text->size());
  if (auto checked = check_layout(*header, data.size(), source); !checked) {
    return std::unexpected(checked.error());
  }
  SafetensorsFile file;
  file.metadata = std::move(header->metadata);
  for (auto& [name, info] : header->entries) {
    const auto range =
        data.subspan(static_cast<std::size_t>(info.begin), static_cast<std::size_t>(info.end - info.begin));
    file.tensors.emplace_hint(file.tensors.end(), name, Tensor(info.dtype, std::move(info.shape), range, owner));
  }
  return file;
}

Result<SafetensorsFile> read_safetensors(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  return parse_safetensors(file->bytes(), file->owner(), path.string());
}

}  // namespace asterism
