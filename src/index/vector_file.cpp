#include "index/vector_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "index/block_checksums.hpp"
#include "index/file_header.hpp"

namespace asterism {
namespace {

constexpr FileFormat kFormat{.magic = "ASTVECTS", .version = 1, .name = "vector file"};

struct Fields {
  std::uint64_t type;
  std::uint64_t dim;
  std::uint64_t row_count;
  std::uint64_t stride_bytes;
  std::uint64_t data_version;
  std::uint32_t tables_checksum;
  std::uint32_t reserved;
};
static_assert(sizeof(Fields) == 48);

template <typename Value>
std::span<const std::byte> bytes_of(const Value& value) noexcept {
  return std::as_bytes(std::span(&value, 1));
}

std::unexpected<Error> corrupt(const std::filesystem::path& path, std::string what) {
  return fail(ErrorCode::kCorrupt, path.string() + ": " + std::move(what), "the file is written anew from its source");
}

}  // namespace

Result<void> write_vector_file(const std::filesystem::path& path, const VectorFileSettings& settings,
                               std::size_t row_count, const NextVector& next) {
  if (settings.dim == 0 || settings.dim > kVectorDimMax || row_count > kRowCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: expected at most {} rows of 1 to {} values, found {} of {}", path.string(),
                            kRowCountMax, kVectorDimMax, row_count, settings.dim));
  }
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  auto written = file->write(std::span<const std::byte>(FileHeader{}));
  std::vector<std::byte> row(vector_stride_bytes(settings.type, settings.dim));
  const auto vector = std::span(row).first(vector_size_bytes(settings.type, settings.dim));
  std::vector<std::uint64_t> keys(row_count);
  BlockChecksums row_checksums(kVectorFileBlockBytes);
  std::size_t given = 0;
  for (; written; ++given) {
    std::uint64_t key = 0;
    const auto more = next(key, vector);
    if (!more) {
      return std::unexpected(more.error());
    }
    if (!*more || given == row_count) {
      given += *more ? 1U : 0U;
      break;
    }
    keys[given] = key;
    row_checksums.update(row);
    written = file->write(std::span<const std::byte>(row));
  }
  if (written && given != row_count) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected {} rows, found {}", path.string(), row_count,
                                                  given > row_count ? "more" : std::to_string(given)));
  }
  BlockChecksums key_checksums(kVectorFileBlockBytes);
  key_checksums.update(std::as_bytes(std::span(keys)));
  for (const auto part : {std::as_bytes(std::span(keys)), row_checksums.table(), key_checksums.table()}) {
    if (written) {
      written = file->write(part);
    }
  }
  const Fields fields{.type = static_cast<std::uint64_t>(settings.type),
                      .dim = settings.dim,
                      .row_count = row_count,
                      .stride_bytes = row.size(),
                      .data_version = settings.data_version,
                      .tables_checksum = crc32c(key_checksums.table(), crc32c(row_checksums.table())),
                      .reserved = 0};
  if (written) {
    written = file->write_at(0, seal_file_header(kFormat, bytes_of(fields)));
  }
  return written ? file->commit() : written;
}

struct VectorFile::Impl final : RowVerifier {
  std::filesystem::path path;
  MappedFile file;
  VectorFileSettings settings;
  std::size_t row_count = 0;
  std::size_t stride_bytes = 0;
  std::span<const std::byte> rows;
  std::span<const std::byte> row_checksums;
  std::span<const std::byte> keys;
  std::span<const std::byte> key_checksums;
  // A bit a block of rows: it was found whole.
  mutable std::vector<std::atomic<std::uint64_t>> whole_blocks;

  Result<void> take_parts(const Fields& fields);
  Result<void> check_keys() const;
  Result<void> check_block(std::size_t block) const;
  Result<void> verify_rows(std::size_t begin, std::size_t end) const override;
};

Result<void> VectorFile::Impl::take_parts(const Fields& fields) {
  if (fields.type > static_cast<std::uint64_t>(VectorType::kI8) || fields.dim == 0 || fields.dim > kVectorDimMax ||
      fields.row_count > kRowCountMax ||
      fields.stride_bytes != vector_stride_bytes(static_cast<VectorType>(fields.type), fields.dim)) {
    return corrupt(path, "the header of the vector file has fields outside their bounds");
  }
  settings = {.type = static_cast<VectorType>(fields.type), .dim = fields.dim, .data_version = fields.data_version};
  row_count = fields.row_count;
  stride_bytes = fields.stride_bytes;
  // At most 2^32 rows of 2^18 bytes: no sum wraps.
  const std::size_t rows_size = row_count * stride_bytes;
  const std::size_t keys_size = row_count * sizeof(std::uint64_t);
  const std::size_t row_blocks = block_count_of(rows_size, kVectorFileBlockBytes);
  const std::size_t key_blocks = block_count_of(keys_size, kVectorFileBlockBytes);
  const std::size_t tables_size = (row_blocks + key_blocks) * sizeof(std::uint32_t);
  const std::size_t size_bytes = kFileHeaderBytes + rows_size + keys_size + tables_size;
  const auto bytes = file.bytes();
  if (bytes.size() != size_bytes) {
    return corrupt(path,
                   fmt::format("expected {} rows in {} bytes, found {} bytes", row_count, size_bytes, bytes.size()));
  }
  rows = bytes.subspan(kFileHeaderBytes, rows_size);
  keys = bytes.subspan(kFileHeaderBytes + rows_size, keys_size);
  const auto tables = bytes.last(tables_size);
  if (crc32c(tables) != fields.tables_checksum) {
    return corrupt(path, "the table of checksums is damaged");
  }
  row_checksums = tables.first(row_blocks * sizeof(std::uint32_t));
  key_checksums = tables.subspan(row_checksums.size());
  whole_blocks = std::vector<std::atomic<std::uint64_t>>(block_count_of(row_blocks, 64));
  return check_keys();
}

Result<void> VectorFile::Impl::check_keys() const {
  for (std::size_t block = 0; block < block_count_of(keys.size(), kVectorFileBlockBytes); ++block) {
    if (!block_is_whole(keys, kVectorFileBlockBytes, key_checksums, block)) {
      return corrupt(path, fmt::format("keys are damaged: block {} has another checksum", block));
    }
  }
  return {};
}

Result<void> VectorFile::Impl::check_block(std::size_t block) const {
  if (!block_is_whole(rows, kVectorFileBlockBytes, row_checksums, block)) {
    const std::size_t begin = block * kVectorFileBlockBytes / stride_bytes;
    return corrupt(path, fmt::format("rows from {} on are damaged: block {} of {} bytes has another checksum", begin,
                                     block, kVectorFileBlockBytes));
  }
  whole_blocks[block / 64].fetch_or(std::uint64_t{1} << (block % 64), std::memory_order_relaxed);
  return {};
}

Result<void> VectorFile::Impl::verify_rows(std::size_t begin, std::size_t end) const {
  if (begin >= end || end > row_count) {
    return begin == end && end <= row_count
               ? Result<void>{}
               : fail(ErrorCode::kInvalidArgument,
                      fmt::format("{}: expected rows of {}, found {} to {}", path.string(), row_count, begin, end));
  }
  const std::size_t last = (end * stride_bytes - 1) / kVectorFileBlockBytes;
  for (std::size_t block = begin * stride_bytes / kVectorFileBlockBytes; block <= last; ++block) {
    const std::uint64_t word = whole_blocks[block / 64].load(std::memory_order_relaxed);
    if ((word >> (block % 64) & 1) == 0) {
      if (auto checked = check_block(block); !checked) {
        return checked;
      }
    }
  }
  return {};
}

VectorFile::VectorFile(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
VectorFile::VectorFile(VectorFile&&) noexcept = default;
VectorFile& VectorFile::operator=(VectorFile&&) noexcept = default;
VectorFile::~VectorFile() = default;

Result<VectorFile> VectorFile::open(const std::filesystem::path& path) {
  auto mapped = MappedFile::open(path);
  if (!mapped) {
    return std::unexpected(mapped.error());
  }
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->file = std::move(*mapped);
  const auto bytes = open_file_header(kFormat, impl->file.bytes(), sizeof(Fields), path);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  Fields fields{};
  std::memcpy(&fields, bytes->data(), sizeof fields);
  if (auto taken = impl->take_parts(fields); !taken) {
    return std::unexpected(taken.error());
  }
  return VectorFile(std::move(impl));
}

const VectorFileSettings& VectorFile::settings() const noexcept {
  return impl_->settings;
}

VectorRows VectorFile::rows() const noexcept {
  return {.data = impl_->rows,
          .row_count = impl_->row_count,
          .dim = impl_->settings.dim,
          .type = impl_->settings.type,
          .stride_bytes = impl_->stride_bytes,
          .verifier = impl_.get()};
}

std::span<const std::uint64_t> VectorFile::keys() const noexcept {
  return {reinterpret_cast<const std::uint64_t*>(impl_->keys.data()), impl_->row_count};
}

Result<void> VectorFile::verify() const {
  if (auto header = open_file_header(kFormat, impl_->file.bytes(), sizeof(Fields), impl_->path); !header) {
    return std::unexpected(header.error());
  }
  for (std::size_t block = 0; block < block_count_of(impl_->rows.size(), kVectorFileBlockBytes); ++block) {
    if (auto checked = impl_->check_block(block); !checked) {
      return checked;
    }
  }
  return impl_->check_keys();
}

}  // namespace asterism
