// Which store a location names.
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "store/vector_store.hpp"

namespace asterism {
namespace {

constexpr std::string_view kCollectionKey = "collection";

// "postgresql://user:password@host/db" with "***" for the password.
std::string without_password(std::string_view url) {
  const auto host = url.find("://") + 3;
  const auto at = url.substr(0, url.find_first_of("/?", host)).rfind('@');
  const auto colon = url.find(':', host);
  if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) {
    return std::string(url);
  }
  return fmt::format("{}:***{}", url.substr(0, colon), url.substr(at));
}

// Takes `collection=NAME` out of the query part; the other parameters stay.
std::string take_collection(std::string& url) {
  const auto question = url.find('?');
  if (question == std::string::npos) {
    return {};
  }
  std::string name;
  std::string kept;
  std::string_view rest = std::string_view(url).substr(question + 1);
  while (!rest.empty()) {
    const auto part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.starts_with(kCollectionKey) && part.substr(kCollectionKey.size()).starts_with('=')) {
      name = part.substr(kCollectionKey.size() + 1);
    } else if (!part.empty()) {
      kept.push_back(kept.empty() ? '?' : '&');
      kept.append(part);
    }
  }
  url.resize(question);
  url.append(kept);
  return name;
}

}  // namespace

Result<StoreLocation> parse_location(std::string_view text) {
  StoreLocation location;
  location.text = text;
  location.address = text;
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) {
    if (text.empty()) {
      return fail(ErrorCode::kInvalidArgument, "collection: expected a folder or a URL, found nothing");
    }
    return location;
  }
  const auto scheme = text.substr(0, scheme_end);
  if (scheme == "milvus" || scheme == "milvuss") {
    location.kind = StoreLocation::Kind::kMilvus;
  } else if (scheme == "postgresql" || scheme == "postgres") {
    location.kind = StoreLocation::Kind::kPostgres;
  } else {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("collection '{}': expected a folder, milvus:// or postgresql://, found {}://",
                            without_password(text), scheme));
  }
  location.text = without_password(text);
  location.collection = take_collection(location.address);
  if (location.collection.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("collection '{}': expected ?collection=NAME at the end, found none", location.text));
  }
  return location;
}

}  // namespace asterism
