// Where the library's remarks go: it never prints; a front end installs a sink.
//
// Ownership: the sink is borrowed by whoever takes a `const LogSink&`. Thread-safety: the sink must accept calls from
// any thread.
#pragma once

#include <functional>
#include <string_view>

namespace asterism {

enum class LogLevel { kDebug, kInfo, kWarning };

// An empty function drops everything.
using LogSink = std::function<void(LogLevel level, std::string_view message)>;

inline void log(const LogSink& sink, LogLevel level, std::string_view message) {
  if (sink) {
    sink(level, message);
  }
}

}  // namespace asterism
