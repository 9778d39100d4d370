#include "train/run_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>

#include "base/system_error.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLockName = "train.lock";
constexpr std::string_view kRecipeName = "recipe.toml";
constexpr std::string_view kResultName = "run.json";
// What a run makes before its recipe stands there; each may have an ending of AtomicFile's.
constexpr std::array<std::string_view, 4> kFirstNames{kLockName, kRecipeName, "checkpoints", "cache"};
constexpr std::size_t kPidSizeBytesMax = 32;

// What may change between two starts of one run.
constexpr std::array<std::string_view, 8> kFreeSettings{"name",
                                                        "training.threads",
                                                        "training.workers",
                                                        "training.checkpoint_steps",
                                                        "training.checkpoints",
                                                        "data.cache_mb",
                                                        "output.whitening",
                                                        "training.evaluation_vectors"};

void collect_differences(const Json& there, const Json& here, const std::string& prefix,
                         std::vector<std::string>& found) {
  const auto name_of = [&](const std::string& key) { return prefix.empty() ? key : prefix + "." + key; };
  const auto compare = [&](const std::string& key) {
    const std::string name = name_of(key);
    if (std::ranges::find(kFreeSettings, name) != kFreeSettings.end()) {
      return;
    }
    const Json a = there.contains(key) ? there.at(key) : Json();
    const Json b = here.contains(key) ? here.at(key) : Json();
    const auto is_section = [](const Json& value) { return value.is_object() || value.is_null(); };
    if (is_section(a) && is_section(b)) {
      const Json none = Json::object();
      collect_differences(a.is_null() ? none : a, b.is_null() ? none : b, name, found);
    } else if (a != b) {
      found.push_back(fmt::format("{}: {} there, {} here", name, a.is_null() ? "not set" : a.dump(),
                                  b.is_null() ? "not set" : b.dump()));
    }
  };
  for (const auto& [key, value] : there.items()) {
    compare(key);
  }
  for (const auto& [key, value] : here.items()) {
    if (!there.contains(key)) {
      compare(key);
    }
  }
}

Result<void> check_ours(const fs::path& path) {
  std::error_code code;
  if (!fs::is_directory(path, code)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected a folder, found a file", path.string()),
                "name another folder with -o");
  }
  // A run that was killed before it had written its recipe left some of its own names.
  const auto is_ours = [](const std::string& name) {
    return std::ranges::any_of(kFirstNames, [&](std::string_view first) { return name.starts_with(first); });
  };
  bool any_foreign = false;
  for (const auto& entry : fs::directory_iterator(path, code)) {
    any_foreign = any_foreign || !is_ours(entry.path().filename().string());
  }
  if (any_foreign && !fs::exists(path / kRecipeName, code)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a new folder or one of an earlier run, found other files and no {}",
                            path.string(), kRecipeName),
                "name another folder with -o");
  }
  return {};
}

// Files that a killed run left half written.
void remove_temporary_files(const fs::path& path) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path, ignored)) {
    if (entry.path().filename().string().find(".tmp-") != std::string::npos) {
      found.push_back(entry.path());
    }
  }
  for (const fs::path& file : found) {
    fs::remove(file, ignored);
  }
}

}  // namespace

Result<RunFolder> RunFolder::open(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code && !fs::exists(path)) {
    return system_failure(fmt::format("{}: cannot make the folder", path.string()), code);
  }
  if (auto ours = check_ours(path); !ours) {
    return std::unexpected(ours.error());
  }
  const fs::path lock_path = path / kLockName;
  auto lock = FileLock::try_acquire(lock_path);
  if (!lock) {
    const auto pid = read_file(lock_path, kPidSizeBytesMax);
    if (lock.error().message.find("another process") != std::string::npos && pid && !pid->empty()) {
      return fail(ErrorCode::kIo,
                  fmt::format("{}: process {} trains in this folder already", path.string(),
                              std::string_view(*pid).substr(0, pid->find('\n'))),
                  "wait until it has ended, or name another folder with -o");
    }
    return std::unexpected(lock.error());
  }
  // Not through a temporary name: the lock is on this very file. Who holds it is a courtesy; failing to say so is not
  // an error.
  std::ofstream(lock_path, std::ios::trunc) << ::getpid() << '\n';
  remove_temporary_files(path);
  return RunFolder(path, std::move(*lock));
}

Result<std::optional<Json>> RunFolder::finished() const {
  std::error_code ignored;
  if (!fs::exists(file(kResultName), ignored)) {
    return std::nullopt;
  }
  auto read = read_json_file(file(kResultName));
  if (!read) {
    return std::unexpected(read.error());
  }
  return std::move(*read);
}

Result<void> RunFolder::begin(const Recipe& recipe) const {
  std::error_code code;
  fs::remove(file(kResultName), code);
  if (code) {
    return system_failure(fmt::format("{}: cannot remove", file(kResultName).string()), code);
  }
  return write_file_atomic(file(kRecipeName), recipe.text);
}

Result<void> RunFolder::write_result(const Json& result) const {
  return write_file_atomic(file(kResultName), result.dump(2) + "\n");
}

std::vector<std::string> settings_differences(const Json& there, const Json& here) {
  std::vector<std::string> found;
  collect_differences(there, here, "", found);
  return found;
}

}  // namespace asterism
