#include "dataset/file_source.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "base/file.hpp"
#include "dataset/byte_source.hpp"

namespace asterism {
namespace {

// How often a walk over files that are not read looks whether it is still wanted.
constexpr std::uint64_t kInterruptCheckFileCount = 256;
constexpr std::size_t kStdinChunkSizeBytes = std::size_t{64} << 10;

// FNV-1a, 64 bits: it tells changed files from unchanged ones and keeps no secret.
class FilesDigest {
 public:
  void add(std::string_view bytes) noexcept {
    for (const char c : bytes) {
      value_ = (value_ ^ static_cast<unsigned char>(c)) * 1099511628211U;
    }
  }
  void add(std::uint64_t number) noexcept {
    for (int shift = 0; shift < 64; shift += 8) {
      value_ = (value_ ^ ((number >> shift) & 0xFFU)) * 1099511628211U;
    }
  }
  std::uint64_t value() const noexcept { return value_; }

 private:
  std::uint64_t value_ = 14695981039346656037U;
};

void add_file(FilesDigest& digest, const FileEntry& entry) {
  digest.add(entry.path);
  digest.add(std::uint64_t{0});
  struct stat status {};
  if (!entry.error && ::stat(entry.path.c_str(), &status) == 0) {
    digest.add(static_cast<std::uint64_t>(status.st_size));
    digest.add(static_cast<std::uint64_t>(status.st_mtim.tv_sec));
    digest.add(static_cast<std::uint64_t>(status.st_mtim.tv_nsec));
  }
}

Result<std::string> read_stdin(const FileRowsOptions& options) {
  auto source = open_byte_source({.path = "-"}, options.interrupted);
  if (!source) {
    return std::unexpected(source.error());
  }
  std::string bytes;
  for (std::size_t size = 0;;) {
    bytes.resize(size + kStdinChunkSizeBytes);
    auto n = (*source)->read(std::span(bytes).subspan(size));
    if (!n) {
      return std::unexpected(n.error());
    }
    size += *n;
    if (*n == 0 || size > options.row_size_bytes_max) {
      bytes.resize(size);
      break;
    }
  }
  if (bytes.size() > options.row_size_bytes_max) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("stdin: expected at most {} bytes of an image, found more", options.row_size_bytes_max));
  }
  return bytes;
}

class FileRows final : public RecordReader {
 public:
  FileRows(std::unique_ptr<FileSource> files, FileRowsOptions options)
      : files_(std::move(files)), options_(std::move(options)) {}

  Result<bool> next(Row& row) override {
    auto found = advance();
    if (!found || !*found) {
      return found;
    }
    row = Row{
        .source = entry_.path, .id = entry_.id, .payload = {.kind = PayloadKind::kImage}, .metadata = entry_.metadata};
    if (entry_.error) {
      row.error = entry_.error;
      return true;
    }
    auto bytes = entry_.path == "-" ? read_stdin(options_) : read_file(entry_.path, options_.row_size_bytes_max);
    if (bytes) {
      row.payload.bytes = std::move(*bytes);
      return true;
    }
    if (bytes.error().code == ErrorCode::kCancelled) {
      return std::unexpected(bytes.error());
    }
    row.error = std::move(bytes.error());
    if (!entry_.place.empty()) {
      row.error->message = fmt::format("{}: {}", entry_.place, row.error->message);
    }
    return true;
  }

  RecordPlace place() const noexcept override {
    return {.byte_offset = 0, .line = count_ + 1, .files_digest = digest_.value()};
  }

  Result<bool> seek(const RecordPlace& place) override {
    while (count_ + 1 < place.line) {
      if (count_ % kInterruptCheckFileCount == 0 && options_.interrupted && options_.interrupted()) {
        return fail(ErrorCode::kCancelled, "stopped while passing over files of the earlier run");
      }
      auto found = advance();
      if (!found) {
        return found;
      }
      if (!*found) {
        return false;
      }
    }
    return count_ + 1 == place.line && digest_.value() == place.files_digest;
  }

  double done() const noexcept override { return files_->fraction(); }
  std::uint64_t ignored_file_count() const noexcept override { return files_->ignored_file_count(); }

 private:
  Result<bool> advance() {
    auto found = files_->next(entry_);
    if (found && *found) {
      add_file(digest_, entry_);
      ++count_;
    }
    return found;
  }

  std::unique_ptr<FileSource> files_;
  FileRowsOptions options_;
  FileEntry entry_;
  FilesDigest digest_;
  std::uint64_t count_ = 0;
};

class SingleFile final : public FileSource {
 public:
  explicit SingleFile(std::string path) : path_(std::move(path)) {}
  Result<bool> next(FileEntry& entry) override {
    if (given_) {
      return false;
    }
    given_ = true;
    entry = FileEntry{.path = path_};
    return true;
  }
  double fraction() const noexcept override { return given_ ? 1.0 : 0.0; }

 private:
  std::string path_;
  bool given_ = false;
};

}  // namespace

std::unique_ptr<RecordReader> make_file_rows(std::unique_ptr<FileSource> files, FileRowsOptions options) {
  return std::make_unique<FileRows>(std::move(files), std::move(options));
}

std::unique_ptr<FileSource> make_single_file(std::string path) {
  return std::make_unique<SingleFile>(std::move(path));
}

}  // namespace asterism
