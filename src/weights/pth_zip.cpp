#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weights/pickle.hpp"
#include "weights/printable.hpp"
#include "weights/pth_container.hpp"

namespace asterism {
namespace {

constexpr std::string_view kPickleName = "/data.pkl";

// "archive/" of the one archive/data.pkl.
Result<std::string_view> find_prefix(const ZipDirectory& directory, std::string_view source) {
  std::optional<std::string_view> prefix;
  for (const auto& [name, member] : directory) {
    const std::size_t slash = name.find('/');
    if (slash == std::string_view::npos || name.substr(slash) != kPickleName) {
      continue;
    }
    if (prefix) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: expected one NAME/data.pkl in the archive, found two", source));
    }
    prefix = name.substr(0, slash + 1);
  }
  if (!prefix) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected NAME/data.pkl in the zip archive, found none", source),
                "the file is a zip archive, but was not written by torch.save");
  }
  return *prefix;
}

const ZipMember* find_member(const ZipDirectory& directory, std::string_view prefix, std::string_view name) {
  const auto found = directory.find(fmt::format("{}{}", prefix, name));
  return found == directory.end() ? nullptr : &found->second;
}

std::string_view text_of(const ZipMember& member) {
  return {reinterpret_cast<const char*>(member.data.data()), member.data.size()};
}

Result<void> check_kind(const ZipDirectory& directory, std::string_view prefix, std::string_view source) {
  if (find_member(directory, prefix, "constants.pkl") != nullptr) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a checkpoint, found a TorchScript program (it holds constants.pkl)", source),
                "in Python: torch.save(torch.jit.load(FILE).state_dict(), OUT)");
  }
  const ZipMember* order = find_member(directory, prefix, "byteorder");
  if (order != nullptr && (order->deflated || text_of(*order) != "little")) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected the byte order little, found {}", source,
                            order->deflated ? std::string("it compressed") : printable(text_of(*order))),
                "load the file and save it again on this machine");
  }
  return {};
}

Result<StorageBytes> read_member(const ZipMember& member, const std::shared_ptr<const void>& owner,
                                 MemoryBudget& budget, std::string_view source) {
  if (!member.deflated) {
    return StorageBytes{member.data, owner};
  }
  if (auto spent = budget.spend(member.size_bytes); !spent) {
    return std::unexpected(spent.error());
  }
  auto inflated = inflate_member(member, source);
  if (!inflated) {
    return std::unexpected(inflated.error());
  }
  const auto bytes = std::make_shared<const std::vector<std::byte>>(std::move(*inflated));
  return StorageBytes{*bytes, bytes};
}

}  // namespace

Result<PthContents> read_pth_zip(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner,
                                 MemoryBudget& budget, std::string_view source) {
  const auto directory = read_zip_directory(bytes, source);
  if (!directory) {
    return std::unexpected(directory.error());
  }
  const auto prefix = find_prefix(*directory, source);
  if (!prefix) {
    return std::unexpected(prefix.error());
  }
  if (auto checked = check_kind(*directory, *prefix, source); !checked) {
    return std::unexpected(checked.error());
  }
  const auto pickle = read_member(*find_member(*directory, *prefix, kPickleName.substr(1)), owner, budget, source);
  if (!pickle) {
    return std::unexpected(pickle.error());
  }
  auto document = read_pickle(pickle->bytes, source);
  if (!document) {
    return std::unexpected(document.error());
  }
  PthContents contents;
  contents.pickle_owner = pickle->owner;
  contents.document = std::move(*document);
  const std::string folder = fmt::format("{}data/", *prefix);
  for (const auto& [name, member] : *directory) {
    if (!name.starts_with(folder)) {
      continue;
    }
    const std::string_view key = name.substr(folder.size());
    if (member.deflated) {
      contents.deflated.emplace(key, member);
    } else {
      contents.storages.emplace(key, StorageBytes{member.data, owner});
    }
  }
  return contents;
}

}  // namespace asterism
