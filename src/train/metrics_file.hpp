// RUN/metrics.csv: one row every few steps, and at the end of each epoch what was evaluated.
//
// A row is written with one call, so that a killed run leaves at most half a row at the end; continue_at() cuts what is
// behind a checkpoint. Ownership: holds the file. Thread-safety: one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

struct MetricsRow {
  std::int64_t step = 0;
  // By column; columns without a value are left empty.
  std::map<std::string, double, std::less<>> values;
};

class MetricsFile {
 public:
  // Opens the file with these columns behind "step", keeping rows of steps up to `step` (0: a new file).
  static Result<MetricsFile> continue_at(const std::filesystem::path& path, std::vector<std::string> columns,
                                         std::int64_t step);
  MetricsFile(MetricsFile&& other) noexcept;
  MetricsFile& operator=(MetricsFile&& other) noexcept;
  MetricsFile(const MetricsFile&) = delete;
  MetricsFile& operator=(const MetricsFile&) = delete;
  ~MetricsFile();

  // kInternal for a column that the file does not have; kIo.
  Result<void> append(const MetricsRow& row);

 private:
  MetricsFile(int fd, std::filesystem::path path, std::vector<std::string> columns)
      : fd_(fd), path_(std::move(path)), columns_(std::move(columns)) {}
  Result<void> write(std::string_view text);
  int fd_ = -1;
  std::filesystem::path path_;
  std::vector<std::string> columns_;
};

// Rows of a file that MetricsFile wrote; a last row without its end is left out. kCorrupt for another file.
Result<std::vector<MetricsRow>> read_metrics(const std::filesystem::path& path);

}  // namespace asterism
