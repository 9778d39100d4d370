#include "train/metrics_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.hpp"
#include "base/system_error.hpp"

namespace asterism {
namespace {

constexpr std::size_t kMetricsSizeBytesMax = std::size_t{1} << 30;

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> cells;
  while (true) {
    const std::size_t end = line.find(',');
    cells.push_back(line.substr(0, end));
    if (end == std::string_view::npos) {
      return cells;
    }
    line.remove_prefix(end + 1);
  }
}

template <typename T>
bool parse_number(std::string_view text, T& value) {
  const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
  return done.ec == std::errc() && done.ptr == text.data() + text.size();
}

std::string line_of(const std::vector<std::string>& columns, const MetricsRow& row) {
  std::string line = std::to_string(row.step);
  for (const std::string& column : columns) {
    line += ',';
    const auto found = row.values.find(column);
    if (found != row.values.end() && std::isfinite(found->second)) {
      line += fmt::format("{:.9g}", found->second);
    }
  }
  return line + '\n';
}

}  // namespace

Result<std::vector<MetricsRow>> read_metrics(const std::filesystem::path& path) {
  const auto text = read_file(path, kMetricsSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  std::string_view rest = *text;
  std::vector<std::string_view> columns;
  std::vector<MetricsRow> rows;
  for (std::size_t number = 1, end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n'), ++number) {
    const auto cells = split(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    if (columns.empty()) {
      columns = cells;
      continue;
    }
    MetricsRow row;
    bool good = cells.size() == columns.size() && columns.front() == "step" && parse_number(cells.front(), row.step);
    for (std::size_t i = 1; good && i < cells.size(); ++i) {
      if (!cells[i].empty()) {
        good = parse_number(cells[i], row.values[std::string(columns[i])]);
      }
    }
    if (!good) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}:{}: expected {} numbers, the first a step", path.string(), number, columns.size()));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<MetricsFile> MetricsFile::continue_at(const std::filesystem::path& path, std::vector<std::string> columns,
                                             std::int64_t step) {
  std::string kept = "step";
  for (const std::string& column : columns) {
    kept += ',' + column;
  }
  kept += '\n';
  std::error_code ignored;
  if (step > 0 && std::filesystem::exists(path, ignored)) {
    const auto rows = read_metrics(path);
    if (!rows) {
      return std::unexpected(rows.error());
    }
    for (const MetricsRow& row : *rows) {
      if (row.step <= step) {
        kept += line_of(columns, row);
      }
    }
  }
  if (auto written = write_file_atomic(path, kept); !written) {
    return std::unexpected(written.error());
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) {
    return system_failure(fmt::format("{}: cannot open", path.string()), errno);
  }
  return MetricsFile(fd, path, std::move(columns));
}

MetricsFile::MetricsFile(MetricsFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), columns_(std::move(other.columns_)) {}

MetricsFile& MetricsFile::operator=(MetricsFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(columns_, other.columns_);
  return *this;
}

MetricsFile::~MetricsFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<void> MetricsFile::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd_, text.data(), text.size());
    if (n < 0 && errno != EINTR) {
      return system_failure(fmt::format("{}: cannot write", path_.string()), errno);
    }
    text.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> MetricsFile::append(const MetricsRow& row) {
  for (const auto& [name, value] : row.values) {
    if (std::ranges::find(columns_, name) == columns_.end()) {
      return fail(ErrorCode::kInternal, fmt::format("{}: no column '{}'", path_.string(), name));
    }
  }
  return write(line_of(columns_, row));
}

}  // namespace asterism
