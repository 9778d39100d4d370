// Any bytes as a line of an exported collection: an error that says something, or an item that comes back the same when
// it is written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "service/item_json.hpp"

namespace {

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto item = asterism::service::parse_item_json(line, "fuzz:1");
  if (!item) {
    require(!item.error().message.empty());
    return 0;
  }
  std::string written;
  asterism::service::append_item_json(written, *item);
  require(written.find('\n') == std::string::npos);
  const auto again = asterism::service::parse_item_json(written, "fuzz:2");
  require(again.has_value());
  std::string twice;
  asterism::service::append_item_json(twice, *again);
  require(again->id == item->id && again->content == item->content && again->data == item->data && twice == written);
  return 0;
}
