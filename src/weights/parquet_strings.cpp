#include "weights/parquet_strings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/file.hpp"
#include "weights/byte_cursor.hpp"
#include "weights/printable.hpp"
#include "weights/snappy.hpp"
#include "weights/thrift_reader.hpp"

namespace asterism {
namespace {

constexpr std::string_view kMagic = "PAR1";
constexpr std::size_t kFooterTailSizeBytes = 8;  // length of the footer, magic
constexpr std::string_view kDamagedHint = "the file is damaged or cut short: fetch it again";

// Numbers of parquet.thrift.
constexpr std::int64_t kByteArray = 6;
constexpr std::int64_t kOptional = 1;
constexpr std::int64_t kRepeated = 2;
enum class Codec : std::int64_t { kNone = 0, kSnappy = 1 };
enum class Encoding : std::int64_t { kPlain = 0, kPlainDictionary = 2, kRle = 3, kRleDictionary = 8 };
enum class PageType : std::int64_t { kData = 0, kDictionary = 2 };

struct ColumnChunk {
  std::int64_t type = -1;
  std::int64_t codec = -1;
  std::int64_t value_count = 0;
  std::int64_t size_bytes = 0;  // packed, headers included
  std::int64_t data_offset = -1;
  std::int64_t dictionary_offset = -1;
};

struct FileMetadata {
  std::size_t leaf_count = 0;
  std::int64_t leaf_type = -1;
  std::int64_t repetition = 0;
  std::int64_t row_count = 0;
  std::vector<ColumnChunk> chunks;  // of the row groups, in order
  std::size_t group_count = 0;
};

struct PageHeader {
  std::int64_t type = -1;
  std::int64_t unpacked_size_bytes = -1;
  std::int64_t packed_size_bytes = -1;
  std::int64_t value_count = 0;
  std::int64_t encoding = -1;
};

void read_schema_element(ThriftReader& thrift, FileMetadata& metadata) {
  std::int64_t type = -1;
  std::int64_t repetition = 0;
  bool group = false;
  thrift.read_struct([&](std::int64_t id, ThriftType field) {
    switch (id) {
      case 1:
        type = thrift.read_integer();
        break;
      case 3:
        repetition = thrift.read_integer();
        break;
      case 5:
        group = thrift.read_integer() > 0;
        break;
      default:
        thrift.skip(field);
    }
  });
  if (!group) {
    ++metadata.leaf_count;
    metadata.leaf_type = type;
    metadata.repetition = repetition;
  }
}

ColumnChunk read_column_metadata(ThriftReader& thrift) {
  ColumnChunk chunk;
  thrift.read_struct([&](std::int64_t id, ThriftType field) {
    switch (id) {
      case 1:
        chunk.type = thrift.read_integer();
        break;
      case 4:
        chunk.codec = thrift.read_integer();
        break;
      case 5:
        chunk.value_count = thrift.read_integer();
        break;
      case 7:
        chunk.size_bytes = thrift.read_integer();
        break;
      case 9:
        chunk.data_offset = thrift.read_integer();
        break;
      case 11:
        chunk.dictionary_offset = thrift.read_integer();
        break;
      default:
        thrift.skip(field);
    }
  });
  return chunk;
}

void read_row_group(ThriftReader& thrift, FileMetadata& metadata) {
  ++metadata.group_count;
  thrift.read_struct([&](std::int64_t id, ThriftType field) {
    if (id != 1) {
      return thrift.skip(field);
    }
    thrift.read_list(ThriftType::kStruct, [&] {
      thrift.read_struct([&](std::int64_t column_id, ThriftType column_field) {
        if (column_id == 3) {
          metadata.chunks.push_back(read_column_metadata(thrift));
        } else {
          thrift.skip(column_field);
        }
      });
    });
  });
}

std::optional<FileMetadata> read_metadata(std::span<const std::byte> footer) {
  ThriftReader thrift(footer);
  FileMetadata metadata;
  thrift.read_struct([&](std::int64_t id, ThriftType field) {
    switch (id) {
      case 2:
        thrift.read_list(ThriftType::kStruct, [&] { read_schema_element(thrift, metadata); });
        break;
      case 3:
        metadata.row_count = thrift.read_integer();
        break;
      case 4:
        thrift.read_list(ThriftType::kStruct, [&] { read_row_group(thrift, metadata); });
        break;
      default:
        thrift.skip(field);
    }
  });
  return thrift.ok() ? std::optional(std::move(metadata)) : std::nullopt;
}

// And how many bytes it took.
std::optional<std::pair<PageHeader, std::size_t>> read_page_header(std::span<const std::byte> bytes) {
  ThriftReader thrift(bytes);
  PageHeader page;
  thrift.read_struct([&](std::int64_t id, ThriftType field) {
    switch (id) {
      case 1:
        page.type = thrift.read_integer();
        break;
      case 2:
        page.unpacked_size_bytes = thrift.read_integer();
        break;
      case 3:
        page.packed_size_bytes = thrift.read_integer();
        break;
      case 5:  // of a data page
      case 7:  // of a dictionary
        thrift.read_struct([&](std::int64_t inner_id, ThriftType inner_field) {
          if (inner_id == 1) {
            page.value_count = thrift.read_integer();
          } else if (inner_id == 2) {
            page.encoding = thrift.read_integer();
          } else {
            thrift.skip(inner_field);
          }
        });
        break;
      default:
        thrift.skip(field);
    }
  });
  return thrift.ok() ? std::optional(std::pair(page, thrift.position())) : std::nullopt;
}

// Whole numbers of `width` bits, in runs of one value and packed eight at a time.
class RleReader {
 public:
  RleReader(std::string_view bytes, unsigned width) : rest_(bytes), width_(width) {}

  std::optional<std::uint32_t> next() {
    if (run_left_ == 0 && packed_left_ == 0 && !next_run()) {
      return std::nullopt;
    }
    if (run_left_ > 0) {
      --run_left_;
      return run_value_;
    }
    --packed_left_;
    while (bit_count_ < width_) {
      if (rest_.empty()) {
        return std::nullopt;
      }
      bits_ |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(rest_.front())) << bit_count_;
      rest_.remove_prefix(1);
      bit_count_ += 8;
    }
    const auto value = static_cast<std::uint32_t>(bits_ & ((std::uint64_t{1} << width_) - 1));
    bits_ >>= width_;
    bit_count_ -= width_;
    return value;
  }

 private:
  bool next_run() {
    std::uint64_t head = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (rest_.empty() || shift > 28) {
        return false;
      }
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      head |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        break;
      }
    }
    bits_ = 0;
    bit_count_ = 0;
    if ((head & 1U) != 0) {
      packed_left_ = (head >> 1U) * 8;
      return packed_left_ > 0;
    }
    run_left_ = head >> 1U;
    run_value_ = 0;
    for (unsigned shift = 0; shift < width_; shift += 8) {
      if (rest_.empty()) {
        return false;
      }
      run_value_ |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(rest_.front())) << shift;
      rest_.remove_prefix(1);
    }
    return run_left_ > 0;
  }

  std::string_view rest_;
  unsigned width_;
  std::uint64_t bits_ = 0;
  unsigned bit_count_ = 0;
  std::uint64_t packed_left_ = 0;
  std::uint64_t run_left_ = 0;
  std::uint32_t run_value_ = 0;
};

// A string with its length in front.
std::optional<std::string_view> take_string(ByteCursor& cursor) {
  const auto size_bytes = cursor.take_integer<std::uint32_t>();
  return size_bytes ? cursor.take_text(*size_bytes) : std::nullopt;
}

class ColumnReader {
 public:
  ColumnReader(std::span<const std::byte> bytes, std::string_view source) : bytes_(bytes), source_(source) {}

  Result<StringColumn> read(const FileMetadata& metadata) {
    if (metadata.leaf_count != 1 || metadata.leaf_type != kByteArray || metadata.repetition == kRepeated) {
      return fail(ErrorCode::kUnsupported, fmt::format("{}: expected one column of strings, found {} of type {}",
                                                       source_, metadata.leaf_count, metadata.leaf_type));
    }
    optional_ = metadata.repetition == kOptional;
    if (metadata.chunks.size() != metadata.group_count) {
      return corrupt("expected a column in each row group");
    }
    for (const ColumnChunk& chunk : metadata.chunks) {
      if (auto read = read_chunk(chunk); !read) {
        return std::unexpected(std::move(read.error()));
      }
    }
    if (metadata.row_count < 0 || out_.ends.size() != static_cast<std::size_t>(metadata.row_count)) {
      return corrupt(
          fmt::format("expected {} rows, as its footer says, found {}", metadata.row_count, out_.ends.size()));
    }
    return std::move(out_);
  }

 private:
  std::unexpected<Error> corrupt(std::string_view what) const {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: {}", source_, what), std::string(kDamagedHint));
  }

  Result<void> read_chunk(const ColumnChunk& chunk) {
    if (chunk.codec != static_cast<std::int64_t>(Codec::kNone) &&
        chunk.codec != static_cast<std::int64_t>(Codec::kSnappy)) {
      return fail(
          ErrorCode::kUnsupported,
          fmt::format("{}: expected pages packed by Snappy or not at all, found codec {}", source_, chunk.codec),
          "write it again: pandas' to_parquet(compression='snappy')");
    }
    packed_ = chunk.codec == static_cast<std::int64_t>(Codec::kSnappy);
    dictionary_ = {};
    const std::int64_t begin =
        chunk.dictionary_offset > 0 ? std::min(chunk.dictionary_offset, chunk.data_offset) : chunk.data_offset;
    if (begin < 0 || chunk.size_bytes < 0 || static_cast<std::uint64_t>(begin) > bytes_.size() ||
        static_cast<std::uint64_t>(chunk.size_bytes) > bytes_.size() - static_cast<std::uint64_t>(begin)) {
      return corrupt("expected its column inside the file");
    }
    auto rest = bytes_.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(chunk.size_bytes));
    const std::size_t row_first = out_.ends.size();
    while (!rest.empty()) {
      const auto header = read_page_header(rest);
      if (!header) {
        return corrupt("expected the header of a page, found other bytes");
      }
      rest = rest.subspan(header->second);
      const PageHeader& page = header->first;
      if (page.packed_size_bytes < 0 || static_cast<std::uint64_t>(page.packed_size_bytes) > rest.size()) {
        return corrupt(fmt::format("expected a page of {} bytes, found {}", page.packed_size_bytes, rest.size()));
      }
      const auto size_bytes = static_cast<std::size_t>(page.packed_size_bytes);
      if (auto read = read_page(page, rest.first(size_bytes)); !read) {
        return read;
      }
      rest = rest.subspan(size_bytes);
    }
    if (chunk.value_count < 0 || out_.ends.size() - row_first != static_cast<std::size_t>(chunk.value_count)) {
      return corrupt(
          fmt::format("expected {} strings in a row group, found {}", chunk.value_count, out_.ends.size() - row_first));
    }
    return {};
  }

  Result<void> read_page(const PageHeader& page, std::span<const std::byte> bytes) {
    if (page.unpacked_size_bytes < 0 || page.value_count < 0) {
      return corrupt("expected sizes of at least 0 in the header of a page");
    }
    if (page.type != static_cast<std::int64_t>(PageType::kData) &&
        page.type != static_cast<std::int64_t>(PageType::kDictionary)) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: expected data pages of version 1, found a page of type {}", source_, page.type),
                  "write it again: pandas' to_parquet()");
    }
    // Runs of one value hold any number of rows in a few bytes.
    if (static_cast<std::uint64_t>(page.value_count) > kParquetRowCountMax - out_.ends.size()) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("{}: expected at most {} rows, found more", source_, kParquetRowCountMax));
    }
    if (static_cast<std::size_t>(page.unpacked_size_bytes) > kParquetPageSizeBytesMax) {
      return fail(ErrorCode::kLimitExceeded, fmt::format("{}: expected a page of at most {} bytes, found {}", source_,
                                                         kParquetPageSizeBytesMax, page.unpacked_size_bytes));
    }
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    auto unpacked = packed_ ? snappy_uncompress(text, static_cast<std::size_t>(page.unpacked_size_bytes))
                            : std::optional(std::string(text));
    if (!unpacked) {
      return corrupt(fmt::format("expected a page of {} bytes packed by Snappy", page.unpacked_size_bytes));
    }
    return page.type == static_cast<std::int64_t>(PageType::kDictionary) ? read_dictionary(page, *std::move(unpacked))
                                                                         : read_data(page, *unpacked);
  }

  Result<void> read_dictionary(const PageHeader& page, std::string unpacked) {
    dictionary_.bytes = std::move(unpacked);
    dictionary_.words.clear();
    ByteCursor cursor(std::as_bytes(std::span(dictionary_.bytes)));
    for (std::int64_t i = 0; i < page.value_count; ++i) {
      const auto word = take_string(cursor);
      if (!word) {
        return corrupt(fmt::format("expected {} strings in a dictionary, found {}", page.value_count, i));
      }
      dictionary_.words.push_back(*word);
    }
    return {};
  }

  // Each row's definition level says whether it has a value; all must.
  Result<std::string_view> after_levels(const PageHeader& page, std::string_view unpacked) const {
    if (!optional_) {
      return unpacked;
    }
    ByteCursor cursor(std::as_bytes(std::span(unpacked)));
    const auto size_bytes = cursor.take_integer<std::uint32_t>();
    const auto levels = size_bytes ? cursor.take_text(*size_bytes) : std::nullopt;
    if (!levels) {
      return corrupt("expected the definition levels of a page, found its end");
    }
    RleReader reader(*levels, 1);
    for (std::int64_t i = 0; i < page.value_count; ++i) {
      if (reader.next() != 1U) {
        return corrupt(
            fmt::format("row {}: expected a string, found none", out_.ends.size() + static_cast<std::size_t>(i)));
      }
    }
    return unpacked.substr(unpacked.size() - cursor.remaining());
  }

  Result<void> read_data(const PageHeader& page, std::string_view unpacked) {
    const auto values = after_levels(page, unpacked);
    if (!values) {
      return std::unexpected(values.error());
    }
    switch (static_cast<Encoding>(page.encoding)) {
      case Encoding::kPlain: {
        ByteCursor cursor(std::as_bytes(std::span(*values)));
        for (std::int64_t i = 0; i < page.value_count; ++i) {
          const auto word = take_string(cursor);
          if (!word) {
            return corrupt(fmt::format("expected {} strings in a page, found {}", page.value_count, i));
          }
          append(*word);
        }
        return {};
      }
      case Encoding::kPlainDictionary:
      case Encoding::kRleDictionary:
        return read_indices(page, *values);
      default:
        return fail(
            ErrorCode::kUnsupported,
            fmt::format("{}: expected strings plain or by dictionary, found encoding {}", source_, page.encoding),
            "write it again: pandas' to_parquet()");
    }
  }

  Result<void> read_indices(const PageHeader& page, std::string_view values) {
    const unsigned width = values.empty() ? 0U : static_cast<std::uint8_t>(values.front());
    if (width > 32) {
      return corrupt(fmt::format("expected indices of at most 32 bits, found {}", width));
    }
    RleReader reader(values.substr(std::min<std::size_t>(1, values.size())), width);
    for (std::int64_t i = 0; i < page.value_count; ++i) {
      const auto index = reader.next();
      if (!index || *index >= dictionary_.words.size()) {
        return corrupt(fmt::format("expected indices below {}, found {}", dictionary_.words.size(),
                                   index ? std::to_string(*index) : "the end of a page"));
      }
      if (dictionary_.words[*index].size() > kParquetStringsSizeBytesMax - out_.bytes.size()) {
        return fail(ErrorCode::kLimitExceeded, fmt::format("{}: expected at most {} bytes of strings, found more",
                                                           source_, kParquetStringsSizeBytesMax));
      }
      append(dictionary_.words[*index]);
    }
    return {};
  }

  void append(std::string_view word) {
    out_.bytes += word;
    out_.ends.push_back(out_.bytes.size());
  }

  struct Dictionary {
    std::string bytes;
    std::vector<std::string_view> words;
  };

  std::span<const std::byte> bytes_;
  std::string_view source_;
  bool optional_ = false;
  bool packed_ = false;
  Dictionary dictionary_;
  StringColumn out_;
};

}  // namespace

Result<StringColumn> parse_parquet_strings(std::span<const std::byte> bytes, std::string_view source) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (bytes.size() < kMagic.size() + kFooterTailSizeBytes || !text.starts_with(kMagic) || !text.ends_with(kMagic)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a Parquet file, between two marks \"PAR1\", found other bytes", source),
                std::string(kDamagedHint));
  }
  ByteCursor tail(bytes.last(kFooterTailSizeBytes));
  const std::size_t footer_size_bytes = tail.take_integer<std::uint32_t>().value_or(0);
  if (footer_size_bytes > bytes.size() - kMagic.size() - kFooterTailSizeBytes) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a footer of {} bytes, found {}", source, footer_size_bytes,
                            bytes.size() - kMagic.size() - kFooterTailSizeBytes),
                std::string(kDamagedHint));
  }
  const auto metadata =
      read_metadata(bytes.subspan(bytes.size() - kFooterTailSizeBytes - footer_size_bytes, footer_size_bytes));
  if (!metadata) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected the footer of a Parquet file, found other bytes", source),
                std::string(kDamagedHint));
  }
  return ColumnReader(bytes, source).read(*metadata);
}

Result<StringColumn> read_parquet_strings(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  return parse_parquet_strings(file->bytes(), path.string());
}

}  // namespace asterism
