// Cells of csv files that are written. Thread-safety: pure.
#pragma once

#include <string>
#include <string_view>

namespace asterism {

// Appends `text` as RFC 4180 has it: quoted where a comma, a quote or a line's end stands in it.
inline void append_csv_cell(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    out += c;
    if (c == '"') {
      out += c;
    }
  }
  out += '"';
}

inline std::string csv_cell(std::string_view text) {
  std::string out;
  append_csv_cell(out, text);
  return out;
}

}  // namespace asterism
