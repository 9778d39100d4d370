#include "dataset/row_error.hpp"

#include <fmt/format.h>

#include <string>

namespace asterism {

Error row_error(ErrorCode code, std::string_view source, std::uint64_t line, std::string_view message,
                std::string_view hint) {
  return Error{code, fmt::format("{}:{}: {}", source, line, message), std::string(hint)};
}

Error row_too_long_error(std::string_view source, std::uint64_t line, std::size_t size_bytes_max,
                         std::uint64_t size_bytes) {
  return row_error(ErrorCode::kLimitExceeded, source, line,
                   fmt::format("expected at most {} bytes in a row, found {}", size_bytes_max, size_bytes),
                   "split the row");
}

}  // namespace asterism
