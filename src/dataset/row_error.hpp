// Errors of one row, worded alike by every format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

// "SOURCE:LINE: message".
Error row_error(ErrorCode code, std::string_view source, std::uint64_t line, std::string_view message,
                std::string_view hint = {});

// A row past its size limit.
Error row_too_long_error(std::string_view source, std::uint64_t line, std::size_t size_bytes_max,
                         std::uint64_t size_bytes);

}  // namespace asterism
