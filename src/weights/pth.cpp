#include "weights/pth.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/file.hpp"
#include "weights/printable.hpp"
#include "weights/pth_container.hpp"
#include "weights/pth_storage.hpp"
#include "weights/state_dict.hpp"

namespace asterism {
namespace {

constexpr std::byte kProtocolOpcode{0x80};

// What else has these endings: tar archives of the first torch versions, pages and pointers saved instead of a file.
Result<void> check_beginning(std::span<const std::byte> bytes, std::string_view source) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr std::size_t kTarMagicAt = 257;
  if (text.size() > kTarMagicAt && text.substr(kTarMagicAt).starts_with("ustar")) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a checkpoint of torch.save, found a tar archive", source),
                "torch before 0.1.10 wrote these: load it in Python and save it again");
  }
  if (text.starts_with("version https://git-lfs")) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected a checkpoint, found a Git LFS pointer to one", source),
                "run git lfs pull");
  }
  return {};
}

Result<PthContents> read_contents(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                  MemoryBudget& budget, std::string_view source) {
  if (looks_like_zip(bytes)) {
    return read_pth_zip(bytes, owner, budget, source);
  }
  if (auto checked = check_beginning(bytes, source); !checked) {
    return std::unexpected(checked.error());
  }
  return read_pth_stream(bytes, owner, source);
}

}  // namespace

bool looks_like_pth(std::span<const std::byte> bytes) noexcept {
  return looks_like_zip(bytes) || (!bytes.empty() && bytes[0] == kProtocolOpcode);
}

Result<PthFile> parse_pth(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                          std::string_view source) {
  MemoryBudget budget(bytes.size(), source);
  auto contents = read_contents(bytes, owner, budget, source);
  if (!contents) {
    return std::unexpected(contents.error());
  }
  auto state = find_state_dict(contents->document, source);
  if (!state) {
    return std::unexpected(state.error());
  }
  PthFile file;
  file.entry = std::move(state->entry);
  file.ignored = std::move(state->ignored);
  for (const auto& [name, ref] : state->tensors) {
    auto tensor = build_tensor(*contents->document.as<PickleTensor>(ref), *contents, budget,
                               fmt::format("{}: tensor '{}'", source, printable(name)));
    if (!tensor) {
      return std::unexpected(tensor.error());
    }
    file.tensors.emplace_hint(file.tensors.end(), name, std::move(*tensor));
  }
  return file;
}

Result<PthFile> read_pth(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  return parse_pth(file->bytes(), file->owner(), path.string());
}

}  // namespace asterism
