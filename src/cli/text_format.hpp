// Numbers as people read them: 12,345 rows; 1.2 MB; 3:07 left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace asterism::cli {

std::string format_count(std::uint64_t count);          // "1,234,567"
std::string format_rate(double per_second);             // "13.4k", "987", "0.52"
std::string format_duration(double seconds);            // "0.42 s", "12.3 s", "3:07", "1:02:03"
std::string format_size(std::uint64_t size_bytes);      // "812 B", "7.6 MB"
std::string format_multiply_adds(std::uint64_t count);  // "0.39 G", "4.61 M", "0.77 k", "0"
// "1 row", "2 rows".
std::string counted(std::uint64_t count, std::string_view singular);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
// `text` on one line, cut to `column_count` characters (code points) with "..." at the end; control characters become
// spaces.
std::string one_line(std::string_view text, std::size_t column_count);
// Breaks `text` at spaces into lines of at most `column_count`; each line after the first starts with `indent` spaces.
std::string wrap(std::string_view text, std::size_t column_count, std::size_t indent);
std::size_t display_width(
    std::string_view text);  // code points, which is columns for all text this program prints itself

// Rows of cells, each column as wide as its widest cell, two spaces between columns; the first row is the heading.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string to_string() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "name:   value" lines with the values under each other.
class Fields {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  std::string to_string() const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace asterism::cli
