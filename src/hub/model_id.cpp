#include "hub/model_id.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <vector>

#include "hub/hub.hpp"

namespace asterism {
namespace {

bool is_alphanumeric(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_lower_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

// Shown in errors: a name may hold bytes that a terminal must not get.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 120)) {
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == '\x7F' ? '?' : c);
  }
  return text.size() > 120 ? out + "..." : out;
}

std::unexpected<Error> bad_id(std::string_view text, std::string_view why) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("model '{}': {}", printable(text), why),
              "name a folder, an id of `asterism models list`, or org/name[@revision]");
}

// What is wrong with one part of the id; empty when nothing is.
std::string part_fault(std::string_view part) {
  if (part.empty()) {
    return "expected org/name, found an empty part";
  }
  if (part.size() > kModelIdPartLengthMax) {
    return fmt::format("expected parts of at most {} characters, found {}", kModelIdPartLengthMax, part.size());
  }
  if (part.find("..") != std::string_view::npos || part.find("--") != std::string_view::npos) {
    return "expected a name without '..' and '--'";
  }
  if (!std::ranges::all_of(part, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; })) {
    return "expected letters, digits, '-', '_' and '.' in a name";
  }
  if (part.front() == '.' || part.front() == '-' || part.back() == '.' || part.back() == '-') {
    return "expected a name that neither starts nor ends with '.' or '-'";
  }
  return {};
}

}  // namespace

Result<HubId> parse_hub_id(std::string_view text) {
  HubId id;
  std::string_view repository = text;
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    repository = text.substr(0, at);
    id.revision = text.substr(at + 1);
    if (id.revision.size() > kModelIdPartLengthMax || !is_safe_relative_path(id.revision)) {
      return bad_id(text, "expected a branch, tag or commit after '@'");
    }
  }
  const auto slash = repository.find('/');
  if (slash == std::string_view::npos) {
    return bad_id(text, "expected org/name");
  }
  for (const std::string_view part : {repository.substr(0, slash), repository.substr(slash + 1)}) {
    if (const std::string fault = part_fault(part); !fault.empty()) {
      return bad_id(text, fault);
    }
  }
  id.repository = repository;
  return id;
}

bool is_safe_name(std::string_view name) noexcept {
  return !name.empty() && name != "." && name != ".." && std::ranges::none_of(name, [](char c) {
    return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == '\x7F';
  });
}

bool is_safe_relative_path(std::string_view path) noexcept {
  if (path.empty()) {
    return false;
  }
  for (const auto part : std::views::split(path, '/')) {
    if (!is_safe_name(std::string_view(part.begin(), part.end()))) {
      return false;
    }
  }
  return true;
}

bool is_commit(std::string_view revision) noexcept {
  return revision.size() == 40 && std::ranges::all_of(revision, is_lower_hex);
}

bool is_sha256(std::string_view digest) noexcept {
  return digest.size() == 64 && std::ranges::all_of(digest, is_lower_hex);
}

std::string repository_folder_name(std::string_view repository) {
  std::string name = "models--";
  for (const char c : repository) {
    name += c == '/' ? std::string("--") : std::string(1, c);
  }
  return name;
}

std::string url_encode_component(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_alphanumeric(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string url_encode_path(std::string_view path) {
  std::string out;
  for (const auto part : std::views::split(path, '/')) {
    if (!out.empty()) {
      out.push_back('/');
    }
    out += url_encode_component(std::string_view(part.begin(), part.end()));
  }
  return out;
}

}  // namespace asterism
