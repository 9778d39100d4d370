// Names that come from outside, checked before they become paths or addresses.
//
// Thread-safety: pure functions. Internal to the module.
#pragma once

#include <string>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

struct HubId {
  std::string repository;  // org/name
  std::string revision = "main";
};

// `org/name[@revision]`. kInvalidArgument for "..", empty or absolute parts, control characters, backslashes, parts
// longer than kModelIdPartLengthMax, and anything else that the hub does not allow in a name.
Result<HubId> parse_hub_id(std::string_view text);

// A path below a folder: relative, '/'-separated, no empty part, no "." or "..", no control character or backslash.
bool is_safe_relative_path(std::string_view path) noexcept;
// One component of such a path.
bool is_safe_name(std::string_view name) noexcept;

bool is_commit(std::string_view revision) noexcept;  // 40 hexadecimal digits, lower case
bool is_sha256(std::string_view digest) noexcept;    // 64

// "models--org--name"
std::string repository_folder_name(std::string_view repository);

// Percent-encoding of one path component ("refs/pr/1" -> "refs%2Fpr%2F1") or of a whole path, whose '/' stay.
std::string url_encode_component(std::string_view text);
std::string url_encode_path(std::string_view path);

}  // namespace asterism
