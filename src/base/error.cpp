#include "asterism/error.hpp"

#include <array>
#include <utility>

namespace asterism {
namespace {

constexpr std::array<ErrorTraits, 16> kErrorTable{{
    {ErrorCode::kUsage, "usage", 2, 400, "ValueError"},
    {ErrorCode::kInvalidArgument, "invalid_argument", 3, 422, "ValueError"},
    {ErrorCode::kNotFound, "not_found", 4, 404, "FileNotFoundError"},
    {ErrorCode::kCorrupt, "corrupt", 5, 422, "asterism.CorruptFileError"},
    {ErrorCode::kUnsupported, "unsupported", 6, 422, "NotImplementedError"},
    {ErrorCode::kMismatch, "mismatch", 7, 422, "asterism.MismatchError"},
    {ErrorCode::kLimitExceeded, "limit_exceeded", 8, 413, "asterism.LimitExceededError"},
    {ErrorCode::kIo, "io", 9, 500, "OSError"},
    {ErrorCode::kNetwork, "network", 10, 502, "ConnectionError"},
    {ErrorCode::kCancelled, "cancelled", 130, 499, "KeyboardInterrupt"},
    {ErrorCode::kPartial, "partial", 11, 207, "asterism.PartialError"},
    {ErrorCode::kInternal, "internal", 70, 500, "RuntimeError"},
    {ErrorCode::kOverloaded, "overloaded", 12, 429, "asterism.OverloadedError"},
    {ErrorCode::kUnavailable, "unavailable", 13, 503, "ConnectionError"},
    {ErrorCode::kTimeout, "timeout", 14, 504, "TimeoutError"},
    {ErrorCode::kNoSpace, "no_space", 15, 507, "OSError"},
}};

}  // namespace

std::string Error::to_string() const {
  return hint.empty() ? message : message + " (" + hint + ")";
}

std::span<const ErrorTraits> error_table() noexcept {
  return kErrorTable;
}

const ErrorTraits& error_traits(ErrorCode code) noexcept {
  for (const ErrorTraits& traits : kErrorTable) {
    if (traits.code == code) {
      return traits;
    }
  }
  return kErrorTable[static_cast<std::size_t>(ErrorCode::kInternal) - 1];
}

std::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint) {
  return std::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}

}  // namespace asterism
