#include "pipeline/resume.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "base/sha256.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// What is wrong with a file that the manifest lists; nullopt when it is as listed.
std::optional<std::string> damage(const fs::path& path, const ShardFile& listed) {
  if (path.filename().string() != listed.name) {
    return fmt::format("{}: listed under another name, {}", path.string(), listed.name);
  }
  std::error_code error;
  if (!fs::exists(path, error)) {
    return fmt::format("{}: missing", path.string());
  }
  if (const auto size_bytes = fs::file_size(path, error); error || size_bytes != listed.size_bytes) {
    return fmt::format("{}: expected {} bytes, found {}", path.string(), listed.size_bytes, error ? 0 : size_bytes);
  }
  const auto digest = sha256_file(path);
  if (!digest) {
    return digest.error().message;
  }
  if (*digest != listed.sha256) {
    return fmt::format("{}: expected sha256 {}, found {}", path.string(), listed.sha256, *digest);
  }
  return std::nullopt;
}

std::optional<std::string> shard_damage(const JobFiles& files, std::uint64_t shard, const ShardEntry& listed) {
  const std::vector<fs::path> vectors = files.vectors(shard);
  if (vectors.size() != listed.vectors.size()) {
    return fmt::format("shard {}: expected {} vector files, found {} listed", shard, vectors.size(),
                       listed.vectors.size());
  }
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    if (auto found = damage(vectors[i], listed.vectors[i])) {
      return found;
    }
  }
  return damage(files.rows(shard), listed.rows);
}

Result<void> verify_shards(ResumePlan& plan, const JobFiles& files, const LogSink& sink, const CancelFlag* cancel) {
  const std::vector<ShardEntry>& shards = plan.before->shards;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (cancel != nullptr && cancel->requested()) {
      return fail(ErrorCode::kCancelled, fmt::format("{}: stopped while checking shards", files.manifest().string()),
                  "run the same command again to go on");
    }
    const auto found = shard_damage(files, i, shards[i]);
    plan.kept.push_back(!found);
    if (found) {
      log(sink, LogLevel::kWarning, *found + "; the shard will be made again");
    } else {
      plan.kept_summary += shards[i].summary;
    }
  }
  const auto kept_count = std::ranges::count(plan.kept, true);
  log(sink, LogLevel::kInfo,
      fmt::format("{}: kept {} of {} shards with {} rows", files.manifest().string(), kept_count, shards.size(),
                  plan.kept_summary.row_count));
  return {};
}

}  // namespace

bool ResumePlan::nothing_to_do() const {
  return before && before->complete && marks_trusted && !indirect && std::ranges::all_of(kept, std::identity{});
}

Result<ResumePlan> plan_resume(const JobFiles& files, const JobDescription& job, const LogSink& sink,
                               const CancelFlag* cancel) {
  ResumePlan plan;
  auto before = read_manifest(files.manifest());
  if (!before) {
    return std::unexpected(before.error());
  }
  if (*before) {
    if (auto same = expect_same_job(files.manifest(), (*before)->job, job); !same) {
      return std::unexpected(same.error());
    }
    plan.marks_trusted = inputs_unchanged((*before)->job, job);
    plan.indirect = std::ranges::any_of(job.inputs, &InputInfo::indirect);
  }
  if (auto checked = expect_no_foreign_shards(files, *before ? std::optional((*before)->shards.size()) : std::nullopt);
      !checked) {
    return std::unexpected(checked.error());
  }
  plan.before = std::move(*before);
  if (plan.before) {
    if (auto verified = verify_shards(plan, files, sink, cancel); !verified) {
      return std::unexpected(verified.error());
    }
  }
  return plan;
}

}  // namespace asterism
