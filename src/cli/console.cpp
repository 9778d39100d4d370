#include "cli/console.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/json.hpp"
#include "base/system_error.hpp"
#include "cli/text_format.hpp"

namespace asterism::cli {
namespace {

void write_text(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
}

}  // namespace

Console::Console() : stderr_is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void Console::print(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  if (stdout_error_number_ == 0 && std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    stdout_error_number_ = errno;
  }
}

Result<void> Console::flush() {
  const std::scoped_lock lock(mutex_);
  if (std::fflush(stdout) != 0 && stdout_error_number_ == 0) {
    stdout_error_number_ = errno;
  }
  if (stdout_error_number_ != 0) {
    return system_failure("stdout: cannot write", stdout_error_number_);
  }
  return {};
}

void Console::note(std::string_view message) {
  if (verbosity_ != Verbosity::kQuiet) {
    write_error_line(fmt::format("asterism: {}", message));
  }
}

void Console::detail(std::string_view message) {
  if (verbosity_ == Verbosity::kVerbose) {
    write_error_line(fmt::format("asterism: {}", message));
  }
}

void Console::warning(std::string_view message) {
  write_error_line(fmt::format("asterism: warning: {}", message));
}

void Console::summary(std::string_view line) {
  if (verbosity_ != Verbosity::kQuiet) {
    write_error_line(line);
  }
}

void Console::error(const Error& error) {
  if (json_) {
    Json object;
    object["error"]["code"] = error_traits(error.code).name;
    object["error"]["message"] = error.message;
    object["error"]["hint"] = error.hint;
    write_error_line(object.dump(-1, ' ', false, Json::error_handler_t::replace));
    return;
  }
  std::string text = fmt::format("asterism: error: {}", error.message);
  if (!error.hint.empty()) {
    text += fmt::format("\n  hint: {}", error.hint);
  }
  write_error_line(text);
}

void Console::set_live_line(std::string text) {
  const std::scoped_lock lock(mutex_);
  if (!stderr_is_terminal_ || verbosity_ == Verbosity::kQuiet) {
    return;
  }
  erase_live_line();
  live_line_ = std::move(text);
  draw_live_line();
  std::fflush(stderr);
}

LogSink Console::log_sink() {
  return [this](LogLevel level, std::string_view message) {
    if (level == LogLevel::kWarning) {
      warning(message);
    } else {
      detail(message);
    }
  };
}

void Console::write_error_line(std::string_view line) {
  const std::scoped_lock lock(mutex_);
  erase_live_line();
  write_text(stderr, line);
  write_text(stderr, "\n");
  draw_live_line();
  std::fflush(stderr);
}

void Console::erase_live_line() {
  if (!live_line_.empty()) {
    write_text(stderr, "\r\x1b[K");
  }
}

void Console::draw_live_line() {
  if (!live_line_.empty()) {
    write_text(stderr, one_line(live_line_, terminal_column_count() - 1));
  }
}

std::size_t terminal_column_count() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) {
    return size.ws_col;
  }
  return 100;
}

bool stdout_reader_gone() {
  pollfd entry{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLERR) != 0;
}

}  // namespace asterism::cli
