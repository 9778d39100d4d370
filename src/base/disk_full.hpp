// How errors of a full disk are told apart from others of the system: by a hint that says so. A server says 507 then.
// Thread-safety: pure.
#pragma once

#include <cerrno>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

// All hints of a full disk begin so.
inline constexpr std::string_view kDiskFullHint = "the disk is full";
inline constexpr std::string_view kDiskFullRunAgainHint = "the disk is full: make room and run the same command again";

inline bool is_disk_full(int error_number) noexcept {
  return error_number == ENOSPC || error_number == EDQUOT;
}
inline bool is_disk_full(const Error& error) noexcept {
  return error.code == ErrorCode::kIo && error.hint.starts_with(kDiskFullHint);
}

}  // namespace asterism
