#include "milvus/milvus_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "base/base64.hpp"

namespace asterism {
namespace {

constexpr std::string_view kPortDefault = "19530";
// Milvus's own rule for names.
constexpr std::size_t kNameSizeBytesMax = 255;

std::unexpected<Error> wrong(const StoreLocation& location, const std::string& what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("collection '{}': {}", location.text, what),
              "milvus://[user:password@]host:19530/database?collection=NAME");
}

// A '%' that two hexadecimal digits do not follow stays what it is.
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const auto digits = text.substr(std::min(i + 1, text.size()), 2);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (text[i] == '%' && failure == std::errc{} && end == text.data() + i + 3) {
      decoded.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

bool is_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && name.size() <= kNameSizeBytesMax && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc{} && end == text.data() + text.size() && port != 0;
}

void take_user(MilvusAddress& address, std::string_view& authority) {
  const auto at = authority.rfind('@');
  if (at == std::string_view::npos) {
    return;
  }
  const auto user = authority.substr(0, at);
  const auto colon = user.find(':');
  address.user = percent_decoded(user.substr(0, colon));
  if (colon != std::string_view::npos) {
    address.password = percent_decoded(user.substr(colon + 1));
  }
  authority.remove_prefix(at + 1);
}

}  // namespace

std::string MilvusAddress::authorization() const {
  if (user.empty()) {
    return {};
  }
  return base64(password.empty() ? user : fmt::format("{}:{}", user, password));
}

Result<MilvusAddress> parse_milvus_address(const StoreLocation& location) {
  std::string_view url = location.address;
  MilvusAddress address{.shown = location.text, .collection = location.collection, .tls = url.starts_with("milvuss:")};
  url.remove_prefix(url.find("://") + 3);
  if (const auto question = url.find('?'); question != std::string_view::npos) {
    return wrong(location, fmt::format("expected no parameter but collection, found '{}'", url.substr(question + 1)));
  }
  std::string_view authority = url.substr(0, url.find('/'));
  if (authority.size() < url.size()) {
    address.database = percent_decoded(url.substr(authority.size() + 1));
  }
  if (address.database.ends_with('/')) {
    address.database.pop_back();
  }
  take_user(address, authority);
  // An IPv6 address has colons of its own, in brackets.
  const auto bracket = authority.rfind(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const auto host = authority.substr(0, colon);
  const auto port = colon == std::string_view::npos ? kPortDefault : authority.substr(colon + 1);
  if (host.empty()) {
    return wrong(location, "expected a host, found none");
  }
  if (bracket != std::string_view::npos && (!host.starts_with('[') || !host.ends_with(']'))) {
    return wrong(location, fmt::format("expected a host, or an IPv6 address in brackets, found '{}'", host));
  }
  if (!is_port(port)) {
    return wrong(location, fmt::format("expected a port from 1 to 65535, found '{}'", port));
  }
  for (const auto* name : {&address.collection, &address.database}) {
    if (!is_name(*name) && !(name == &address.database && name->empty())) {
      return wrong(location, fmt::format("expected a name of letters, digits and underscores, no digit first, as "
                                         "Milvus wants it, found '{}'",
                                         *name));
    }
  }
  address.target = fmt::format("{}:{}", host, port);
  return address;
}

}  // namespace asterism
