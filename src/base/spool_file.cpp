#include "base/spool_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/system_error.hpp"

namespace asterism {
namespace {

constexpr std::size_t kReadChunkSizeBytes = std::size_t{1} << 20;

}  // namespace

Result<SpoolFile> SpoolFile::create(const std::filesystem::path& folder) {
  std::string name = ((folder.empty() ? std::filesystem::path(".") : folder) / ".asterism-spool-XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) {
    const int error_number = errno;
    return system_failure(fmt::format("{}: cannot create a temporary file", folder.string()), error_number);
  }
  ::unlink(name.c_str());
  return SpoolFile(fd, std::move(name));
}

SpoolFile::SpoolFile(SpoolFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), name_(std::move(other.name_)), size_bytes_(other.size_bytes_) {}

SpoolFile& SpoolFile::operator=(SpoolFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(name_, other.name_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

SpoolFile::~SpoolFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

std::unexpected<Error> SpoolFile::failure(const char* doing, int error_number) const {
  return system_failure(fmt::format("{}: {}", name_, doing), error_number);
}

Result<void> SpoolFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_bytes_));
    if (n < 0 && errno != EINTR) {
      return failure("cannot write", errno);
    }
    const auto written = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    size_bytes_ += written;
    bytes = bytes.subspan(written);
  }
  return {};
}

Result<void> SpoolFile::read(const std::function<Result<void>(std::span<const std::byte>)>& take) const {
  std::vector<std::byte> chunk(kReadChunkSizeBytes);
  for (std::uint64_t offset = 0; offset < size_bytes_;) {
    const std::size_t wanted = std::min<std::uint64_t>(chunk.size(), size_bytes_ - offset);
    const ssize_t n = ::pread(fd_, chunk.data(), wanted, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return failure("cannot read", n < 0 ? errno : EIO);
    }
    offset += static_cast<std::uint64_t>(n);
    if (auto taken = take(std::span<const std::byte>(chunk).first(static_cast<std::size_t>(n))); !taken) {
      return taken;
    }
  }
  return {};
}

}  // namespace asterism
