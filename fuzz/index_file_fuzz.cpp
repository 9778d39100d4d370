// Any bytes as an index file or a vector file: an error, or a file that can be searched.
//
// Checksums would stop nearly every change at the door, so they are made right first: what is fuzzed is everything
// behind them. Bytes are given to the reader as a file in memory.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "index/block_checksums.hpp"
#include "index/file_header.hpp"
#include "index/graph_index.hpp"
#include "index/vector_file.hpp"

namespace {

using namespace asterism;  // NOLINT(google-build-using-namespace): a program of its own

using Bytes = std::vector<std::byte>;

std::uint64_t number_at(const Bytes& file, std::size_t offset) {
  std::uint64_t number = 0;
  std::memcpy(&number, file.data() + offset, sizeof number);
  return number;
}

void put(Bytes& file, std::size_t offset, std::uint32_t value) {
  std::memcpy(file.data() + offset, &value, sizeof value);
}

// Checksums of a part's blocks, written to a table where both lie within the file; the end of the table.
std::size_t seal_part(Bytes& file, std::size_t offset, std::uint64_t size, std::size_t block_bytes, std::size_t table) {
  if (offset > file.size() || size > file.size() - offset) {
    return table;
  }
  BlockChecksums checksums(block_bytes);
  checksums.update(std::span(file).subspan(offset, size));
  const auto sums = checksums.table();
  if (table <= file.size() && sums.size() <= file.size() - table) {
    std::ranges::copy(sums, file.begin() + static_cast<std::ptrdiff_t>(table));
  }
  return table + sums.size();
}

void seal_header(Bytes& file) {
  const auto header = std::span(file).first(kFileHeaderBytes);
  put(file, 12, crc32c(header.subspan(kFileFieldsOffset), crc32c(header.first(12))));
}

// Offsets are those of the fields in graph_file.cpp and vector_file.cpp.
void seal_index(Bytes& file) {
  const std::uint64_t centre = number_at(file, 16 + 64);
  const std::uint64_t links = number_at(file, 16 + 72);
  const std::uint64_t codes_offset = number_at(file, 16 + 80);
  const std::uint64_t codes = number_at(file, 16 + 88);
  const std::uint64_t tables = std::min<std::uint64_t>(number_at(file, 16 + 96), file.size());
  const std::size_t table = file.size() - tables;
  if (centre <= file.size() - kFileHeaderBytes) {
    put(file, 16 + 104, crc32c(std::span(file).subspan(kFileHeaderBytes, centre)));
    const std::size_t next = seal_part(file, kFileHeaderBytes + centre, links, 256 * 1024, table);
    seal_part(file, codes_offset, codes, 256 * 1024, next);
  }
  put(file, 16 + 108, crc32c(std::span(file).last(tables)));
}

void seal_vectors(Bytes& file) {
  const std::uint64_t rows = number_at(file, 16 + 16);
  const std::uint64_t stride = number_at(file, 16 + 24);
  if (rows > file.size() || stride > file.size()) {
    return;
  }
  const std::size_t rows_size = rows * stride;
  const std::size_t keys_size = rows * sizeof(std::uint64_t);
  const std::size_t table = kFileHeaderBytes + rows_size + keys_size;
  const std::size_t next = seal_part(file, kFileHeaderBytes, rows_size, kVectorFileBlockBytes, table);
  seal_part(file, kFileHeaderBytes + rows_size, keys_size, kVectorFileBlockBytes, next);
  if (table <= file.size()) {
    put(file, 16 + 40, crc32c(std::span(file).subspan(table)));
  }
}

void search_index(const std::string& path) {
  auto opened = GraphIndex::open(path, {});
  if (!opened) {
    if (opened.error().message.empty()) {
      std::abort();
    }
    return;
  }
  const std::size_t dim = std::min<std::size_t>(opened->settings().dim, 4096);
  const std::vector<float> query(dim, 0.5F);
  const std::vector<std::uint64_t> some(64, 0x5555'5555'5555'5555);
  if (dim == opened->settings().dim) {
    (void)opened->verify();
    const auto all = opened->search(query, {.k = 20});
    const auto filtered = opened->search(query, {.k = 20, .allowed = AllowedPositions::bitmap(some)});
    if (!all || !filtered || all->size() > opened->size()) {
      std::abort();
    }
  }
  auto loaded = GraphIndex::load(path, {});
  if (!loaded) {
    std::abort();  // what can be mapped can be read
  }
  if (dim == loaded->settings().dim && !loaded->contains(123) && !loaded->add(123, query)) {
    std::abort();
  }
}

void search_vectors(const std::string& path) {
  const auto opened = VectorFile::open(path);
  if (!opened) {
    return;
  }
  const std::size_t dim = opened->settings().dim;
  (void)opened->verify();
  const std::vector<float> query(dim, 0.5F);
  const auto hits = scan_nearest(opened->rows(), query, 5, {});
  if (hits && hits->size() > opened->keys().size()) {
    std::abort();
  }
  for (const std::uint64_t key : opened->keys()) {
    volatile std::uint64_t touched = key;
    (void)touched;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int memory_file = ::memfd_create("fuzz", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(memory_file);
  const auto given = std::as_bytes(std::span(data, size));
  Bytes file(given.begin(), given.end());
  const bool is_vectors = size >= 8 && std::memcmp(data, "ASTVECTS", 8) == 0;
  if (size >= kFileHeaderBytes) {
    is_vectors ? seal_vectors(file) : seal_index(file);
    seal_header(file);
  }
  if (::ftruncate(memory_file, 0) != 0 || ::pwrite(memory_file, file.data(), size, 0) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  is_vectors ? search_vectors(path) : search_index(path);
  return 0;
}
