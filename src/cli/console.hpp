// Where a command's words go: results to stdout, everything else to stderr.
//
// Thread-safety: every method may be called from any thread (log sinks are). Cost: stdout is buffered until flush().
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "base/log.hpp"

namespace asterism::cli {

enum class Verbosity { kQuiet, kNormal, kVerbose };

class Console {
 public:
  Console();

  void set_verbosity(Verbosity verbosity) noexcept { verbosity_ = verbosity; }
  // Errors become one JSON object on stderr.
  void set_json(bool json) noexcept { json_ = json; }
  bool json() const noexcept { return json_; }
  Verbosity verbosity() const noexcept { return verbosity_; }
  bool stderr_is_terminal() const noexcept { return stderr_is_terminal_; }

  // Results. Failures are kept and reported by flush().
  void print(std::string_view text);
  // Everything printed so far has reached stdout; kIo when it could not.
  Result<void> flush();

  // One line each on stderr, after "asterism: ".
  void note(std::string_view message);     // not with --quiet
  void detail(std::string_view message);   // only with --verbose
  void warning(std::string_view message);  // always
  void error(const Error& error);          // always; JSON with --json
  // A line on stderr without the prefix; not with --quiet.
  void summary(std::string_view line);

  // The line that is rewritten in place on a terminal; an empty text removes it.
  void set_live_line(std::string text);

  // Library remarks: warnings always, information with --verbose.
  LogSink log_sink();

 private:
  void write_error_line(std::string_view line);
  void erase_live_line();
  void draw_live_line();

  std::mutex mutex_;
  Verbosity verbosity_ = Verbosity::kNormal;
  bool json_ = false;
  bool stderr_is_terminal_ = false;
  int stdout_error_number_ = 0;
  std::string live_line_;
};

// Columns of the terminal on stderr; 100 when it is none.
std::size_t terminal_column_count();
// The reader of our stdout has gone away.
bool stdout_reader_gone();

}  // namespace asterism::cli
