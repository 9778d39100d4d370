#include "hub/model_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/json.hpp"
#include "hub/model_id.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWeightsName = "model.safetensors";
constexpr std::string_view kIndexName = "model.safetensors.index.json";
constexpr std::string_view kModulesName = "modules.json";

constexpr std::array<std::string_view, 11> kSmallNames{"config.json",
                                                       "tokenizer.json",
                                                       "tokenizer_config.json",
                                                       "special_tokens_map.json",
                                                       "added_tokens.json",
                                                       "vocab.txt",
                                                       kModulesName,
                                                       "preprocessor_config.json",
                                                       "config_sentence_transformers.json",
                                                       kIndexName,
                                                       "pooling_config.json"};

// Weights in formats that this program does not read.
constexpr std::array<std::string_view, 8> kOtherWeights{".bin", ".onnx", ".h5", ".msgpack",
                                                        ".ot",  ".gguf", ".pt", ".pth"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "model-00001-of-00002.safetensors"
bool is_shard(std::string_view name) {
  constexpr std::string_view kPattern = "model-#####-of-#####.safetensors";
  return name.size() == kPattern.size() &&
         std::ranges::equal(name, kPattern, [](char c, char p) { return p == '#' ? is_digit(c) : c == p; });
}

// "1_Pooling": how sentence-transformers names the folders of its modules.
bool is_module_folder(std::string_view name) {
  const auto underscore = name.find('_');
  return underscore != std::string_view::npos && underscore > 0 && underscore + 1 < name.size() &&
         std::ranges::all_of(name.substr(0, underscore), is_digit);
}

bool is_needed_name(std::string_view name) {
  return name == kWeightsName || is_shard(name) || std::ranges::find(kSmallNames, name) != kSmallNames.end() ||
         (name.starts_with("sentence_") && name.ends_with("_config.json"));
}

std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_weights(std::string_view path) {
  return name_of(path) == kWeightsName || is_shard(name_of(path));
}

// Small files, then the weights of single modules, then the model's own.
int download_rank(std::string_view path) {
  if (!is_weights(path)) {
    return 0;
  }
  return folder_of(path).empty() ? 2 : 1;
}

bool has_file(const fs::path& path) {
  std::error_code ec;
  return fs::is_regular_file(path, ec);  // follows symbolic links: a dangling one is not there
}

void find_missing_shards(const fs::path& folder, std::vector<std::string>& missing) {
  const auto index = read_json_file(folder / kIndexName);
  if (!index || !index->is_object() || !index->contains("weight_map") || !index->at("weight_map").is_object()) {
    missing.emplace_back(kIndexName);
    return;
  }
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : index->at("weight_map").items()) {
    if (shard.is_string()) {
      shards.insert(shard.get<std::string>());
    }
  }
  for (const std::string& shard : shards) {
    if (!is_safe_name(shard) || !has_file(folder / shard)) {
      missing.push_back(shard);
    }
  }
}

// Folders of modules that modules.json lists, the root ("") among them.
std::vector<std::pair<std::string, std::string>> listed_modules(const fs::path& folder) {
  std::vector<std::pair<std::string, std::string>> modules;  // path, type
  if (const auto json = read_json_file(folder / kModulesName); json && json->is_array()) {
    for (const Json& module : *json) {
      const auto path = json_find<std::string>(module, "path", kModulesName);
      const auto type = json_find<std::string>(module, "type", kModulesName);
      if (path && *path && type && *type && ((*path)->empty() || is_safe_relative_path(**path))) {
        modules.emplace_back(**path, **type);
      }
    }
  }
  return modules;
}

}  // namespace

bool is_model_file(std::string_view path) {
  const std::string_view folder = folder_of(path);
  return is_safe_relative_path(path) && (folder.empty() || is_module_folder(folder)) && is_needed_name(name_of(path));
}

Result<std::vector<std::string>> select_model_files(const std::vector<std::string>& paths, std::string_view source) {
  std::vector<std::string> selected;
  std::ranges::copy_if(paths, std::back_inserter(selected), is_model_file);
  // Beside a whole checkpoint, its shards are the same weights again.
  if (std::ranges::find(selected, kWeightsName) != selected.end()) {
    std::erase_if(selected, [](const std::string& path) { return path == kIndexName || is_shard(path); });
  }
  if (std::ranges::none_of(selected, is_weights)) {
    std::vector<std::string> others;
    for (const std::string& path : paths) {
      if (std::ranges::any_of(kOtherWeights, [&path](std::string_view end) { return path.ends_with(end); })) {
        others.push_back(path);
      }
    }
    if (others.empty()) {
      return fail(ErrorCode::kNotFound, fmt::format("{}: expected weights in {}, found none", source, kWeightsName),
                  "is this a model, and a text encoder?");
    }
    others.resize(std::min<std::size_t>(others.size(), 5));
    return fail(
        ErrorCode::kNotFound,
        fmt::format("{}: expected weights in {}, found only {}", source, kWeightsName, fmt::join(others, ", ")),
        "convert it once in Python: transformers' AutoModel.from_pretrained(MODEL).save_pretrained(FOLDER), then "
        "give the folder");
  }
  std::ranges::stable_sort(selected, {}, download_rank);
  return selected;
}

std::vector<std::string> missing_model_files(const fs::path& folder) {
  std::vector<std::string> missing;
  const auto modules = listed_modules(folder);
  std::vector<std::string> roots{""};  // where the transformer or static model may be
  for (const auto& [path, type] : modules) {
    if (type.ends_with("Pooling") || type.ends_with("Dense")) {
      for (const std::string_view name : {std::string_view("config.json"), kWeightsName}) {
        if ((name != kWeightsName || type.ends_with("Dense")) && !has_file(folder / path / name)) {
          missing.push_back(fmt::format("{}/{}", path, name));
        }
      }
    } else if (!path.empty() && !type.ends_with("Normalize")) {
      roots.push_back(path);
    }
  }
  const auto any_root_has = [&](std::string_view name) {
    return std::ranges::any_of(roots, [&](const std::string& root) { return has_file(folder / root / name); });
  };
  if (modules.empty() && !any_root_has("config.json")) {
    missing.emplace_back("config.json");
  }
  if (!any_root_has("tokenizer.json") && !any_root_has("vocab.txt")) {
    missing.emplace_back("tokenizer.json");
  }
  if (!any_root_has(kWeightsName)) {
    if (has_file(folder / kIndexName)) {
      find_missing_shards(folder, missing);
    } else {
      missing.emplace_back(kWeightsName);
    }
  }
  return missing;
}

}  // namespace asterism
