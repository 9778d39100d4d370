// Errors of the whole program: one code set, one table, one result type.
//
// Every fallible function returns Result<T>; the library never prints, exits or lets an exception of a third party out
// of the module that caused it. A message names the thing, what was expected, what was found; `hint` says what to do.
// Thread-safety: values. Cost: an error allocates its two strings; success costs nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace asterism {

// What went wrong, in terms a caller can act on. The numbers are frozen: they appear in manifests and logs.
enum class ErrorCode : std::uint8_t {
  kUsage = 1,            // the command line or request does not parse
  kInvalidArgument = 2,  // a value is outside what is allowed
  kNotFound = 3,         // a file, model, column, layer or prompt is not there
  kCorrupt = 4,          // a file contradicts itself or its format
  kUnsupported = 5,      // well-formed, but something this program does not implement
  kMismatch = 6,         // two inputs disagree (config and weights, digest and file)
  kLimitExceeded = 7,    // past a named limit
  kIo = 8,               // the operating system refused (permission, short read)
  kNetwork = 9,          // a download failed or is not allowed (offline)
  kCancelled = 10,       // stopped by the user
  kPartial = 11,         // finished, but some rows failed
  kInternal = 12,        // a bug of ours, or an unexplained failure of a library
  kOverloaded = 13,      // a queue is full: the same request later
  kUnavailable = 14,     // shutting down, or a worker that does not answer
  kTimeout = 15,         // the time given was over first
  kNoSpace = 16,         // a disk is full, or a quota used up
};

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // "FILE: expected X, found Y"
  std::string hint;     // what to do; may be empty

  // "message (hint)": one line for people.
  std::string to_string() const;
};

template <typename T>
using Result = std::expected<T, Error>;

// One row of the table that maps a code to what each front end shows.
struct ErrorTraits {
  ErrorCode code;
  std::string_view name;              // in JSON: "not_found"
  int exit_code;                      // of the command line
  int http_status;                    // of the server
  std::string_view python_exception;  // of the Python package
};

// All codes, in numeric order.
std::span<const ErrorTraits> error_table() noexcept;
const ErrorTraits& error_traits(ErrorCode code) noexcept;

// Shorthand: return fail(ErrorCode::kNotFound, "model 'x': ...", "run `asterism models list`").
std::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {});

}  // namespace asterism
