// The Hugging Face hub as a source: its cache on this machine first, then its HTTP protocol.
//
// Protocol: GET {endpoint}/api/models/{id}/revision/{revision} lists the files and the commit; HEAD
// {endpoint}/{id}/resolve/{commit}/{file} says each one's ETag (a digest) and size; GET follows to a content server.
// Thread-safety: any thread. Internal to the module.
#pragma once

#include <optional>
#include <vector>

#include "hub/hub.hpp"
#include "hub/model_id.hpp"

namespace asterism {

// A complete snapshot in the cache. `known` are files whose size must be right.
std::optional<ModelLocation> find_cached_hub_model(const HubId& id, const std::vector<CatalogueFile>& known,
                                                   const HubOptions& options);

// Brings the snapshot of `id.revision` into the cache, asking the hub what belongs to it. Files in `known` must have
// the digests given there.
Result<ModelLocation> fetch_hub_model(const HubId& id, const std::vector<CatalogueFile>& known,
                                      const HubOptions& options);

// Why there is nothing to use without the network: what is missing in which folder.
Error offline_hub_error(const HubId& id, const HubOptions& options);

}  // namespace asterism
