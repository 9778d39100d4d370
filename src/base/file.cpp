#include "base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "base/system_error.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kWriteBufferSizeBytes = std::size_t{1} << 20;
constexpr auto kLockPollInterval = std::chrono::milliseconds(20);
constexpr std::size_t kReadChunkSizeBytes = std::size_t{1} << 20;

std::unexpected<Error> system_error(std::string_view doing, const fs::path& path, int error_number) {
  const std::string what = fmt::format("{}: {}", path.string(), doing);
  if (error_number == ENOENT || error_number == ENOTDIR) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: {}", what, std::strerror(error_number)), "check the path");
  }
  return system_failure(what, error_number);
}

struct OpenFile {
  int fd = -1;
  std::uint64_t size_bytes = 0;
  OpenFile() = default;
  OpenFile(OpenFile&& o) noexcept : fd(std::exchange(o.fd, -1)), size_bytes(o.size_bytes) {}
  OpenFile& operator=(OpenFile&&) = delete;
  ~OpenFile() {
    if (fd >= 0) {
      ::close(fd);
    }
  }
};

Result<OpenFile> open_regular(const fs::path& path) {
  OpenFile file;
  // O_NONBLOCK: opening a FIFO must not hang; regular files ignore it.
  file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.fd < 0) {
    return system_error("cannot open", path, errno);
  }
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) {
    return system_error("cannot read", path, errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a regular file, found {}", path.string(),
                            S_ISDIR(info.st_mode) ? "a directory" : "a device, pipe or socket"));
  }
  file.size_bytes = static_cast<std::uint64_t>(info.st_size);
  return file;
}

Result<void> write_all(int fd, const char* data, std::size_t size, const fs::path& path) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return system_error("cannot write", path, errno);
    }
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const fs::path& path, std::size_t size_bytes_max) {
  auto file = open_regular(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (file->size_bytes > size_bytes_max) {
    return fail(ErrorCode::kLimitExceeded, fmt::format("{}: expected at most {} bytes, found {}", path.string(),
                                                       size_bytes_max, file->size_bytes));
  }
  std::string text(file->size_bytes, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::read(file->fd, text.data() + done, text.size() - done);
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return system_error("cannot read", path, errno);
    }
    if (n == 0) {
      break;  // the file shrank while being read
    }
    done += static_cast<std::size_t>(n);
  }
  text.resize(done);
  return text;
}

Result<void> read_file_chunks(const fs::path& path, const std::function<void(std::span<const std::byte>)>& take) {
  auto file = open_regular(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  std::vector<std::byte> chunk(kReadChunkSizeBytes);
  for (;;) {
    const ssize_t n = ::read(file->fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return system_error("cannot read", path, errno);
    }
    if (n == 0) {
      return {};
    }
    take(std::span<const std::byte>(chunk).first(static_cast<std::size_t>(n)));
  }
}

Result<MappedFile> MappedFile::open(const fs::path& path) {
  auto file = open_regular(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  MappedFile mapped;
  if (file->size_bytes == 0) {
    return mapped;
  }
  const auto size = static_cast<std::size_t>(file->size_bytes);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file->fd, 0);
  if (address == MAP_FAILED) {
    return system_error("cannot map", path, errno);
  }
  mapped.data_ = std::shared_ptr<const std::byte>(static_cast<const std::byte*>(address), [size](const std::byte* p) {
    ::munmap(const_cast<std::byte*>(p), size);
  });
  mapped.size_bytes_ = size;
  return mapped;
}

AtomicFile::AtomicFile(int fd, fs::path path, fs::path temporary)
    : fd_(fd), path_(std::move(path)), temporary_(std::move(temporary)) {
  buffer_.reserve(kWriteBufferSizeBytes);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      buffer_(std::move(other.buffer_)),
      size_bytes_(other.size_bytes_),
      failed_(other.failed_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    discard();
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
    temporary_ = std::move(other.temporary_);
    buffer_ = std::move(other.buffer_);
    size_bytes_ = other.size_bytes_;
    failed_ = other.failed_;
  }
  return *this;
}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::discard() noexcept {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
    fd_ = -1;
  }
}

Result<AtomicFile> AtomicFile::create(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  std::error_code ec;
  if (fs::is_directory(path, ec)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a file to write, found a directory", path.string()));
  }
  fs::path temporary = path;
  temporary += fmt::format(".tmp-{}-{}", ::getpid(), counter.fetch_add(1));
  const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) {
    return system_error("cannot create", path, errno);
  }
  return AtomicFile(fd, path, std::move(temporary));
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  return write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Result<void> AtomicFile::write(std::string_view text) {
  size_bytes_ += text.size();
  if (buffer_.size() + text.size() > kWriteBufferSizeBytes) {
    if (auto flushed = flush(); !flushed) {
      return flushed;
    }
    if (text.size() > kWriteBufferSizeBytes) {
      auto written = write_all(fd_, text.data(), text.size(), path_);
      return keep_failure(std::move(written));
    }
  }
  buffer_.append(text);
  return {};
}

Result<void> AtomicFile::keep_failure(Result<void> written) {
  if (!written && !failed_) {
    failed_ = written.error().code;
  }
  return written;
}

Result<void> AtomicFile::flush() {
  auto written = write_all(fd_, buffer_.data(), buffer_.size(), path_);
  buffer_.clear();
  return keep_failure(std::move(written));
}

Result<void> AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (auto flushed = flush(); !flushed) {
    return flushed;
  }
  const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (n != static_cast<ssize_t>(bytes.size())) {
    return keep_failure(system_error("cannot write", path_, n < 0 ? errno : EIO));
  }
  return {};
}

Result<void> AtomicFile::commit() {
  if (failed_) {
    return fail(*failed_, fmt::format("{}: an earlier write failed, so the file is not put in place", path_.string()));
  }
  if (auto flushed = flush(); !flushed) {
    return flushed;
  }
  if (::fsync(fd_) != 0) {
    return system_error("cannot flush", path_, errno);
  }
  if (::close(std::exchange(fd_, -1)) != 0) {
    const int error_number = errno;
    ::unlink(temporary_.c_str());
    return system_error("cannot close", path_, error_number);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error_number = errno;
    ::unlink(temporary_.c_str());
    return system_error("cannot rename into place", path_, error_number);
  }
  return {};
}

Result<void> write_file_atomic(const fs::path& path, std::string_view text) {
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (auto written = file->write(text); !written) {
    return written;
  }
  return file->commit();
}

Result<std::optional<FileLock>> FileLock::lock(const fs::path& path, int operation) {
  for (;;) {
    OpenFile file;
    file.fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file.fd < 0) {
      return system_error("cannot open lock", path, errno);
    }
    int result = 0;
    do {
      result = ::flock(file.fd, operation);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno == EWOULDBLOCK) {
      return std::nullopt;
    }
    if (result != 0) {
      return system_error("cannot lock", path, errno);
    }
    // Between open and lock the holder may have removed the file: a lock on a nameless file would exclude nobody.
    struct stat locked {};
    struct stat named {};
    if (::fstat(file.fd, &locked) == 0 && ::stat(path.c_str(), &named) == 0 && locked.st_ino == named.st_ino &&
        locked.st_dev == named.st_dev) {
      return FileLock(std::exchange(file.fd, -1), path);
    }
  }
}

void FileLock::remove_file() noexcept {
  if (fd_ >= 0) {
    ::unlink(path_.c_str());
  }
}

Result<FileLock> FileLock::try_acquire(const fs::path& path) {
  auto locked = lock(path, LOCK_EX | LOCK_NB);
  if (!locked) {
    return std::unexpected(locked.error());
  }
  if (!*locked) {
    return fail(ErrorCode::kIo, fmt::format("{}: held by another process", path.string()),
                "wait for it to finish, or choose another output");
  }
  return std::move(**locked);
}

Result<FileLock> FileLock::acquire(const fs::path& path, const CancelFlag* cancel) {
  while (true) {
    auto locked = lock(path, cancel == nullptr ? LOCK_EX : LOCK_EX | LOCK_NB);
    if (!locked) {
      return std::unexpected(locked.error());
    }
    if (*locked) {
      return std::move(**locked);
    }
    if (cancel->requested()) {
      return fail(ErrorCode::kCancelled, fmt::format("{}: cancelled while another process held it", path.string()));
    }
    std::this_thread::sleep_for(kLockPollInterval);
  }
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) {
    ::close(fd_);  // closing the descriptor releases the lock
  }
}

}  // namespace asterism
