#include "server/multipart.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii_case.hpp"

namespace asterism::server {
namespace {

constexpr std::size_t kBoundarySizeMax = 70;  // RFC 2046

// The value of `name` in "form-data; name=\"a\"; filename=\"b\"", with or without quotes.
std::string parameter(std::string_view header, std::string_view name) {
  const std::string lower = ascii_lower(header);
  const std::string wanted = fmt::format("{}=", name);
  for (std::size_t at = lower.find(wanted); at != std::string::npos; at = lower.find(wanted, at + 1)) {
    if (at > 0 && lower[at - 1] != ' ' && lower[at - 1] != ';' && lower[at - 1] != '\t') {
      continue;
    }
    std::string_view value = header.substr(at + wanted.size());
    if (!value.starts_with('"')) {
      return std::string(value.substr(0, std::min(value.find_first_of("; \t"), value.size())));
    }
    value.remove_prefix(1);
    std::string out;
    for (std::size_t i = 0; i < value.size() && value[i] != '"'; ++i) {
      if (value[i] == '\\' && i + 1 < value.size() && (value[i + 1] == '"' || value[i + 1] == '\\')) {
        ++i;
      }
      out += value[i];
    }
    return out;
  }
  return {};
}

void read_part_headers(std::string_view headers, MultipartPart& part) {
  while (!headers.empty()) {
    const std::size_t end = std::min(headers.find("\r\n"), headers.size());
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + 2, headers.size()));
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string name = ascii_lower(line.substr(0, colon));
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (name == "content-disposition") {
      part.name = parameter(value, "name");
      part.file_name = parameter(value, "filename");
    } else if (name == "content-type") {
      part.content_type = std::string(value);
    }
  }
}

}  // namespace

Result<std::string> multipart_boundary(std::string_view content_type) {
  std::string boundary = parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > kBoundarySizeMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("Content-Type: expected a boundary of 1 to {} characters", kBoundarySizeMax));
  }
  return boundary;
}

Result<std::vector<MultipartPart>> parse_multipart(std::string_view body, std::string_view boundary) {
  const std::string delimiter = fmt::format("\r\n--{}", boundary);
  const auto broken = [](std::size_t part, std::string_view expected) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("multipart body, part {}: expected {}", part + 1, expected));
  };
  std::vector<MultipartPart> parts;
  const std::string_view first = std::string_view(delimiter).substr(2);
  std::size_t at = body.starts_with(first) ? first.size() : body.find(delimiter);
  if (at == std::string_view::npos) {
    return broken(0, "the boundary that Content-Type names");
  }
  at += body.starts_with(first) ? 0 : delimiter.size();
  while (!body.substr(at).starts_with("--")) {
    if (parts.size() == kMultipartPartCountMax) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("multipart body: expected at most {} parts", kMultipartPartCountMax));
    }
    const std::size_t line_end = body.find("\r\n", at);
    const std::size_t headers_end = line_end == std::string_view::npos ? line_end : body.find("\r\n\r\n", line_end);
    if (headers_end == std::string_view::npos) {
      return broken(parts.size(), "headers and an empty line");
    }
    const std::size_t data_begin = headers_end + 4;
    const std::size_t data_end = body.find(delimiter, headers_end + 2);
    if (data_end == std::string_view::npos || data_end < data_begin) {
      return broken(parts.size(), "the boundary after its data");
    }
    MultipartPart part;
    read_part_headers(body.substr(line_end + 2, headers_end - std::min(headers_end, line_end + 2)), part);
    part.data = body.substr(data_begin, data_end - data_begin);
    parts.push_back(std::move(part));
    at = data_end + delimiter.size();
  }
  return parts;
}

}  // namespace asterism::server
