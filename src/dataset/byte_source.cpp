#include "dataset/byte_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace asterism {
namespace {

// How long a wait for a pipe lasts before `interrupted` is asked again.
constexpr int kPollIntervalMs = 100;

std::string input_name(const std::string& path) {
  return path == "-" ? "stdin" : path;
}

std::unexpected<Error> input_error(const std::string& path, std::string_view doing, int error_number) {
  const bool missing = error_number == ENOENT || error_number == ENOTDIR;
  return fail(missing ? ErrorCode::kNotFound : ErrorCode::kIo,
              fmt::format("{}: {}: {}", input_name(path), doing, std::strerror(error_number)),
              missing ? "check the path" : "");
}

class FileByteSource final : public ByteSource {
 public:
  FileByteSource(InputInfo info, int fd, std::function<bool()> interrupted)
      : info_(std::move(info)), fd_(fd), interrupted_(std::move(interrupted)) {}
  FileByteSource(const FileByteSource&) = delete;
  FileByteSource& operator=(const FileByteSource&) = delete;
  ~FileByteSource() override {
    if (fd_ > STDERR_FILENO) {
      ::close(fd_);
    }
  }

  Result<std::size_t> read(std::span<char> out) override {
    for (;;) {
      if (!info_.seekable) {
        if (auto waited = wait_readable(); !waited) {
          return std::unexpected(waited.error());
        }
      }
      const ssize_t n = ::read(fd_, out.data(), out.size());
      if (n > 0) {
        offset_ += static_cast<std::uint64_t>(n);
        return static_cast<std::size_t>(n);
      }
      if (n == 0) {
        return at_end();
      }
      if (errno != EINTR && errno != EAGAIN) {
        return input_error(info_.path, "cannot read", errno);
      }
    }
  }

  Result<void> seek(std::uint64_t offset) override {
    if (!info_.seekable || ::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0) {
      return fail(ErrorCode::kIo,
                  fmt::format("{}: cannot go to byte {}: not a regular file", input_name(info_.path), offset));
    }
    offset_ = offset;
    return {};
  }

 private:
  Result<void> wait_readable() {
    for (;;) {
      if (interrupted_ && interrupted_()) {
        return fail(ErrorCode::kCancelled, fmt::format("{}: stopped while waiting for input", input_name(info_.path)));
      }
      pollfd entry{.fd = fd_, .events = POLLIN, .revents = 0};
      const int ready = ::poll(&entry, 1, kPollIntervalMs);
      if (ready > 0) {
        return {};
      }
      if (ready < 0 && errno != EINTR) {
        return input_error(info_.path, "cannot wait for input", errno);
      }
    }
  }

  Result<std::size_t> at_end() const {
    if (info_.seekable && offset_ < info_.size_bytes) {
      return fail(ErrorCode::kIo,
                  fmt::format("{}: expected {} bytes, found {}: the file shrank while it was read", info_.path,
                              info_.size_bytes, offset_),
                  "run again once nothing else writes to the file");
    }
    return 0;
  }

  InputInfo info_;
  int fd_ = -1;
  std::function<bool()> interrupted_;
  std::uint64_t offset_ = 0;
};

class MemoryByteSource final : public ByteSource {
 public:
  MemoryByteSource(std::string bytes, std::size_t chunk_size_bytes)
      : bytes_(std::move(bytes)), chunk_size_bytes_(std::max<std::size_t>(1, chunk_size_bytes)) {}

  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t n = std::min({out.size(), chunk_size_bytes_, bytes_.size() - offset_});
    std::copy_n(bytes_.data() + offset_, n, out.data());
    offset_ += n;
    return n;
  }

  Result<void> seek(std::uint64_t offset) override {
    offset_ = static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes_.size()));
    return {};
  }

 private:
  std::string bytes_;
  std::size_t chunk_size_bytes_;
  std::size_t offset_ = 0;
};

}  // namespace

Result<InputInfo> inspect_input(const std::string& path) {
  InputInfo info{.path = path};
  struct stat status {};
  const bool is_stdin = path == "-";
  if ((is_stdin ? ::fstat(STDIN_FILENO, &status) : ::stat(path.c_str(), &status)) != 0) {
    return input_error(path, "cannot open", errno);
  }
  if (S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a text, jsonl or csv file, found a directory", input_name(path)),
                "name the files in it");
  }
  if (!is_stdin && ::access(path.c_str(), R_OK) != 0) {
    return input_error(path, "cannot open", errno);
  }
  // A file redirected to stdin may stand anywhere but at its beginning, so stdin never counts as seekable.
  info.seekable = S_ISREG(status.st_mode) && !is_stdin;
  if (info.seekable) {
    info.size_bytes = static_cast<std::uint64_t>(status.st_size);
    info.mtime_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  }
  return info;
}

Result<std::unique_ptr<ByteSource>> open_byte_source(const InputInfo& info, std::function<bool()> interrupted) {
  int fd = STDIN_FILENO;
  if (info.path != "-") {
    // O_NONBLOCK: opening a FIFO must not wait for its writer where nobody could interrupt it.
    fd = ::open(info.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
      return input_error(info.path, "cannot open", errno);
    }
  }
  return std::make_unique<FileByteSource>(info, fd, std::move(interrupted));
}

std::unique_ptr<ByteSource> make_memory_source(std::string bytes, std::size_t chunk_size_bytes) {
  return std::make_unique<MemoryByteSource>(std::move(bytes), chunk_size_bytes);
}

}  // namespace asterism
