#include "builtin/atlas_page.hpp"

#include "base/embedded_file.hpp"

ASTERISM_EMBED_FILE(asterism_atlas_page, ASTERISM_ATLAS_PAGE);

extern "C" {
extern const char asterism_atlas_page[];
extern const char asterism_atlas_page_end[];
}

namespace asterism {

std::string_view atlas_page() noexcept {
  return embedded_text(asterism_atlas_page, asterism_atlas_page_end);
}

std::string_view atlas_page_missing() noexcept {
  return "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Asterism atlas</title>"
         "<h1>Built without the atlas page</h1>"
         "<p>This program was built where Node or its packages were missing. Run <code>tools/setup/web.sh</code> in the "
         "sources, build again, and the map is here. All routes below <code>/v1</code> work without it.</p></html>\n";
}

}  // namespace asterism
