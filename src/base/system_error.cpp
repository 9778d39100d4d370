#include "base/system_error.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace asterism {

ErrorCode system_error_code(int error_number) noexcept {
  return error_number == ENOSPC || error_number == EDQUOT ? ErrorCode::kNoSpace : ErrorCode::kIo;
}

std::unexpected<Error> system_failure(std::string_view what, int error_number, std::string_view hint) {
  return system_failure(what, std::error_code(error_number, std::generic_category()), hint);
}

std::unexpected<Error> system_failure(std::string_view what, const std::error_code& error, std::string_view hint) {
  const ErrorCode code = system_error_code(error.value());
  return fail(
      code, fmt::format("{}: {}", what, error.message()),
      std::string(code == ErrorCode::kNoSpace ? "the disk is full: make room and run the same command again" : hint));
}

}  // namespace asterism
