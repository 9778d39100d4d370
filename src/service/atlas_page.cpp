#include "service/atlas_page.hpp"

#ifdef ASTERISM_ATLAS_PAGE
#include "base/embedded_file.hpp"

ASTERISM_EMBED_FILE(asterism_atlas_page, ASTERISM_ATLAS_PAGE);

extern "C" {
extern const char asterism_atlas_page[];
extern const char asterism_atlas_page_end[];
}
#endif

namespace asterism::service {
namespace {

constexpr std::string_view kDataPlace = "id=\"asterism-data\">null</script>";

std::string_view page() {
#ifdef ASTERISM_ATLAS_PAGE
  return embedded_text(asterism_atlas_page, asterism_atlas_page_end);
#else
  return {};
#endif
}

// JSON that can stand in a script element: no '<' can end it.
std::string script_json(const Json& data) {
  std::string out;
  for (const char c : data.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> page_with_data(std::string_view page, const Json& data) {
  constexpr std::string_view kNull = "null";
  const std::size_t place = page.find(kDataPlace);
  if (place == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t value = place + kDataPlace.find(kNull);
  std::string out(page.substr(0, value));
  out += script_json(data);
  out += page.substr(value + kNull.size());
  return out;
}

std::optional<std::string> atlas_page(const Json& data) {
  return page_with_data(page(), data);
}

}  // namespace asterism::service
