#include "cli/text_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace asterism::cli {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) {
    digits.insert(i - 3, 1, ',');
  }
  return digits;
}

std::string format_rate(double per_second) {
  if (!std::isfinite(per_second) || per_second <= 0.0) {
    return "0";
  }
  if (per_second < 10.0) {
    return fmt::format("{:.2f}", per_second);
  }
  if (per_second < 1000.0) {
    return fmt::format("{:.0f}", per_second);
  }
  if (per_second < 1e6) {
    return fmt::format("{:.1f}k", per_second / 1e3);
  }
  return fmt::format("{:.1f}M", per_second / 1e6);
}

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0.0) {
    return "?";
  }
  if (seconds < 10.0) {
    return fmt::format("{:.2f} s", seconds);
  }
  if (seconds < 60.0) {
    return fmt::format("{:.1f} s", seconds);
  }
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole < 3600) {
    return fmt::format("{}:{:02}", whole / 60, whole % 60);
  }
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string format_size(std::uint64_t size_bytes) {
  constexpr std::array<std::string_view, 4> kUnits{"kB", "MB", "GB", "TB"};
  if (size_bytes < 1000) {
    return fmt::format("{} B", size_bytes);
  }
  double value = static_cast<double>(size_bytes) / 1e3;
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1e3;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string format_multiply_adds(std::uint64_t count) {
  // A unit is used from a tenth of it on, so that neighbouring layers mostly share one.
  for (const auto& [unit, name] : {std::pair{1e9, "G"}, std::pair{1e6, "M"}}) {
    if (static_cast<double>(count) >= unit / 10) {
      return fmt::format("{:.2f} {}", static_cast<double>(count) / unit, name);
    }
  }
  return count == 0 ? "0" : fmt::format("{:.2f} k", static_cast<double>(count) / 1e3);
}

std::string counted(std::uint64_t count, std::string_view singular) {
  return fmt::format("{} {}{}", format_count(count), singular, count == 1 ? "" : "s");
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string one_line(std::string_view text, std::size_t column_count) {
  std::string line;
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    while (end < text.size() && is_continuation(text[end])) {
      ++end;
    }
    if (columns + 3 >= column_count && display_width(text.substr(i)) > column_count - columns) {
      return line + "...";
    }
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) {
      line += ' ';
    } else {
      line.append(text.substr(i, end - i));
    }
    ++columns;
    i = end;
  }
  return line;
}

std::string wrap(std::string_view text, std::size_t column_count, std::size_t indent) {
  std::string out;
  std::size_t columns = 0;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    const std::size_t width = display_width(word);
    if (columns > 0 && columns + 1 + width > column_count) {
      out += '\n';
      out.append(indent, ' ');
      columns = 0;
    } else if (columns > 0) {
      out += ' ';
      ++columns;
    }
    out += word;
    columns += width;
  }
  return out;
}

std::string Table::to_string() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) {
        out.append(widths[i] - display_width(row[i]) + 2, ' ');
      }
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

std::string Fields::to_string() const {
  std::size_t width = 0;
  for (const auto& [name, value] : fields_) {
    width = std::max(width, display_width(name));
  }
  std::string out;
  for (const auto& [name, value] : fields_) {
    out += name;
    out.append(width - display_width(name) + 2, ' ');
    out += value;
    out += '\n';
  }
  return out;
}

}  // namespace asterism::cli
