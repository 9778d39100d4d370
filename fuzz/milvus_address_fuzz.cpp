// Any text as the location of a collection in Milvus: an error that says something and shows no password, or an address
// that gRPC and its headers can take.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "milvus/milvus_address.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto location = asterism::parse_location({reinterpret_cast<const char*>(data), size});
  if (!location || location->kind != asterism::StoreLocation::Kind::kMilvus) {
    return 0;
  }
  const auto address = asterism::parse_milvus_address(*location);
  if (!address) {
    return address.error().message.empty() ? (std::abort(), 0) : 0;
  }
  const auto is_name = [](std::string_view text) {
    return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") ==
           std::string_view::npos;
  };
  if (address->collection.empty() || !is_name(address->collection) || !is_name(address->database) ||
      address->target.find(':') == std::string_view::npos || address->target.front() == ':') {
    std::abort();
  }
  return 0;
}
