// The file of a graph index: written whole, checked before anything in it is followed, mapped or read into memory.
//
//   header      one page (file_header.hpp), with the fields below
//   centre      dim floats where codes are taken relative to one
//   links       USearch's stream (graph_links.hpp)
//   codes       from the next page on: node count x stride
//   tables      CRC-32C of every block of links, then of codes; their own checksum is in the header
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "index/block_checksums.hpp"
#include "index/file_header.hpp"
#include "index/graph_impl.hpp"
#include "index/graph_links.hpp"

namespace asterism {
namespace {

constexpr FileFormat kFormat{.magic = "ASTINDEX", .version = 1, .name = "index file"};
constexpr std::size_t kBlockBytes = 256 * 1024;
constexpr std::size_t kPageBytes = 4096;

struct Fields {
  std::uint32_t metric;
  std::uint32_t code;
  std::uint64_t dim;
  std::uint64_t connectivity;
  std::uint64_t expansion_add;
  std::uint64_t node_count;
  std::uint64_t live_count;
  std::uint64_t replaced_count;
  std::uint64_t data_version;
  std::uint64_t centre_size;  // bytes
  std::uint64_t links_size;
  std::uint64_t codes_offset;
  std::uint64_t codes_size;
  std::uint64_t tables_size;
  std::uint32_t centre_checksum;
  std::uint32_t tables_checksum;
  float largest_square;
  std::uint32_t reserved;
};
static_assert(sizeof(Fields) == 8 + 12 * 8 + 16);

// A file as its header says, its parts within its bounds; nothing else is checked yet.
struct Opened {
  Fields fields{};
  GraphSettings settings;
  std::span<const std::byte> centre;
  std::span<const std::byte> link_checksums;
  IndexFileParts parts;
};

std::unexpected<Error> corrupt(const std::filesystem::path& path, std::string what) {
  return fail(ErrorCode::kCorrupt, path.string() + ": " + std::move(what), "the index is built anew from its rows");
}

bool is_valid(const Fields& fields) {
  return fields.metric <= static_cast<std::uint32_t>(Metric::kEuclidean) &&
         fields.code <= static_cast<std::uint32_t>(GraphCode::kBF16) && fields.dim > 0 && fields.dim <= kVectorDimMax &&
         fields.connectivity >= 2 && fields.connectivity <= kConnectivityMax && fields.expansion_add > 0 &&
         fields.expansion_add <= kExpansionMax && fields.node_count <= kRowCountMax &&
         fields.live_count <= fields.node_count && std::isfinite(fields.largest_square) &&
         (fields.centre_size == 0 || fields.centre_size == fields.dim * sizeof(float)) &&
         fields.codes_offset % kPageBytes == 0 && fields.codes_offset >= kFileHeaderBytes + fields.centre_size &&
         fields.codes_offset - kFileHeaderBytes - fields.centre_size >= fields.links_size;
}

Result<Opened> open_parts(std::span<const std::byte> file, const std::filesystem::path& path) {
  const auto bytes = open_file_header(kFormat, file, sizeof(Fields), path);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  Opened opened;
  Fields& fields = opened.fields;
  std::memcpy(&fields, bytes->data(), sizeof fields);
  if (!is_valid(fields)) {
    return corrupt(path, "the header of the index file has fields outside their bounds");
  }
  opened.settings = {.metric = static_cast<Metric>(fields.metric),
                     .dim = fields.dim,
                     .code = static_cast<GraphCode>(fields.code),
                     .connectivity = fields.connectivity,
                     .expansion_add = fields.expansion_add};
  const auto centre = file_part(file, kFileHeaderBytes, fields.centre_size, "centre", path);
  const auto links = file_part(file, kFileHeaderBytes + fields.centre_size, fields.links_size, "links", path);
  const auto codes = file_part(file, fields.codes_offset, fields.codes_size, "codes", path);
  if (!centre || !links || !codes) {
    return std::unexpected(!centre ? centre.error() : !links ? links.error() : codes.error());
  }
  // Neither wraps: both lie within the file.
  const auto tables = file_part(file, fields.codes_offset + fields.codes_size, fields.tables_size, "checksums", path);
  if (!tables) {
    return std::unexpected(tables.error());
  }
  const std::size_t link_blocks = block_count_of(links->size(), kBlockBytes);
  const std::size_t code_blocks = block_count_of(codes->size(), kBlockBytes);
  if (tables->size() != (link_blocks + code_blocks) * sizeof(std::uint32_t) ||
      tables->data() + tables->size() != file.data() + file.size()) {
    return corrupt(path, fmt::format("expected {} checksums at the end, found {} bytes", link_blocks + code_blocks,
                                     tables->size()));
  }
  if (crc32c(*centre) != fields.centre_checksum || crc32c(*tables) != fields.tables_checksum) {
    return corrupt(path, "the table of checksums or the centre is damaged");
  }
  opened.centre = *centre;
  opened.link_checksums = tables->first(link_blocks * sizeof(std::uint32_t));
  opened.parts = {
      .links = *links, .codes = *codes, .code_checksums = tables->subspan(link_blocks * sizeof(std::uint32_t))};
  return opened;
}

Result<void> check_blocks(std::span<const std::byte> part, std::span<const std::byte> table, std::string_view name,
                          const std::filesystem::path& path) {
  for (std::size_t block = 0; block < block_count_of(part.size(), kBlockBytes); ++block) {
    if (!block_is_whole(part, kBlockBytes, table, block)) {
      return corrupt(
          path, fmt::format("{} are damaged: block {} of {} bytes has another checksum", name, block, kBlockBytes));
    }
  }
  return {};
}

Result<void> check_identity(const Opened& opened, const std::optional<IndexIdentity>& expected,
                            const std::filesystem::path& path) {
  if (!expected) {
    return {};
  }
  const GraphSettings& found = opened.settings;
  const GraphSettings& wanted = expected->settings;
  const auto describe = [](const GraphSettings& s) {
    return fmt::format("{}, {} values, {} codes, connectivity {}, expansion {}", metric_name(s.metric), s.dim,
                       graph_code_name(s.code), s.connectivity, s.expansion_add);
  };
  if (describe(found) != describe(wanted)) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: expected an index of {}, found {}", path.string(), describe(wanted), describe(found)));
  }
  if (opened.fields.data_version != expected->data_version) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected an index of data version {}, found {}", path.string(),
                                                  expected->data_version, opened.fields.data_version));
  }
  return {};
}

CodeReference reference_of(const Opened& opened) {
  CodeReference reference{.centre = std::vector<float>(opened.centre.size() / sizeof(float)),
                          .largest_square = opened.fields.largest_square};
  std::ranges::copy(opened.centre, std::as_writable_bytes(std::span(reference.centre)).begin());
  return reference;
}

// Reads a span as a stream.
struct SpanReader {
  std::span<const std::byte> rest;
  bool operator()(void* into, std::size_t size_bytes) {
    if (size_bytes > rest.size()) {
      return false;
    }
    std::memcpy(into, rest.data(), size_bytes);
    rest = rest.subspan(size_bytes);
    return true;
  }
};

std::span<const std::byte> bytes_of(const void* data, std::size_t size_bytes) {
  return {static_cast<const std::byte*>(data), size_bytes};
}

}  // namespace

Result<void> GraphIndex::Impl::write(AtomicFile& file, std::uint64_t version) const {
  const auto centre = std::as_bytes(std::span(codes.reference().centre));
  if (auto written = file.write(FileHeader{}); !written) {
    return written;
  }
  if (auto written = file.write(centre); !written) {
    return written;
  }
  BlockChecksums link_checksums(kBlockBytes);
  Result<void> written;
  graph.save_to_stream([&](const void* data, std::size_t size_bytes) {
    link_checksums.update(bytes_of(data, size_bytes));
    written = file.write(bytes_of(data, size_bytes));
    return written.has_value();
  });
  if (!written) {
    return written;
  }
  const std::uint64_t links_end = file.size_bytes();
  const std::vector<std::byte> padding((kPageBytes - links_end % kPageBytes) % kPageBytes);
  if (written = file.write(padding); !written) {
    return written;
  }
  const std::uint64_t codes_offset = file.size_bytes();
  const auto code_rows = bytes_of(codes.row(0), slot_count() * codes.stride_bytes());
  BlockChecksums code_checksums(kBlockBytes);
  code_checksums.update(code_rows);
  const std::uint32_t tables_checksum = crc32c(code_checksums.table(), crc32c(link_checksums.table()));
  for (const auto part : {code_rows, link_checksums.table(), code_checksums.table()}) {
    if (written = file.write(part); !written) {
      return written;
    }
  }
  const Fields fields{.metric = static_cast<std::uint32_t>(settings.metric),
                      .code = static_cast<std::uint32_t>(settings.code),
                      .dim = settings.dim,
                      .connectivity = settings.connectivity,
                      .expansion_add = settings.expansion_add,
                      .node_count = slot_count(),
                      .live_count = live_count,
                      .replaced_count = replaced_count,
                      .data_version = version,
                      .centre_size = centre.size(),
                      .links_size = links_end - kFileHeaderBytes - centre.size(),
                      .codes_offset = codes_offset,
                      .codes_size = code_rows.size(),
                      .tables_size = link_checksums.table().size() + code_checksums.table().size(),
                      .centre_checksum = crc32c(centre),
                      .tables_checksum = tables_checksum,
                      .largest_square = codes.reference().largest_square,
                      .reserved = 0};
  return file.write_at(0, seal_file_header(kFormat, bytes_of(&fields, sizeof fields)));
}

Result<void> GraphIndex::Impl::take_positions(std::uint64_t expected_live_count, const std::filesystem::path& path) {
  position_of_slot.assign(std::max(graph.capacity(), slot_count()), kNoPosition);
  for (std::uint32_t slot = 0; slot < slot_count(); ++slot) {
    const std::uint32_t position = graph.at(slot).key;
    if (position == kNoPosition) {
      (graph.neighbors(slot, 0).empty() && slot != entry_slot ? free_slots : dead_slots).push_back(slot);
      continue;
    }
    if (slot_of_position.get(position) != kNoSlot) {
      return corrupt(path, fmt::format("row {} is there twice", position));
    }
    position_of_slot[slot] = position;
    slot_of_position.set(position, slot);
    ++live_count;
  }
  if (live_count != expected_live_count) {
    return corrupt(path, fmt::format("expected {} rows, found {}", expected_live_count, live_count));
  }
  return {};
}

Result<std::unique_ptr<GraphIndex::Impl>> GraphIndex::Impl::read(const std::filesystem::path& path,
                                                                 const std::optional<IndexIdentity>& expected,
                                                                 bool into_memory) {
  auto mapped = MappedFile::open(path);
  if (!mapped) {
    return std::unexpected(mapped.error());
  }
  const auto opened = open_parts(mapped->bytes(), path);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  if (auto fits = check_identity(*opened, expected, path); !fits) {
    return std::unexpected(fits.error());
  }
  if (auto whole = check_blocks(opened->parts.links, opened->link_checksums, "links", path); !whole) {
    return std::unexpected(whole.error());
  }
  const std::size_t node_count = opened->fields.node_count;
  const auto links = check_graph_links(opened->parts.links, node_count, opened->settings.connectivity, path.string());
  if (!links) {
    return std::unexpected(links.error());
  }
  auto impl = std::make_unique<Impl>(opened->settings, reference_of(*opened));
  if (opened->parts.codes.size() != node_count * impl->codes.stride_bytes()) {
    return corrupt(path, fmt::format("expected {} bytes of codes, found {}", node_count * impl->codes.stride_bytes(),
                                     opened->parts.codes.size()));
  }
  impl->file_path = path;
  impl->parts = opened->parts;
  impl->entry_slot = links->entry_slot;
  impl->replaced_count = opened->fields.replaced_count;
  impl->data_version = opened->fields.data_version;
  impl->mapped_file = std::move(*mapped);
  if (auto taken = into_memory ? impl->copy_parts(node_count) : impl->map_parts(node_count); !taken) {
    return std::unexpected(taken.error());
  }
  if (auto taken = impl->take_positions(opened->fields.live_count, path); !taken) {
    return std::unexpected(taken.error());
  }
  return impl;
}

Result<void> GraphIndex::Impl::map_parts(std::size_t node_count) {
  read_only = true;
  codes.borrow(parts.codes);
  if (node_count == 0) {
    return {};
  }
  // USearch takes a pointer to what it may change, and changes nothing while it views.
  char* stream = const_cast<char*>(reinterpret_cast<const char*>(parts.links.data()));  // NOLINT
  auto viewed = graph.view(unum::usearch::memory_mapped_file_t(stream, parts.links.size()));
  return viewed ? Result<void>{} : corrupt(file_path, fmt::format("USearch: {}", viewed.error.release()));
}

Result<void> GraphIndex::Impl::copy_parts(std::size_t node_count) {
  if (node_count > 0) {
    auto loaded = graph.load_from_stream(SpanReader{parts.links});
    if (!loaded) {
      return corrupt(file_path, fmt::format("USearch: {}", loaded.error.release()));
    }
    if (auto reserved = codes.reserve(graph.capacity()); !reserved) {
      return reserved;
    }
    std::ranges::copy(parts.codes, codes.writable_row(0));
  }
  parts = {};
  mapped_file.reset();
  return {};
}

Result<void> GraphIndex::save(const std::filesystem::path& path, std::uint64_t data_version) const {
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (auto written = impl_->write(*file, data_version); !written) {
    return written;
  }
  return file->commit();
}

Result<GraphIndex> GraphIndex::open(const std::filesystem::path& path, const std::optional<IndexIdentity>& expected) {
  auto impl = Impl::read(path, expected, false);
  return impl ? Result<GraphIndex>(GraphIndex(std::move(*impl))) : std::unexpected(impl.error());
}

Result<GraphIndex> GraphIndex::load(const std::filesystem::path& path, const std::optional<IndexIdentity>& expected) {
  auto impl = Impl::read(path, expected, true);
  return impl ? Result<GraphIndex>(GraphIndex(std::move(*impl))) : std::unexpected(impl.error());
}

Result<void> GraphIndex::verify() const {
  if (!impl_->mapped_file) {
    return {};
  }
  const auto opened = open_parts(impl_->mapped_file->bytes(), impl_->file_path);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  if (auto whole = check_blocks(opened->parts.links, opened->link_checksums, "links", impl_->file_path); !whole) {
    return whole;
  }
  const std::byte* links_end = opened->parts.links.data() + opened->parts.links.size();
  if (std::any_of(links_end, opened->parts.codes.data(), [](std::byte b) { return b != std::byte{0}; })) {
    return corrupt(impl_->file_path, "expected zeros between links and codes, found others");
  }
  return check_blocks(opened->parts.codes, opened->parts.code_checksums, "codes", impl_->file_path);
}

}  // namespace asterism
