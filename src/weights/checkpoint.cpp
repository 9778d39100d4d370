#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/json.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSingleName = "model.safetensors";
constexpr std::string_view kIndexName = "model.safetensors.index.json";
constexpr std::string_view kPickleName = "pytorch_model.bin";

using WeightMap = std::map<std::string, std::string>;  // tensor -> shard

Result<void> check_shard_name(const std::string& shard, const std::string& tensor, std::string_view source) {
  const bool plain = shard.find('/') == std::string::npos && shard.find('\\') == std::string::npos &&
                     shard.find('\0') == std::string::npos && shard != "." && shard != ".." &&
                     shard.ends_with(".safetensors");
  if (plain) {
    return {};
  }
  return fail(ErrorCode::kCorrupt,
              fmt::format("{}: tensor '{}': expected the name of a .safetensors file in the same folder, found '{}'",
                          source, tensor, shard));
}

Result<WeightMap> read_weight_map(const fs::path& path) {
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
    if (auto checked = check_shard_name(name, tensor, source); !checked) {
      return std::unexpected(checked.error());
    }
    map.emplace(tensor, name);
  }
  return map;
}

// The tensors of one shard, each of which the index must place in this very shard.
Result<void> take_shard(const fs::path& folder, const std::string& shard, const WeightMap& map,
                        std::map<std::string, Tensor>& out) {
  auto file = read_safetensors(folder / shard);
  if (!file) {
    return std::unexpected(file.error());
  }
  for (auto& [name, tensor] : file->tensors) {
    const auto placed = map.find(name);
    if (placed == map.end() || placed->second != shard) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: holds tensor '{}', which {} {}", (folder / shard).string(), name, kIndexName,
                              placed == map.end() ? "does not list" : fmt::format("places in {}", placed->second)),
                  "the shards and the index belong to different versions of the model: download the folder again");
    }
    out.emplace(name, std::move(tensor));
  }
  return {};
}

Result<std::map<std::string, Tensor>> read_shards(const fs::path& folder) {
  const auto map = read_weight_map(folder / kIndexName);
  if (!map) {
    return std::unexpected(map.error());
  }
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : *map) {
    shards.insert(shard);
  }
  std::map<std::string, Tensor> tensors;
  for (const std::string& shard : shards) {
    if (auto taken = take_shard(folder, shard, *map, tensors); !taken) {
      return std::unexpected(taken.error());
    }
  }
  for (const auto& [tensor, shard] : *map) {
    if (!tensors.contains(tensor)) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: expected tensor '{}', which {} places here, found none of that name",
                              (folder / shard).string(), tensor, kIndexName),
                  "the shards and the index belong to different versions of the model: download the folder again");
    }
  }
  return tensors;
}

}  // namespace

Result<std::map<std::string, Tensor>> read_checkpoint(const fs::path& folder) {
  std::error_code ec;
  if (fs::exists(folder / kSingleName, ec)) {
    auto file = read_safetensors(folder / kSingleName);
    if (!file) {
      return std::unexpected(file.error());
    }
    return std::move(file->tensors);
  }
  if (fs::exists(folder / kIndexName, ec)) {
    return read_shards(folder);
  }
  const std::string wanted = fmt::format("{}: expected {} or {}", folder.string(), kSingleName, kIndexName);
  if (!fs::is_directory(folder, ec)) {
    return fail(ErrorCode::kNotFound, wanted + ", found no such folder", "check the path");
  }
  if (fs::exists(folder / kPickleName, ec) || fs::exists(folder / "pytorch_model.bin.index.json", ec)) {
    return fail(ErrorCode::kNotFound, fmt::format("{}, found only {}", wanted, kPickleName),
                "convert it once in Python: transformers' AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)");
  }
  return fail(ErrorCode::kNotFound, wanted + ", found neither", "is this the folder of a model?");
}

}  // namespace asterism
