#include "weights/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/json.hpp"
#include "weights/pth.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

using TensorMap = std::map<std::string, Tensor>;
using WeightMap = std::map<std::string, std::string>;  // tensor -> shard

// The names that a library gives a checkpoint in a folder.
struct FolderForm {
  std::string_view single;
  std::string_view index;
  std::string_view ending;  // of its shards
};
constexpr std::array kForms{
    FolderForm{"model.safetensors", "model.safetensors.index.json", ".safetensors"},
    FolderForm{"pytorch_model.bin", "pytorch_model.bin.index.json", ".bin"},
};

Result<void> check_shard_name(const std::string& shard, const std::string& tensor, const FolderForm& form,
                              std::string_view source) {
  const bool plain = shard.find('/') == std::string::npos && shard.find('\\') == std::string::npos &&
                     shard.find('\0') == std::string::npos && shard != "." && shard != ".." &&
                     shard.ends_with(form.ending);
  if (plain) {
    return {};
  }
  return fail(ErrorCode::kCorrupt, fmt::format("{}: tensor '{}': expected the name of a {} file in the same folder, "
                                               "found '{}'",
                                               source, tensor, form.ending, shard));
}

Result<WeightMap> read_weight_map(const fs::path& path, const FolderForm& form) {
  const auto index = read_json_file(path);
  if (!index) {
    return std::unexpected(index.error());
  }
  const std::string source = path.string();
  const auto found = index->is_object() ? index->find("weight_map") : index->end();
  if (found == index->end() || !found->is_object() || found->empty()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected \"weight_map\", an object of tensor names and file names", source));
  }
  WeightMap map;
  for (const auto& [tensor, shard] : found->items()) {
    if (!shard.is_string()) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: tensor '{}': expected a file name, found {}", source, tensor, shard.type_name()));
    }
    const auto& name = shard.get_ref<const std::string&>();
    if (auto checked = check_shard_name(name, tensor, form, source); !checked) {
      return std::unexpected(checked.error());
    }
    map.emplace(tensor, name);
  }
  return map;
}

// The tensors of one shard, each of which the index must place in this very shard.
Result<void> take_shard(const fs::path& folder, const std::string& shard, const FolderForm& form, const WeightMap& map,
                        TensorMap& out) {
  auto file = read_checkpoint_file(folder / shard);
  if (!file) {
    return std::unexpected(file.error());
  }
  for (auto& [name, tensor] : *file) {
    const auto placed = map.find(name);
    if (placed == map.end() || placed->second != shard) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: holds tensor '{}', which {} {}", (folder / shard).string(), name, form.index,
                              placed == map.end() ? "does not list" : fmt::format("places in {}", placed->second)),
                  "the shards and the index belong to different versions of the model: download the folder again");
    }
    out.emplace(name, std::move(tensor));
  }
  return {};
}

Result<TensorMap> read_shards(const fs::path& folder, const FolderForm& form) {
  const auto map = read_weight_map(folder / form.index, form);
  if (!map) {
    return std::unexpected(map.error());
  }
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : *map) {
    shards.insert(shard);
  }
  TensorMap tensors;
  for (const std::string& shard : shards) {
    if (auto taken = take_shard(folder, shard, form, *map, tensors); !taken) {
      return std::unexpected(taken.error());
    }
  }
  for (const auto& [tensor, shard] : *map) {
    if (!tensors.contains(tensor)) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: expected tensor '{}', which {} places here, found none of that name",
                              (folder / shard).string(), tensor, form.index),
                  "the shards and the index belong to different versions of the model: download the folder again");
    }
  }
  return tensors;
}

// The folder's .pth and .pt files by name.
std::vector<fs::path> lone_files(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec)) {
    const fs::path ending = at->path().extension();
    if ((ending == ".pth" || ending == ".pt") && at->is_regular_file(ec)) {
      out.push_back(at->path());
    }
  }
  std::ranges::sort(out);
  return out;
}

bool looks_like_safetensors(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t kHeaderAt = 8;
  return bytes.size() > kHeaderAt && bytes[kHeaderAt] == std::byte{'{'};
}

}  // namespace

Result<TensorMap> read_checkpoint_file(const fs::path& path) {
  const auto mapped = MappedFile::open(path);
  if (!mapped) {
    return std::unexpected(mapped.error());
  }
  const auto bytes = mapped->bytes();
  if (path.extension() == ".safetensors" || (looks_like_safetensors(bytes) && !looks_like_pth(bytes))) {
    auto file = parse_safetensors(bytes, mapped->owner(), path.string());
    if (!file) {
      return std::unexpected(file.error());
    }
    return std::move(file->tensors);
  }
  auto file = parse_pth(bytes, mapped->owner(), path.string());
  if (!file) {
    return std::unexpected(file.error());
  }
  return std::move(file->tensors);
}

Result<TensorMap> read_checkpoint(const fs::path& folder) {
  std::error_code ec;
  for (const FolderForm& form : kForms) {
    if (fs::exists(folder / form.single, ec)) {
      return read_checkpoint_file(folder / form.single);
    }
    if (fs::exists(folder / form.index, ec)) {
      return read_shards(folder, form);
    }
  }
  const std::string wanted = fmt::format("{}: expected {}, {}, their indexes, or one .pth or .pt file", folder.string(),
                                         kForms[0].single, kForms[1].single);
  if (!fs::is_directory(folder, ec)) {
    return fail(ErrorCode::kNotFound, wanted + ", found no such folder", "check the path");
  }
  const std::vector<fs::path> files = lone_files(folder);
  if (files.size() == 1) {
    return read_checkpoint_file(files[0]);
  }
  if (!files.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}, found {} of them: {}, {}{}", wanted, files.size(), files[0].filename().string(),
                            files[1].filename().string(), files.size() > 2 ? ", ..." : ""),
                "name the file instead of its folder");
  }
  return fail(ErrorCode::kNotFound, wanted + ", found none of them", "is this the folder of a model?");
}

}  // namespace asterism
