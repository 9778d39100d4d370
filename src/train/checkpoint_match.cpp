#include "train/checkpoint_match.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "train/run_folder.hpp"

namespace asterism {
namespace {

// Named of those of another recipe.
constexpr std::size_t kNamedDifferencesMax = 5;

Result<void> expect_same_settings(const Checkpoint& checkpoint, const Recipe& recipe) {
  return expect_no_differences(settings_differences(checkpoint.progress.at("settings"), recipe.settings),
                               fmt::format("{}: a checkpoint of another recipe", checkpoint.file.string()));
}

Result<void> expect_same_data(const Checkpoint& checkpoint, const TrainingTask& task) {
  std::vector<std::string> differences;
  const Json rows = checkpoint.progress.value("row_count", Json());
  if (rows != Json(task.training().row_count())) {
    differences.push_back(
        fmt::format("{} rows to learn from there, {} here", rows.dump(), task.training().row_count()));
  }
  const Json digests = checkpoint.progress.value("data", Json::object());
  for (const auto& [part, digest] : task.data().digests) {
    if (digests.value(part, digest) != digest) {
      differences.push_back(fmt::format("other {}", part));
    }
  }
  if (differences.empty()) {
    return {};
  }
  return fail(ErrorCode::kMismatch,
              fmt::format("{}: a checkpoint of other data: {}", checkpoint.file.string(), fmt::join(differences, ", ")),
              "bring the data back to go on, name another folder with -o, or start over with --again");
}

}  // namespace

Result<void> expect_no_differences(std::vector<std::string> differences, const std::string& what) {
  if (differences.empty()) {
    return {};
  }
  const std::size_t count = differences.size();
  differences.resize(std::min(count, kNamedDifferencesMax));
  return fail(ErrorCode::kMismatch,
              fmt::format("{}: {}{}", what, fmt::join(differences, "; "),
                          count > differences.size() ? fmt::format("; and {} more", count - differences.size()) : ""),
              "set these back to go on, name another folder with -o, or start over with --again");
}

Result<void> expect_own_checkpoint(const Checkpoint& checkpoint, const Recipe& recipe, const TrainingTask& task) {
  if (!checkpoint.progress.is_object() || !checkpoint.progress.contains("settings") ||
      !checkpoint.progress.contains("progress")) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected settings and progress of a run", checkpoint.file.string()),
                "start over with --again");
  }
  auto same = expect_same_settings(checkpoint, recipe);
  return same ? expect_same_data(checkpoint, task) : same;
}

}  // namespace asterism
