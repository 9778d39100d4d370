#include "pipeline/job_files.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRowsSuffix = ".rows.jsonl";
constexpr std::string_view kManifestSuffix = ".manifest.json";
constexpr std::string_view kLockSuffix = ".lock";
constexpr std::string_view kTemporaryMark = ".tmp-";  // of AtomicFile: NAME.tmp-<pid>-<n>

std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool is_file_of(const JobFiles& files, std::uint64_t shard, std::string_view name) {
  const std::vector<fs::path> vectors = files.vectors(shard);
  return name == files.rows(shard).filename().string() ||
         std::ranges::any_of(vectors, [&](const fs::path& path) { return name == path.filename().string(); });
}

// The number of the shard that `name` is a file of.
std::optional<std::uint64_t> shard_of(const JobFiles& files, std::string_view name) {
  if (!name.starts_with(files.stem) || !name.substr(files.stem.size()).starts_with('-')) {
    return std::nullopt;
  }
  std::string_view rest = name.substr(files.stem.size() + 1);
  const auto shard = take_number(rest);
  if (!shard) {
    return std::nullopt;
  }
  // The number as we write it, and no other form of it.
  return is_file_of(files, *shard, name) ? shard : std::nullopt;
}

bool belongs_to(const JobFiles& files, std::string_view name) {
  if (files.sharded) {
    return name == files.manifest().filename().string() || shard_of(files, name).has_value();
  }
  return is_file_of(files, 0, name);
}

bool process_is_gone(std::uint64_t pid) {
  // This process has no other job on this OUT (the lock), so its number on a file is that of an earlier namesake.
  return pid == static_cast<std::uint64_t>(::getpid()) || (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH);
}

bool is_stale_temporary(const JobFiles& files, std::string_view name) {
  const std::size_t mark = name.rfind(kTemporaryMark);
  if (mark == std::string_view::npos || !belongs_to(files, name.substr(0, mark))) {
    return false;
  }
  std::string_view rest = name.substr(mark + kTemporaryMark.size());
  const auto pid = take_number(rest);
  return pid && rest.starts_with('-') && process_is_gone(*pid);
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    found.push_back(it->path());
  }
  return found;
}

std::string shard_stem(const JobFiles& files, std::uint64_t shard) {
  return files.sharded ? fmt::format("{}-{:05}", files.stem, shard) : files.stem;
}

// A name of the graph as part of a file's name.
std::string file_part(std::string_view name) {
  std::string part(name);
  std::ranges::replace_if(
      part, [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '-' && c != '_'; }, '_');
  return part;
}

Result<std::vector<std::string>> file_parts(std::span<const std::string> names, const std::string& output) {
  std::vector<std::string> parts;
  for (const std::string& name : names) {
    parts.push_back(file_part(name));
    if (std::ranges::count(parts, parts.back()) > 1) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("output {}: expected a file for each layer, found two for '{}'", output, parts.back()),
                  "write .safetensors, or name each layer once");
    }
  }
  return parts;
}

// People see these names: "out.npy" stays "out.npy" and does not become "./out.npy".
fs::path within(const fs::path& folder, const std::string& name) {
  return folder == "." ? fs::path(name) : folder / name;
}

}  // namespace

std::vector<fs::path> JobFiles::vectors(std::uint64_t shard) const {
  const std::string name = shard_stem(*this, shard);
  if (parts.empty()) {
    return {within(folder, name + extension)};
  }
  std::vector<fs::path> paths;
  for (const std::string& part : parts) {
    paths.push_back(within(folder, fmt::format("{}.{}{}", name, part, extension)));
  }
  return paths;
}

fs::path JobFiles::rows(std::uint64_t shard) const {
  return within(folder, fmt::format("{}{}{}", shard_stem(*this, shard), extension, kRowsSuffix));
}

fs::path JobFiles::manifest() const {
  return within(folder, fmt::format("{}{}{}", stem, extension, kManifestSuffix));
}

fs::path JobFiles::lock() const {
  return within(folder, fmt::format("{}{}{}", stem, extension, kLockSuffix));
}

Result<JobFiles> plan_job_files(const std::string& output, const JobFilesOptions& options) {
  const fs::path path(output);
  std::error_code error;
  if (output.empty() || !path.has_filename() || fs::is_directory(path, error)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("output \"{}\": expected the name of a file, found {}", output,
                            output.empty() ? "nothing" : "a folder"),
                "name a file in it, such as vectors.npy");
  }
  JobFiles files{.folder = path.has_parent_path() ? path.parent_path() : fs::path("."),
                 .stem = path.stem().string(),
                 .extension = path.extension().string(),
                 .sharded = options.sharded,
                 .parts = {}};
  auto parts = file_parts(options.separate_outputs, output);
  if (!parts) {
    return std::unexpected(parts.error());
  }
  files.parts = std::move(*parts);
  if (!fs::is_directory(files.folder, error)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("output {}: expected the folder {} to exist, found none", output, files.folder.string()),
                "create the folder first");
  }
  std::vector<fs::path> existing = files.vectors(0);
  existing.insert(existing.end(), {files.rows(0), files.manifest(), files.lock()});
  std::erase_if(existing, [](const fs::path& ours) {
    std::error_code missing;
    return !fs::exists(ours, missing);
  });
  for (const std::string& input : options.inputs) {
    for (const fs::path& ours : existing) {
      if (input != "-" && fs::equivalent(ours, input, error)) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("output {}: {} is also an input", output, ours.string()),
                    "choose another output");
      }
    }
  }
  return files;
}

void remove_stale_temporaries(const JobFiles& files) {
  for (const fs::path& path : files_in(files.folder)) {
    if (is_stale_temporary(files, path.filename().string())) {
      std::error_code error;
      fs::remove(path, error);  // one that cannot be removed does no harm
    }
  }
}

Result<void> expect_no_foreign_shards(const JobFiles& files, std::optional<std::uint64_t> listed_count) {
  for (const fs::path& path : files_in(files.folder)) {
    const auto shard = shard_of(files, path.filename().string());
    if (shard && (!listed_count || *shard > *listed_count)) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: expected no shard that {} does not list, found one of another job", path.string(),
                              files.manifest().string()),
                  "choose another output, or delete the old shards");
    }
  }
  return {};
}

}  // namespace asterism
