// Any bytes as a list of paths, and as a pattern: entries that do not depend on how the list was cut into reads, and
// patterns whose walk ends.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "dataset/listed_files.hpp"
#include "dataset/path_pattern.hpp"

namespace {

constexpr std::size_t kSmallChunkSizeBytes = 3;
constexpr std::size_t kPatternSizeMax = 64;
constexpr std::size_t kWalkDepth = 6;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

std::vector<asterism::FileEntry> entries_of(const std::string& bytes, std::size_t chunk) {
  auto records =
      asterism::make_record_reader(asterism::TextFormat::kLines, asterism::make_memory_source(bytes, chunk),
                                   {.source = "list", .row_size_bytes_max = asterism::kListedPathSizeBytesMax});
  if (!records) {
    return {};  // another encoding, by its first bytes
  }
  auto files = asterism::make_listed_files(std::move(*records),
                                           {.source = "list", .size_bytes = static_cast<double>(bytes.size())});
  std::vector<asterism::FileEntry> entries;
  for (asterism::FileEntry entry;;) {
    const auto found = files->next(entry);
    require(found.has_value());
    require(files->fraction() >= 0.0 && files->fraction() <= 1.0);
    if (!*found) {
      return entries;
    }
    require(!entry.path.empty() && entry.path.find('\0') == std::string::npos);
    entries.push_back(entry);
  }
}

void check_pattern(const std::string& text) {
  const asterism::PathPattern pattern(text);
  auto state = pattern.start();
  for (std::size_t depth = 0; depth < kWalkDepth && !state.empty(); ++depth) {
    for (const char* name : {"a.jpg", ".b", "c"}) {
      (void)pattern.matches_file(state, name);
    }
    const auto next = pattern.enter(state, "a");
    require(next.size() <= text.size() + 1);
    state = next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = entries_of(bytes, size + 1);
  const auto cut = entries_of(bytes, kSmallChunkSizeBytes);
  require(whole.size() == cut.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    require(whole[i].path == cut[i].path && whole[i].error.has_value() == cut[i].error.has_value());
  }
  check_pattern(bytes.substr(0, bytes.find('\0')).substr(0, kPatternSizeMax));
  return 0;
}
