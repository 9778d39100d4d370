#include "dataset/folder_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "dataset/image_names.hpp"

namespace asterism {
namespace {

enum class NameKind : std::uint8_t { kFile, kFolder };

struct DirectoryCloser {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

// A folder that the walk stands in.
struct Level {
  std::string prefix;              // of paths in it: "photos/", or "" in the working directory
  std::vector<std::string> names;  // in order; those of folders end in '/', which is how they sort among paths
  std::size_t next = 0;
  dev_t device = 0;
  ino_t inode = 0;
  PathPattern::State state;
};

// Links, and whatever the file system does not tell the kind of, have to be looked at.
NameKind kind_of(int folder, const dirent& entry) {
  if (entry.d_type == DT_DIR) {
    return NameKind::kFolder;
  }
  if (entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) {
    return NameKind::kFile;
  }
  struct stat status {};
  const bool is_folder = ::fstatat(folder, entry.d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
  return is_folder ? NameKind::kFolder : NameKind::kFile;
}

Error folder_error(const std::string& path, int error_number) {
  const bool missing = error_number == ENOENT || error_number == ENOTDIR;
  return Error{missing ? ErrorCode::kNotFound : ErrorCode::kIo,
               fmt::format("{}: cannot read the folder: {}", path, std::strerror(error_number)),
               {}};
}

class FolderFiles final : public FileSource {
 public:
  explicit FolderFiles(FolderFilesOptions options) : options_(std::move(options)) {}

  Result<bool> next(FileEntry& entry) override {
    entry = FileEntry{};
    if (!started_) {
      started_ = true;
      const std::string prefix =
          options_.root.empty() || options_.root.ends_with('/') ? options_.root : options_.root + '/';
      if (auto entered = enter(prefix, options_.pattern ? options_.pattern->start() : PathPattern::State{}); !entered) {
        entry.path = options_.root;
        entry.error = std::move(entered.error());
        return true;
      }
    }
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next == level.names.size()) {
        levels_.pop_back();
        continue;
      }
      const std::string& name = level.names[level.next++];
      entry.path = level.prefix + name;
      if (!name.ends_with('/')) {
        return true;
      }
      if (auto entered = enter(entry.path, state_below(level, name)); !entered) {
        entry.path.pop_back();
        entry.error = std::move(entered.error());
        return true;
      }
    }
    return false;
  }

  // Each folder's share is divided evenly over the names in it.
  double fraction() const noexcept override {
    if (!started_) {
      return 0.0;
    }
    double fraction = levels_.empty() ? 1.0 : 0.0;
    double share = 1.0;
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const Level& level = levels_[i];
      const auto count = static_cast<double>(std::max<std::size_t>(1, level.names.size()));
      // The name under way, where there is a level below, is not done yet.
      const std::size_t done = level.next - (i + 1 < levels_.size() ? 1 : 0);
      fraction += share * static_cast<double>(done) / count;
      share /= count;
    }
    return fraction;
  }

  std::uint64_t ignored_file_count() const noexcept override { return ignored_file_count_; }

 private:
  PathPattern::State state_below(const Level& level, const std::string& folder_name) const {
    return options_.pattern ? options_.pattern->enter(level.state, folder_name.substr(0, folder_name.size() - 1))
                            : PathPattern::State{};
  }

  Result<void> enter(const std::string& prefix, PathPattern::State state) {
    const std::string path = prefix.empty() ? "." : prefix;
    const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
      return std::unexpected(folder_error(path, errno));
    }
    const Directory directory(::fdopendir(folder));
    if (!directory) {
      const int error_number = errno;
      ::close(folder);
      return std::unexpected(folder_error(path, error_number));
    }
    struct stat status {};
    if (::fstat(folder, &status) != 0) {
      return std::unexpected(folder_error(path, errno));
    }
    for (const Level& above : levels_) {
      if (above.device == status.st_dev && above.inode == status.st_ino) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{}: expected another folder, found a link back to {}", path,
                                above.prefix.empty() ? "." : above.prefix),
                    "remove the link");
      }
    }
    Level level{.prefix = prefix,
                .names = {},
                .next = 0,
                .device = status.st_dev,
                .inode = status.st_ino,
                .state = std::move(state)};
    if (auto listed = list(directory.get(), folder, path, level); !listed) {
      return listed;
    }
    std::ranges::sort(level.names);
    levels_.push_back(std::move(level));
    return {};
  }

  Result<void> list(DIR* directory, int folder, const std::string& path, Level& level) {
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(directory);
      if (entry == nullptr) {
        return errno == 0 ? Result<void>{} : std::unexpected(folder_error(path, errno));
      }
      const std::string_view name(entry->d_name);
      if (name != "." && name != "..") {
        take(kind_of(folder, *entry), std::string(name), level);
      }
    }
  }

  void take(NameKind kind, std::string name, Level& level) {
    if (kind == NameKind::kFolder) {
      const bool wanted = options_.pattern ? !options_.pattern->enter(level.state, name).empty() : name.front() != '.';
      if (wanted) {
        level.names.push_back(std::move(name += '/'));
      }
      return;
    }
    if (options_.pattern && !options_.pattern->matches_file(level.state, name)) {
      return;
    }
    const bool hidden = !options_.pattern && name.front() == '.';
    if (hidden || (!options_.any_extension && !has_image_extension(name))) {
      ++ignored_file_count_;
      return;
    }
    level.names.push_back(std::move(name));
  }

  FolderFilesOptions options_;
  bool started_ = false;
  std::vector<Level> levels_;
  std::uint64_t ignored_file_count_ = 0;
};

}  // namespace

std::unique_ptr<FileSource> make_folder_files(FolderFilesOptions options) {
  return std::make_unique<FolderFiles>(std::move(options));
}

}  // namespace asterism
