// The job that the servers of this folder share: POST /job with a body of some size, answered with 8 KB of JSON.
// Thread-safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

namespace asterism::http_libraries {

inline constexpr std::string_view kPath = "/job";
inline constexpr std::size_t kAnswerSizeBytes = 8192;

// One vector of 1,024 numbers, as a server of embeddings would write it: the load generator checks it. The body's size
// is part of the answer, so that no library can leave it unread.
inline std::string answer_of(std::string_view body) {
  static const std::string rest = [] {
    std::string out;
    while (out.size() + 16 < kAnswerSizeBytes) {
      out += ",0.12345";
    }
    return out + "]]";
  }();
  std::string out = "[[0." + std::to_string(100'000 + body.size() % 900'000);
  out.reserve(out.size() + rest.size());
  return out += rest;
}

struct Arguments {
  unsigned short port = 0;
  std::size_t thread_count = 1;
};

// "PORT THREADS"
inline Arguments arguments_of(int count, char** values) {
  Arguments out;
  if (count == 3) {
    out.port = static_cast<unsigned short>(std::strtoul(values[1], nullptr, 10));
    out.thread_count = std::strtoul(values[2], nullptr, 10);
  }
  return out;
}

}  // namespace asterism::http_libraries
