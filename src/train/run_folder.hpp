// The folder of a run: who may write there, and what it says of itself.
//
//   RUN/recipe.toml        what the run was told          RUN/checkpoints/       see checkpoint_store.hpp
//   RUN/run.json           what came of it, in the end    RUN/metrics.csv        see metrics_file.hpp
//   RUN/config.json ...    the model that was learnt      RUN/report.html        see report_page.hpp
//
// Ownership: holds the lock (RUN/train.lock) as long as it lives. Thread-safety: one thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "asterism/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "train/recipe.hpp"

namespace asterism {

class RunFolder {
 public:
  // Makes the folder where it is missing. kIo naming the process that trains there already; kInvalidArgument for a
  // folder that holds something else than a run, so that nothing of the user's is overwritten.
  static Result<RunFolder> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path file(std::string_view name) const { return path_ / name; }
  // What an earlier run to its end left; nothing before that.
  Result<std::optional<Json>> finished() const;
  // What an earlier run came to is forgotten, and what this one is told is written.
  Result<void> begin(const Recipe& recipe) const;
  Result<void> write_result(const Json& result) const;

 private:
  RunFolder(std::filesystem::path path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  FileLock lock_;
};

// Differences of two settings, "optimizer.learning_rate: 0.1 there, 0.2 here", key by key; settings that change no
// result (threads, workers, how often something is saved) are left out.
std::vector<std::string> settings_differences(const Json& there, const Json& here);

}  // namespace asterism
