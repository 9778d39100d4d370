#include "train/checkpoint_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "base/system_error.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBestName = "best.safetensors";
constexpr std::string_view kStepPrefix = "step-";
constexpr std::string_view kEnding = ".safetensors";
constexpr const char* kProgressKey = "asterism.progress";

std::unexpected<Error> failure(const fs::path& path, std::string_view what, const std::error_code& code) {
  return system_failure(fmt::format("{}: cannot {}", path.string(), what), code);
}

Result<Checkpoint> read_one(const fs::path& file) {
  auto read = read_safetensors(file);
  if (!read) {
    return std::unexpected(read.error());
  }
  const auto found = read->metadata.find(kProgressKey);
  if (found == read->metadata.end()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a checkpoint of a training run, found other tensors", file.string()));
  }
  auto progress = parse_json(found->second, file.string());
  if (!progress) {
    return std::unexpected(progress.error());
  }
  Checkpoint made{.tensors = {}, .progress = std::move(*progress), .file = file};
  for (auto& [name, tensor] : read->tensors) {
    made.tensors.emplace(name, std::move(tensor));
  }
  return made;
}

Result<void> write_one(const fs::path& file, const ParameterMap& tensors, const Json& progress) {
  std::vector<NamedTensor> named;
  named.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    named.push_back({name, tensor});
  }
  return write_safetensors(file, named, {{kProgressKey, progress.dump()}});
}

}  // namespace

Result<CheckpointStore> CheckpointStore::open(fs::path folder, std::int64_t checkpoint_count) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) {
    return failure(folder, "make the folder", code);
  }
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    if (entry.path().filename().string().find(".tmp-") != std::string::npos) {
      std::error_code ignored;
      fs::remove(entry.path(), ignored);
    }
  }
  if (code) {
    return failure(folder, "read the folder", code);
  }
  return CheckpointStore(std::move(folder), checkpoint_count);
}

Result<std::vector<fs::path>> CheckpointStore::steps() const {
  std::vector<fs::path> files;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder_, code)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kStepPrefix) && name.ends_with(kEnding)) {
      files.push_back(entry.path());
    }
  }
  if (code) {
    return failure(folder_, "read the folder", code);
  }
  // Names have the step in a fixed width, so their order is that of the steps.
  std::ranges::sort(files);
  return files;
}

Result<void> CheckpointStore::save(std::int64_t step, const ParameterMap& state, const Json& progress) {
  const fs::path file = folder_ / fmt::format("{}{:010}{}", kStepPrefix, step, kEnding);
  if (auto written = write_one(file, state, progress); !written) {
    return written;
  }
  auto files = steps();
  if (!files) {
    return std::unexpected(files.error());
  }
  while (static_cast<std::int64_t>(files->size()) > checkpoint_count_) {
    std::error_code code;
    fs::remove(files->front(), code);
    if (code) {
      return failure(files->front(), "remove", code);
    }
    files->erase(files->begin());
  }
  return {};
}

Result<std::optional<Checkpoint>> CheckpointStore::latest(const LogSink& sink) const {
  auto files = steps();
  if (!files) {
    return std::unexpected(files.error());
  }
  std::optional<Error> first;
  for (auto file = files->rbegin(); file != files->rend(); ++file) {
    auto read = read_one(*file);
    if (read) {
      return std::move(*read);
    }
    log(sink, LogLevel::kWarning, fmt::format("passed over a damaged checkpoint: {}", read.error().message));
    if (!first) {
      first = read.error();
    }
  }
  if (first) {
    first->hint = "every checkpoint of this run is damaged: start over with --again";
    return std::unexpected(*first);
  }
  return std::nullopt;
}

Result<void> CheckpointStore::save_best(const ParameterMap& parameters, const Json& progress) {
  return write_one(folder_ / kBestName, parameters, progress);
}

Result<std::optional<Checkpoint>> CheckpointStore::best() const {
  std::error_code ignored;
  if (!fs::exists(folder_ / kBestName, ignored)) {
    return std::nullopt;
  }
  auto read = read_one(folder_ / kBestName);
  if (!read) {
    return std::unexpected(read.error());
  }
  return std::move(*read);
}

Result<void> CheckpointStore::clear() {
  auto files = steps();
  if (!files) {
    return std::unexpected(files.error());
  }
  files->push_back(folder_ / kBestName);
  for (const fs::path& file : *files) {
    std::error_code code;
    fs::remove(file, code);
    if (code) {
      return failure(file, "remove", code);
    }
  }
  return {};
}

}  // namespace asterism
