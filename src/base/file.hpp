// Files: bounded reads, read-only mappings, and writes that appear whole or not at all.
//
// Ownership: MappedFile and AtomicFile own their descriptors (RAII, movable). Thread-safety: a MappedFile may be read
// from many threads; an AtomicFile belongs to one. Errors name the path and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"

namespace asterism {

// Reads a regular file whole. kNotFound, kIo, or kLimitExceeded past `size_bytes_max`; a directory is kInvalidArgument.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t size_bytes_max);

// Calls `take` with the file's bytes piece by piece, in order: memory is constant. Errors as read_file.
Result<void> read_file_chunks(const std::filesystem::path& path,
                              const std::function<void(std::span<const std::byte>)>& take);

// A read-only mapping of a whole regular file; empty files map to an empty span.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_bytes_}; }
  // Keeps the mapping alive for tensors that point into it.
  std::shared_ptr<const std::byte> owner() const noexcept { return data_; }

 private:
  std::shared_ptr<const std::byte> data_;
  std::size_t size_bytes_ = 0;
};

// Writes to `PATH.tmp-<pid>-<n>` and renames to PATH on commit() after fsync; dropped without commit, it leaves
// nothing.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::filesystem::path& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write(std::string_view text);
  // Overwrites bytes already written (a header whose length field is known only at the end).
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  std::uint64_t size_bytes() const noexcept { return size_bytes_; }
  Result<void> commit();

 private:
  AtomicFile(int fd, std::filesystem::path path, std::filesystem::path temporary);
  Result<void> flush();
  Result<void> keep_failure(Result<void> written);
  void discard() noexcept;

  int fd_ = -1;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::string buffer_;
  std::uint64_t size_bytes_ = 0;
  // Why a write was lost: the file has a hole and must never be committed, even if space came back since.
  std::optional<ErrorCode> failed_ = {};
};

// Whole-file convenience over AtomicFile.
Result<void> write_file_atomic(const std::filesystem::path& path, std::string_view text);

// An advisory lock on a file, held until destruction: a second process gets kIo naming the lock file at once.
class FileLock {
 public:
  static Result<FileLock> try_acquire(const std::filesystem::path& path);
  // Blocks until the lock is free, or until `cancel` (borrowed, may be null) is requested: then kCancelled.
  static Result<FileLock> acquire(const std::filesystem::path& path, const CancelFlag* cancel = nullptr);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

  // Removes the lock file while the lock is still held, so that none is left behind; whoever waited for it goes on with
  // a new file.
  void remove_file() noexcept;

 private:
  FileLock(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  // Nothing when another process holds the lock and `operation` does not wait.
  static Result<std::optional<FileLock>> lock(const std::filesystem::path& path, int operation);
  int fd_ = -1;
  std::filesystem::path path_;
};

}  // namespace asterism
