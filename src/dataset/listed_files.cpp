#include "dataset/listed_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dataset/row_error.hpp"

namespace asterism {
namespace {

class ListedFiles final : public FileSource {
 public:
  ListedFiles(std::unique_ptr<RecordReader> records, ListedFilesOptions options)
      : records_(std::move(records)), options_(std::move(options)) {
    if (!options_.folder.empty() && !options_.folder.ends_with('/')) {
      options_.folder += '/';
    }
  }

  Result<bool> next(FileEntry& entry) override {
    Row row;
    do {
      auto found = records_->next(row);
      if (!found || !*found) {
        ended_ = true;
        return found;
      }
    } while (!row.error && row.payload.bytes.empty());
    entry = FileEntry{.path = row.payload.bytes,
                      .id = std::move(row.id),
                      .metadata = std::move(row.metadata),
                      .place = fmt::format("{}:{}", options_.source, row.line),
                      .error = std::move(row.error)};
    if (entry.error) {
      entry.path = entry.place;
      return true;
    }
    if (auto checked = check(entry.path, row.line); !checked) {
      entry.path = entry.place;
      entry.error = std::move(checked.error());
      return true;
    }
    if (!entry.path.starts_with('/')) {
      entry.path.insert(0, options_.folder);
    }
    return true;
  }

  double fraction() const noexcept override {
    if (ended_) {
      return 1.0;
    }
    return options_.size_bytes > 0.0 ? std::min(1.0, records_->done() / options_.size_bytes) : 0.0;
  }

 private:
  Result<void> check(const std::string& path, std::uint64_t line) const {
    if (path.find('\0') != std::string::npos) {
      return std::unexpected(row_error(ErrorCode::kInvalidArgument, options_.source, line,
                                       "expected a path, found a zero byte in it",
                                       "write a path a line (find -print, not -print0)"));
    }
    if (path.size() > kListedPathSizeBytesMax) {
      return std::unexpected(
          row_error(ErrorCode::kLimitExceeded, options_.source, line,
                    fmt::format("expected a path of at most {} bytes, found {}", kListedPathSizeBytesMax, path.size()),
                    "name one file in each line"));
    }
    if (path == "-") {
      return std::unexpected(row_error(ErrorCode::kInvalidArgument, options_.source, line,
                                       "expected the path of an image, found '-'", "standard input is no file"));
    }
    return {};
  }

  std::unique_ptr<RecordReader> records_;
  ListedFilesOptions options_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<FileSource> make_listed_files(std::unique_ptr<RecordReader> records, ListedFilesOptions options) {
  return std::make_unique<ListedFiles>(std::move(records), std::move(options));
}

}  // namespace asterism
