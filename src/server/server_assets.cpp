#include "server/server_assets.hpp"

#include <array>

#include "base/embedded_file.hpp"

#define ASTERISM_EMBED_ASSET(symbol, file) ASTERISM_EMBED_FILE(symbol, ASTERISM_ASSETS_FOLDER "/server/" file)

ASTERISM_EMBED_ASSET(asterism_server_atlas, "atlas.json");
ASTERISM_EMBED_ASSET(asterism_server_collections, "collections.json");
ASTERISM_EMBED_ASSET(asterism_server_common, "common.json");
ASTERISM_EMBED_ASSET(asterism_server_docs, "docs.html");
ASTERISM_EMBED_ASSET(asterism_server_embed, "embed.json");
ASTERISM_EMBED_ASSET(asterism_server_jobs, "jobs.json");
ASTERISM_EMBED_ASSET(asterism_server_status, "status.json");

extern "C" {
extern const char asterism_server_atlas[];
extern const char asterism_server_atlas_end[];
extern const char asterism_server_collections[];
extern const char asterism_server_collections_end[];
extern const char asterism_server_common[];
extern const char asterism_server_common_end[];
extern const char asterism_server_docs[];
extern const char asterism_server_docs_end[];
extern const char asterism_server_embed[];
extern const char asterism_server_embed_end[];
extern const char asterism_server_jobs[];
extern const char asterism_server_jobs_end[];
extern const char asterism_server_status[];
extern const char asterism_server_status_end[];
}

namespace asterism::server {

std::span<const OpenApiFragment> open_api_fragments() {
  static const std::array<OpenApiFragment, 6> kFragments{{
      {"atlas.json", embedded_text(asterism_server_atlas, asterism_server_atlas_end)},
      {"collections.json", embedded_text(asterism_server_collections, asterism_server_collections_end)},
      {"common.json", embedded_text(asterism_server_common, asterism_server_common_end)},
      {"embed.json", embedded_text(asterism_server_embed, asterism_server_embed_end)},
      {"jobs.json", embedded_text(asterism_server_jobs, asterism_server_jobs_end)},
      {"status.json", embedded_text(asterism_server_status, asterism_server_status_end)},
  }};
  return kFragments;
}

std::string_view docs_page() {
  return embedded_text(asterism_server_docs, asterism_server_docs_end);
}

}  // namespace asterism::server
