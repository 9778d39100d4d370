// multipart/form-data bodies (RFC 7578). Thread-safety: pure. Cost: one pass; parts are views into the body.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism::server {

// One past is kLimitExceeded.
inline constexpr std::size_t kMultipartPartCountMax = 4096;

struct MultipartPart {
  std::string name;
  std::string file_name;  // empty where it is no file
  std::string content_type;
  std::string_view data;  // of the body
};

// The boundary of "multipart/form-data; boundary=..."; kInvalidArgument without one.
Result<std::string> multipart_boundary(std::string_view content_type);
// kInvalidArgument names the part that is broken.
Result<std::vector<MultipartPart>> parse_multipart(std::string_view body, std::string_view boundary);

}  // namespace asterism::server
