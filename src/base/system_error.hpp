// Errors of the operating system as the program's own: the one place that knows which of them mean a full disk.
// Thread-safety: pure. Cost: an error's two strings.
#pragma once

#include <string_view>
#include <system_error>

#include "asterism/error.hpp"

namespace asterism {

// kNoSpace for a full disk and for a used-up quota, kIo for everything else.
ErrorCode system_error_code(int error_number) noexcept;

// "WHAT: No space left on device", with a hint to make room; of other errors the hint is `hint`.
std::unexpected<Error> system_failure(std::string_view what, int error_number, std::string_view hint = {});
// Of <filesystem>.
std::unexpected<Error> system_failure(std::string_view what, const std::error_code& error, std::string_view hint = {});

}  // namespace asterism
